import Linux
import Testing

@Suite struct OSUserTests {
    @Test func `an account is found by name and by id`() throws {
        let root = try #require(try OSUser.named("root"))
        #expect(root.id == 0)
        #expect(try OSUser.with(id: 0) == root)
    }

    @Test func `an account that does not exist is nil`() throws {
        #expect(try OSUser.named("no-such-user") == nil)
        #expect(try OSUser.with(id: 3_999_999_999) == nil)
    }
}
