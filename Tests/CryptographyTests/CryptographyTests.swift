import Cryptography
import Testing

@Suite struct CryptographyTests {
    @Test func `SHA-256 gives the value of FIPS 180-2 for abc, and starts anew after it`() {
        var computation = SHA256()
        for _ in 0..<2 {
            computation.update(Array("a".utf8))
            computation.update(Array("xbcx".utf8), in: 1..<3)
            #expect(
                "\(computation.finalize())" == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            )
        }
        #expect("\(SHA256.hash([]))" == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func `HMAC-SHA-256 gives the values of RFC 4231`() {
        #expect(
            "\(HMAC(key: [UInt8](repeating: 0x0B, count: 20)).code(of: Array("Hi There".utf8)))"
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        )
        #expect(
            "\(HMAC(key: Array("Jefe".utf8)).code(of: Array("what do ya want for nothing?".utf8)))"
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        )
    }

    @Test func `SHA-1 gives the identifier that the protocol's walkthrough shows`() {
        #expect(
            hexadecimal(sha1(Array("mycompany.net/sharing/tickets/1".utf8)))
                == "ed46838bfb41461e4f3b16ba471162c8e2764260",
        )
    }

    @Test(arguments: [0, 1, 15, 16, 17, 5000]) func `sealed bytes open again, and only as they were`(count: Int) throws
    {
        let key = Randomness.system.bytes(32)
        let plaintext = Randomness.system.bytes(count)
        let sealed = AESGCM.seal(plaintext, key: key, associatedData: [1, 2])
        #expect(try AESGCM.open(sealed, key: key, associatedData: [1, 2]) == plaintext)
        for index in [0, 11, 12, sealed.count - 1] {
            var altered = sealed
            altered[index] ^= 1
            #expect(throws: AESGCM.AuthenticationFailure.self) {
                try AESGCM.open(altered, key: key, associatedData: [1, 2])
            }
        }
        #expect(throws: AESGCM.AuthenticationFailure.self) {
            try AESGCM.open(sealed, key: key, associatedData: [1, 3])
        }
        #expect(throws: AESGCM.AuthenticationFailure.self) {
            try AESGCM.open(Array(sealed.prefix(20)), key: key, associatedData: [1, 2])
        }
        var otherKey = key
        otherKey[0] ^= 1
        #expect(throws: AESGCM.AuthenticationFailure.self) {
            try AESGCM.open(sealed, key: otherKey, associatedData: [1, 2])
        }
    }

    @Test func `AES-256-GCM opens test case 16 of the GCM specification`() throws {
        let key = try #require(bytes(hexadecimal: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
        let sealed = try #require(
            bytes(
                hexadecimal: "cafebabefacedbaddecaf888"
                    + "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                    + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                    + "76fc6ece0f4e1768cddf8853bb2d551b",
            ),
        )
        let associatedData = try #require(bytes(hexadecimal: "feedfacedeadbeeffeedfacedeadbeefabaddad2"))
        let plaintext = try AESGCM.open(sealed, key: key, associatedData: associatedData)
        #expect(hexadecimal(Array(plaintext.prefix(8))) == "d9313225f88406e5")
        #expect(plaintext.count == 60)
    }

    @Test func `a digest holds 32 bytes, in order`() throws {
        let bytes = Array(UInt8(0)..<32)
        let digest = try #require(Digest(bytes))
        #expect(digest.bytes == bytes)
        var appended: [UInt8] = [9]
        digest.append(to: &appended)
        #expect(appended == [9] + bytes)
        #expect(Digest(bytes.dropLast()) == nil)
        #expect(Digest(bytes + [0]) == nil)
        #expect(Digest([1] + bytes.dropFirst()) != digest)
    }

    @Test func `hex digits read back, and nothing else does`() {
        #expect(bytes(hexadecimal: "00ff7F") == [0, 255, 127])
        #expect(bytes(hexadecimal: "0") == nil)
        #expect(bytes(hexadecimal: "0g") == nil)
        #expect(bytes(hexadecimal: "é") == nil)
    }

    @Test func `random bytes come in the number asked for, and differ`() {
        #expect(Randomness.system.bytes(0).isEmpty)
        #expect(Randomness.system.bytes(32).count == 32)
        #expect(Randomness.system.bytes(32) != Randomness.system.bytes(32))
    }
}
