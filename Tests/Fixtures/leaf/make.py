# Makes the golden leaves a second time, from the written definition and with nothing of the Swift code.
import hashlib, hmac, os, uuid
H=lambda b: hashlib.sha256(b).digest()
def salt(n): return bytes([n])*32
def plain(name,s,c): return H(b"shareledger-part/v1\0"+name.encode()+b"\0"+s+c)
def mth(ls):
    if not ls: return H(b"")
    if len(ls)==1: return H(b"\0"+ls[0])
    k=1
    while k*2<len(ls): k*=2
    return H(b"\1"+mth(ls[:k])+mth(ls[k:]))
def chunked(name,s,chunks):
    return mth([H(b"shareledger-part/v1\0"+name.encode()+b"\0"+hmac.new(s,i.to_bytes(8,'big'),hashlib.sha256).digest()+c) for i,c in enumerate(chunks)])
def uuid7(us,rnd):
    ms,frac=divmod(us,1000)
    hi=(ms<<16)|0x7000|(frac*4096//1000)
    lo=(int.from_bytes(bytes(rnd),'big')&0x3FFFFFFFFFFFFFFF)|0x8000000000000000
    return str(uuid.UUID(int=(hi<<64)|lo))
first=uuid7(1769860800123456,[1,2,3,4,5,6,7,8]); second=uuid7(1769860800123457,[8,7,6,5,4,3,2,1])
def leaf(fields,parts):
    t="shareledger-leaf/v1\n"
    for k,v in fields: t+=f"{k} {v}\n"
    for n,l,c in sorted(parts): t+=f"part {n} {l} {c.hex()}\n"
    return t+"= "+H(b"\0"+t.encode()).hex()+"\n"
names="log event type direction stream stream-seq stream-prev ticket share-seq share-prev about exchange attempt recorded status".split()
def write(fn,vals,parts): open(os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{fn}.leaf"),"w").write(leaf(list(zip(names,vals)),parts))
chunks=[b'{',b'"uuid":"t1"',b',"comments":[',b'{"uuid":"c1"}',b',',b'{"uuid":"c2"}',b'],',b'"status":"open"',b'}']
body=b"".join(chunks); assert body==b'{"uuid":"t1","comments":[{"uuid":"c1"},{"uuid":"c2"}],"status":"open"}'
rl=b"POST /sharing/tickets/t1 HTTP/1.1"; hd=b"Host: desk.example\n"
write("ticket.shared",["desk.example/sharing/1",first,"ticket.shared","in","agreement:a1","1",H(b"\1").hex(),"t1","0","-","-",second,"-","2026-01-31T12:00:00.123456Z","201"],
 [("request-line",len(rl),plain("request-line",salt(1),rl)),("headers",len(hd),plain("headers",salt(2),hd)),("body",len(body),chunked("body",salt(3),chunks)),("facts",2,plain("facts",salt(4),b"{}"))])
write("epoch.opened",["desk.example/sharing/2",second,"epoch.opened","-","system","0","-","-","-","-","-","-","-","1969-12-31T23:59:59.999999Z","-"],[("facts",0,plain("facts",salt(5),b""))])
write("attempt.failed",["x/1",second,"attempt.failed","out","agreement:a1","42",H(b"\2").hex(),"t1","7",H(b"\3").hex(),first,second,"3","9999-12-31T23:59:59.999999Z","503"],
 [("facts",2,plain("facts",salt(6),b"{}")),("answer-body",2,chunked("answer-body",salt(7),[b"\xff\0"])),("answer-headers",0,plain("answer-headers",salt(8),b""))])
