# SPDX-License-Identifier: ISC
"""
check_record: do the zone's own servers show the record? And add_record where a CNAME leads.

In the network of these tests every address belongs to this machine, so that real servers stand at public ones. Which they are says a name server of the test's, in the place of the recursive ones.
"""
import collections
import concurrent.futures
import contextlib
import os
import signal
import struct
import subprocess
import tempfile

import tap
from acme_clients import Host
from common import add, added, everyone, gateway_of, integrate, pdns, refused, remove, together
from dns_answers import A, AAAA, CNAME, NS, NXDOMAIN, SERVFAIL, TXT, NameServer, Question, enter_network, need_network, record, wire_name
from dns_servers import Bind, Knot
from injected import ALL, Injected
from openapi import answer_examples, check_answers, operations, same
from servers import has_symbol, wait_for

if __name__ == "__main__":
    enter_network("127.0.0.1 localhost\n::1 localhost ip6-localhost\n")

check_answers()

ZONE = "check.example"
NAME = "_acme-challenge." + ZONE
SECTION = 'self_hosted { plain_http = {"127.0.0.1"} }\n'
PDNS, BIND, KNOT, KNOT6 = "9.1.0.1", "9.1.0.2", "9.1.0.3", "2600::3"


# ---- who is there ----

class DNS(NameServer):
    """What recursive servers would say: .say(name, type, *data)."""

    def __init__(self, *where):
        self.table = {}
        super().__init__(*where)

    def say(self, name, rtype, *data):
        self.table[name, rtype] = data
        self.names[name] = self.told

    def told(self, q):
        return q.answer(*(record(None, q.type, d) for d in self.table.get((q.name, q.type), ())))

    def servers(self, zone, **hosts):
        """ns1=("9.1.0.1", "2600::1")…: the zone's servers."""
        self.say(zone, NS, *("%s.%s" % (h, zone) for h in hosts))
        for h, addresses in hosts.items():
            for rtype in A, AAAA:
                self.say("%s.%s" % (h, zone), rtype, *(a for a in addresses if (":" in a) == (rtype == AAAA)))


@contextlib.contextmanager
def published(p, address):
    """A second PowerDNS on P's database, at port 53 of ADDRESS: what the provider's own servers are."""
    with tempfile.TemporaryDirectory() as d, open(p.dir + "/pdns.conf") as f:
        lines = [line for line in f if not line.startswith(("local-", "web", "api", "socket-dir"))]
        with open(d + "/pdns.conf", "w") as conf:
            conf.write("".join(lines) + "local-address=%s\nlocal-port=53\nsocket-dir=%s\n" % (address, d))
        env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        with open(d + "/log", "w") as log, subprocess.Popen(["pdns_server", "--config-dir=" + d], env=env, stdin=subprocess.DEVNULL,
                                                           stdout=log, stderr=log) as process:
            try:
                wait_for(lambda: "ANSWER: 1" in dig(address, ZONE, "SOA"), 15)
                yield
            finally:
                process.kill()


def dig(address, name, rtype, *options):
    return subprocess.run(["dig", "@" + address, "+norecurse", "+tries=1", "+time=1", *options, name, rtype], stdout=subprocess.PIPE,
                          text=True).stdout


class Authority(NameServer):
    """A server of the test's at one address: ANSWER(question), the same for all names."""

    def __init__(self, address, answer):
        super().__init__(address)
        self.answer = answer

    def reply(self, message, tcp):
        q = Question(message, tcp)
        self.asked.append((q.name, q.type))
        return self.answer(q)


def authoritative(message):
    """The answer says so."""
    return message[:2] + struct.pack("!H", struct.unpack_from("!H", message, 2)[0] | 0x400) + message[4:]


def txt(*values):
    """TXT records at the name that was asked for."""
    return [b"\xc0\x0c" + struct.pack("!HHIH", TXT, 1, 60, len(v) + 1) + bytes([len(v)]) + v.encode() for v in values]


def shows(*values):
    return lambda q: authoritative(q.answer(*txt(*values)))


@contextlib.contextmanager
def world(section=SECTION, servers=None):
    """(gateway, name server, PowerDNS)"""
    need_network()
    p = pdns(ZONE)
    with DNS() as dns, published(p, PDNS), gateway_of(section) as g:
        dns.servers(ZONE, **(servers or {"ns1": (PDNS,)}))
        yield g, dns, p


def check(g, handle, record_handle, **kw):
    return g.post("/check_record", dict(integration_handle=handle, record_handle=record_handle, **kw))


def checked(g, handle, record_handle):
    """(visible, {address: what is said of it}): the provider has no word of its own."""
    status, answer = check(g, handle, record_handle)
    assert status == 200 and answer["provider"] == "applied", (status, answer)
    return answer["visible"], {s["address"] or s["name"]: s.get("problem", s["visible"]) for s in answer["servers"]}


# ---- check_record ----

def test_one_lags():
    with world(servers={"ns1": (PDNS,), "ns2": (KNOT, KNOT6)}) as (g, dns, _), Knot(ZONE, at=(KNOT, KNOT6)) as knot:
        handle = integrate(g, pdns())
        record_handle = added(g, handle, NAME, "lags")
        assert checked(g, handle, record_handle) == (False, {PDNS: True, KNOT: False, KNOT6: False})
        knot.make(ZONE, NAME + ' 60 TXT "la" "gs"')  # however it is cut
        assert checked(g, handle, record_handle) == (True, {PDNS: True, KNOT: True, KNOT6: True})
        lines = wait_for(lambda: [l for l in g.audit() if l["event"] == "check_record.outcome"][1:], 5)
        assert (lines[0]["result"], lines[0]["fqdn"], lines[0]["zone"], lines[0]["value"]) == ("ok", NAME, ZONE, "lags")
        assert remove(g, handle, record_handle)[1] == {"removed": True}
        assert checked(g, handle, record_handle)[1][PDNS] is False
        # asked by the names of the zone's servers and no others
        asked = {n for n, _ in dns.asked if "." in n}  # and not this machine's name, which others look up
        assert asked == {ZONE, "ns1." + ZONE, "ns2." + ZONE}, asked


def test_a_hook_waits():
    """`postern hook --wait` goes on when the one that lags has it, and says nothing."""
    with world(servers={"ns1": (PDNS,), "ns2": (KNOT,)}) as (g, _, _), Knot(ZONE, at=(KNOT,)) as knot:
        with Host(g.url, g.token, integrate(g, pdns())) as h:
            hook = h.start_hook("add", "--wait", NAME, "waits")
            wait_for(lambda: [l for l in g.audit() if l["event"] == "check_record.outcome"])
            assert hook.poll() is None
            knot.make(ZONE, NAME + ' 60 TXT "waits"')
            assert (*hook.communicate(timeout=60), hook.returncode) == ("", "", 0)
            assert h.hook("remove", NAME, "waits").returncode == 0 and h.entries() == []


def test_over_tcp_only():
    """A set that is too large for a datagram."""
    with world(servers={"ns1": (PDNS,), "ns2": (KNOT,)}) as (g, _, p), Knot(ZONE, at=(KNOT,)) as knot:
        handle = integrate(g, p)
        name = "_acme-challenge.large." + ZONE
        handles = [added(g, handle, name, "%02d" % i + "x" * 60) for i in range(20)]
        knot.make(ZONE, *('%s 60 TXT "%02d%s"' % (name, i, "x" * 60) for i in range(20)))
        for address in PDNS, KNOT:
            assert "flags: qr aa tc" in dig(address, name, "TXT", "+ignore", "+noedns", "+notcp")
        assert checked(g, handle, handles[19]) == (True, {PDNS: True, KNOT: True})
        assert checked(g, handle, handles[0]) == (True, {PDNS: True, KNOT: True})


def test_other_types():
    """CNAME, CAA; and NS, which stands in a referral: the delegation of the name itself."""
    with world() as (g, _, p):
        handle = integrate(g, p)
        for name, rtype, value, mode in (("_acme-challenge.c." + ZONE, "CNAME", "Target.example.net.", "replace"), (ZONE, "CAA", '0 issue "ca.example"', "coexist"),
                                         ("_acme-challenge.n." + ZONE, "NS", "ns1.acme-dns.example", "replace")):
            record_handle = added(g, handle, name, value, type=rtype, mode=mode)
            assert checked(g, handle, record_handle) == (True, {PDNS: True}), rtype


def test_families():
    """Only one address of a server can be asked: that will do. IPv6 alone, ::1 where the operator lets it, two servers at one address."""
    section = SECTION + 'resolver { servers = {"127.0.0.53:53"} allow = {"::1", "127.0.0.2"} }\n'
    with Authority("::1", shows("six")), Authority("127.0.0.2", shows("six")), world(section, {
            "ns1": ("::1",), "ns2": ("10.0.0.1", "127.0.0.1", "::1"), "ns3": ("127.0.0.2", "fd00::1")}) as (g, _, p):
        handle = integrate(g, p)
        record_handle = added(g, handle, NAME, "six")
        status, answer = check(g, handle, record_handle)
        assert status == 200 and answer["visible"], answer
        # A server's addresses of both families come in the order in which DNS has answered.
        assert sorted((s["name"][:3], s["address"], s.get("problem", s["visible"])) for s in answer["servers"]) == [
            ("ns1", "::1", True), ("ns2", "10.0.0.1", "not_permitted"), ("ns2", "127.0.0.1", "not_permitted"), ("ns2", "::1", True),
            ("ns3", "127.0.0.2", True), ("ns3", "fd00::1", "not_permitted")]


FORBIDDEN = """0.0.0.1 10.0.0.1 100.64.0.1 127.0.0.1 127.0.0.53 168.63.129.16 169.254.169.254 172.16.0.1 192.168.0.1 224.0.0.1
    ::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 fd00:ec2::254 fe80::1 ff02::1""".split()


def test_forbidden_addresses():
    """Nothing is sent there, nor is it connected to."""
    with world() as (g, dns, p):
        handle = integrate(g, p)
        record_handle = added(g, handle, NAME, "forbidden")
        with Authority("10.0.0.1", shows("forbidden")) as hidden:
            asked = len(dns.asked)
            for address in FORBIDDEN:
                dns.servers(ZONE, ns1=(address,))
                visible, said = checked(g, handle, record_handle)
                assert not visible and list(said.values()) == ["not_permitted"], (address, said)
            assert not hidden.asked and len(dns.asked) == asked + 3 * len(FORBIDDEN)


def test_own_address():
    """A server on this very machine: where the operator lists it."""
    need_network()
    subprocess.run(["ip", "address", "add", BIND + "/32", "dev", "lo"], check=True)
    with Bind(ZONE, at=(BIND,)) as bind:
        for section, said in (SECTION, "not_permitted"), (SECTION + 'resolver { allow = {"%s"} }\n' % BIND, True):
            with world(section, {"ns1": (BIND,)}) as (g, _, p):
                handle = integrate(g, p)
                bind.make(ZONE, NAME + " 60 TXT own")
                assert checked(g, handle, added(g, handle, NAME, "own")) == (said is True, {BIND: said})


def other_id(q):
    return b"\xff\xff" + authoritative(q.answer(*txt("v")))[2:] if q.message[:2] != b"\xff\xff" else None


def other_question(q):
    """An answer to what nobody asked."""
    name = wire_name("_acme-challenge.other.example")
    return q.message[:2] + struct.pack("!5H", 0x8580, 1, 1, 0, 0) + name + struct.pack("!HH", TXT, 1) + b"".join(txt("v"))


def other_name(q):
    """A record of a name that nobody asked for."""
    return authoritative(q.answer(wire_name("_acme-challenge.other.example") + txt("v")[0][2:]))


def loop(q):
    """The question's name leads to itself."""
    return q.message[:2] + struct.pack("!5H", 0x8580, 1, 1, 0, 0) + b"\xc0\x0c" + struct.pack("!HH", TXT, 1) + b"".join(txt("v"))


def huge(q):
    return authoritative(q.answer(*txt(*["%03d" % i + "x" * 240 for i in range(230)])))


def endless(q):
    """Always cut, over UDP; over TCP it says that it is longer than it is."""
    return authoritative(q.answer(truncated=True)) if not q.tcp else None


HOSTILE = {  # name of the server: (its answer, what is said of it)
    "other-id": (other_id, "no_answer"),
    "other-question": (other_question, "no_answer"),
    "other-name": (other_name, False),
    "loop": (loop, "no_answer"),
    "huge": (huge, False),
    "endless": (endless, "no_answer"),
    "cut": (lambda q: shows("v")(q)[:-1], "no_answer"),
    "more": (lambda q: shows("v")(q) + b"\0", "no_answer"),
    "silent": (lambda q: None, "no_answer"),
    "empty": (lambda q: b"", "no_answer"),
    "echo": (lambda q: q.message, "no_answer"),
    "refuses": (lambda q: q.answer(rcode=5), "refused"),
    "fails": (lambda q: q.answer(rcode=SERVFAIL), "lame"),
    "lame": (lambda q: q.answer(*txt("v")), "lame"),
    "lacks": (shows("w"), False),
    "has": (shows("w", "v"), True),
    "no-name": (lambda q: authoritative(q.answer(rcode=NXDOMAIN)), False),
}


def test_hostile_servers():
    """Each says what it can against the truth; only who says it rightly is believed."""
    names = list(HOSTILE)
    addresses = {n: "9.2.0.%d" % (i + 1) for i, n in enumerate(names)}
    with contextlib.ExitStack() as stack, world() as (g, dns, p):
        for n in names:
            stack.enter_context(Authority(addresses[n], HOSTILE[n][0]))
        handle = integrate(g, p)
        record_handle = added(g, handle, NAME, "v")

        def ask(group):
            dns.servers(ZONE, **{n: (addresses[n],) for n in group})
            return checked(g, handle, record_handle)

        for group in names[:9], names[9:]:
            visible, said = ask(group)
            assert said == {addresses[n]: HOSTILE[n][1] for n in group} and not visible, said
        # What could not be asked does no harm where the server has another address; what lacks it does.
        for n, (_, said) in HOSTILE.items():
            if said in ("refused", "lame", False):
                dns.servers(ZONE, ns1=(addresses["has"], addresses[n]))
                assert checked(g, handle, record_handle)[0] == (said is not False), n
        assert g.get("/readyz")[0] == 200


def walks(message):
    """64 KiB in which each of some thousand names leads through as many pointers, one to the next."""
    out = bytearray(message[:2] + struct.pack("!5H", 0x8580, 1, 0, 0, 0) + message[12:] + b"\0" + struct.pack("!HHIHB", TXT, 1, 0, 0, 0))
    last = len(out) - 1
    while len(out) < 0x3ffe:
        out += struct.pack("!H", 0xc000 | last)
        last = len(out) - 2
    struct.pack_into("!H", out, len(message) + 9, len(out) - len(message) - 11)
    n = (65500 - len(out)) // 12
    out += n * struct.pack("!HHHIH", 0xc000 | last, TXT, 1, 0, 0)
    struct.pack_into("!H", out, 6, 1 + n)
    return bytes(out)


class Busy(NameServer):
    """Has whoever asks read a lot: over UDP what is no answer, though it looks like one; over TCP what may be."""

    def serve_udp(self):
        with contextlib.suppress(OSError):
            while message := self.udp.recvfrom(4096)[0]:
                pass

    def reply(self, message, tcp):
        return walks(message)


class BusyByUDP(Busy):
    def serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                message, peer = self.udp.recvfrom(4096)
                if not message:
                    return
                for _ in range(4):
                    self.udp.sendto(b"\xff\xff" + walks(message)[2:], peer)


def test_busy_servers():
    """What they send is soon read: no process is taken for one that hangs, and others are answered."""
    hosts = {"ns%d" % i: ["9.6.%d.%d" % (i, k) for k in (1, 2)] for i in range(16)}
    with contextlib.ExitStack() as stack, world() as (g, dns, p):
        for n, addresses in enumerate(hosts.values()):
            for a in addresses:
                stack.enter_context((Busy, BusyByUDP)[n % 2](a))
        slow = "busy.example"
        p.ensure_zone(slow)
        dns.servers(slow, **hosts)
        handle, before = integrate(g, p), everyone(g)
        fast_handle, slow_handle = added(g, handle, NAME, "fast"), added(g, handle, "_acme-challenge." + slow, "slow")
        answers = together(lambda i: checked(g, handle, slow_handle if i % 8 else fast_handle), range(16), 16)
        for i, (visible, said) in enumerate(answers):
            assert (visible, set(said.values())) == ((False, {"no_answer"}) if i % 8 else (True, {True})), (i, said)
        assert g.pids() == before


class Stalls(Busy):
    """Over TCP it says that much will come, and no more."""

    def serve_connection(self, s):
        with s, contextlib.suppress(OSError):
            s.recv(4096)
            s.sendall(b"\xff\xff" + b"x" * 10)
            s.recv(1)  # until the other one goes


def test_stalled_servers():
    """What is to come needs no memory."""
    if has_symbol("__asan_init"):
        raise tap.Skip("AddressSanitizer keeps what was freed")
    hosts = {"ns%d" % i: ["9.7.%d.%d" % (i, k) for k in (1, 2)] for i in range(16)}
    with contextlib.ExitStack() as stack, world(servers=hosts) as (g, _, p):
        for a in sum(hosts.values(), []):
            stack.enter_context(Stalls(a))
        handle = integrate(g, p)
        record_handle = added(g, handle, NAME, "stalls")
        answers = together(lambda i: checked(g, handle, record_handle), range(60), 60)
        assert all(visible is False and set(said.values()) == {"no_answer"} for visible, said in answers), answers
        with open("/proc/%d/status" % g.pids()["postern-resolver"]) as f:
            peak = next(int(line.split()[1]) >> 10 for line in f if line.startswith("VmHWM"))
        assert peak <= 20, "%d MiB" % peak


def test_nobody_is_there():
    """No server, no address, nobody who listens, no DNS."""
    with world() as (g, dns, p):
        handle = integrate(g, p)
        record_handle = added(g, handle, NAME, "nobody")
        dns.servers(ZONE, ns1=(PDNS,), ns2=())
        assert checked(g, handle, record_handle) == (False, {PDNS: True, "ns2." + ZONE: "no_answer"})
        dns.servers(ZONE, ns1=("9.9.0.1",))
        assert checked(g, handle, record_handle) == (False, {"9.9.0.1": "no_answer"})
        dns.say(ZONE, NS, "no host.example", "ns1." + ZONE)
        dns.say("ns1." + ZONE, A, PDNS)
        assert checked(g, handle, record_handle) == (False, {"?": "no_answer", PDNS: True})
        dns.say(ZONE, NS)
        assert checked(g, handle, record_handle) == (False, {})
        dns.names[ZONE] = lambda q: q.answer(rcode=NXDOMAIN)
        assert checked(g, handle, record_handle) == (False, {})
        for answer in lambda q: q.answer(rcode=SERVFAIL), lambda q: None, lambda q: b"\0" * 12:
            dns.names[ZONE] = answer
            refused(check(g, handle, record_handle), 502, "provider_unavailable")


def test_recursive_servers():
    """Those of the configuration, in both families, in place of resolv.conf's; an answer that is cut comes over TCP."""
    section = SECTION + 'resolver { servers = {"127.0.0.77:5300", "[::1]:5301"} }\n'
    with DNS("127.0.0.77", 5300) as four, DNS("::1", 5301) as six, world(section) as (g, dns, p):
        handle = integrate(g, p)
        record_handle = added(g, handle, NAME, "recursive")
        for server in four, six:
            server.servers(ZONE, ns1=(PDNS,))
        assert checked(g, handle, record_handle) == (True, {PDNS: True})
        assert four.asked and not six.asked and not dns.asked
        four.names[ZONE] = lambda q: q.answer(rcode=SERVFAIL)
        assert checked(g, handle, record_handle) == (True, {PDNS: True})
        assert six.asked
        tcp = []
        four.names[ZONE] = six.names[ZONE] = lambda q: tcp.append(q.tcp) or (four.told(q) if q.tcp else q.answer(truncated=True))
        assert checked(g, handle, record_handle) == (True, {PDNS: True})
        assert True in tcp and g.pids()["postern-resolver"] and "resolver ended" not in g.stderr_text()


def test_most():
    """20 servers with 3 addresses each: 16 are asked, at 32 addresses, each of them in both families."""
    hosts = {"ns%d" % i: ["9.3.%d.%d" % (i, k) for k in (1, 2, 3)] + ["2600::%d:%d" % (i, k) for k in (1, 2, 3)] for i in range(1, 21)}
    with world(servers=hosts) as (g, _, p):
        handle = integrate(g, p)
        visible, said = checked(g, handle, added(g, handle, NAME, "most"))
        assert not visible and len(said) == 32 and set(said.values()) == {"no_answer"}
        assert {a.split(".")[2] for a in said if "." in a} == {a.split(":")[2] for a in said if ":" in a} == {str(i) for i in range(1, 17)}


def test_example():
    """The API's description has an answer: this is where it comes from."""
    op = next(op for _, path, op in operations() if path == "/check_record")
    want = answer_examples(op["responses"]["200"])["challenge"]
    zone = "example.com"
    p = pdns(zone)
    section = SECTION + 'resolver { allow = {"192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"} }\n'
    with world(section) as (g, dns, _), published(p, "192.0.2.53"), published(p, "198.51.100.53"):
        dns.servers(zone, ns1=("192.0.2.53", "2001:db8::53"), ns2=("198.51.100.53",))
        handle = integrate(g, p)
        status, answer = check(g, handle, added(g, handle, "_acme-challenge.www." + zone, "v"))
        assert status == 200 and not same(want, answer), (answer, same(want, answer))


def test_handles():
    with world() as (g, _, p):
        one, two = integrate(g, p, customer="a"), integrate(g, p, customer="b")
        record_handle = added(g, one, NAME, "handles", customer="a")
        refused(check(g, two, record_handle, customer="b"), 422, "handle_invalid", "record_handle")
        refused(check(g, one, record_handle, customer="b"), 422, "handle_invalid", "integration_handle")
        refused(check(g, integrate(g, p, customer="a"), record_handle, customer="a"), 403, "handle_mismatch", "record_handle")
        assert check(g, one, record_handle, customer="a")[0] == 200
        refused(g.post("/check_record", {"integration_handle": one}), 400, "invalid_request", "record_handle")


# ---- follow_cname ----

def chain(dns, n, end, prefix="alias"):
    """N CNAMEs, one behind the other, from the name that is returned to END."""
    names = ["_acme-challenge.%s%d.example.net" % (prefix, i) for i in range(n)] + [end]
    for a, b in zip(names, names[1:]):
        dns.say(a, CNAME, b)
    return names[0]


def test_follow():
    with world() as (g, dns, p):
        handle = integrate(g, p)
        dns.say(NAME, CNAME)  # there is the name, but no CNAME
        for n in 0, 1, 8:
            status, answer = add(g, handle, chain(dns, n, NAME, "c%d-" % n), "follow %d" % n, follow_cname=True)
            assert status == 200 and (answer["fqdn"], answer["zone"]) == (NAME, ZONE), answer
            assert checked(g, handle, answer["record_handle"]) == (True, {PDNS: True})
            intent = [l for l in g.audit() if l["event"] == "add_record.intent"][-1]
            assert (intent["fqdn"], intent["value"]) == (NAME, "follow %d" % n)
            assert g.post("/inspect_handle", {"handle": answer["record_handle"]})[1]["record"]["fqdn"] == NAME
            assert remove(g, handle, answer["record_handle"]) == (200, {"removed": True})
        status, answer = add(g, handle, NAME.upper() + ".", "not asked", follow_cname=False)
        assert status == 200 and answer["fqdn"] == NAME
        assert all(t == CNAME for n, t in dns.asked if "example.net" in n)


def test_follow_refused():
    """What the name at the end may not be; and where there is no end."""
    with world() as (g, dns, p):
        handle, within = integrate(g, p), integrate(g, p, zones=[ZONE])
        cases = [(chain(dns, 9, NAME, "long"), 400, "invalid_request", "record.fqdn"),
                 (chain(dns, 3, "_acme-challenge.circle1.example.net", "circle"), 400, "invalid_request", "record.fqdn"),
                 (chain(dns, 1, "_acme-challenge.self0.example.net", "self"), 400, "invalid_request", "record.fqdn"),
                 (chain(dns, 1, "*.example.net", "wild"), 400, "invalid_request", "record.fqdn"),
                 (chain(dns, 1, "_acme-challenge.nobodys.example", "out"), 422, "zone_not_found", "record.fqdn"),
                 (chain(dns, 2, "_dmarc." + ZONE, "mail"), 403, "policy_denied", "record"),
                 ("*." + ZONE, 400, "invalid_request", "record.fqdn")]
        for name, status, code, field in cases:
            refused(add(g, handle, name, "v", follow_cname=True), status, code, field)
        refused(add(g, within, cases[4][0], "v", follow_cname=True), 403, "policy_denied", "record.fqdn")
        dns.names["_acme-challenge.silent.example.net"] = lambda q: None
        dns.names["_acme-challenge.fails.example.net"] = lambda q: q.answer(rcode=SERVFAIL)
        for name in "silent", "fails":
            refused(add(g, handle, "_acme-challenge.%s.example.net" % name, "v", follow_cname=True), 502, "provider_unavailable")
        assert not [l for l in g.audit() if l["event"] == "add_record.intent"]
        assert g.post("/add_record", {"integration_handle": handle, "record": {"fqdn": NAME, "type": "TXT", "value": "v", "follow_cname": "yes"}})[1]["field"] == "record.follow_cname"


# ---- the resolver among the processes ----

def test_killed_under_load():
    """Whoever waits for it is told so; all others are served; and the next one serves."""
    with Authority("9.4.0.1", lambda q: None), world(servers={"ns1": ("9.4.0.1",)}) as (g, dns, p):
        handle = integrate(g, p)
        record_handle = added(g, handle, NAME, "killed")
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            calls = [pool.submit(check, g, handle, record_handle) for _ in range(40)]
            wait_for(lambda: sum(1 for q in dns.asked if q == ("ns1." + ZONE, AAAA)) == 40)
            os.kill(g.pids()["postern-resolver"], signal.SIGKILL)
            for call in calls:
                assert "resolver" in refused(call.result(30), 502, "provider_unavailable")["detail"]
        assert g.get("/readyz")[0] == 200
        added(g, handle, NAME, "still served")
        dns.servers(ZONE, ns1=(PDNS,))
        wait_for(lambda: check(g, handle, record_handle)[0] == 200)
        assert checked(g, handle, record_handle) == (True, {PDNS: True})
        assert any(l["event"] == "role.restart" and "postern-resolver" in l["value"] for l in g.audit())


def test_many_at_once():
    """Some hundreds wait for servers that say nothing; others get their answers."""
    with Authority("9.4.0.1", lambda q: None), world() as (g, dns, p):
        handle = integrate(g, p)
        slow = "slow.example"
        p.ensure_zone(slow)
        dns.servers(slow, ns1=("9.4.0.1",), ns2=("9.4.0.1",))
        fast_handle, slow_handle = added(g, handle, NAME, "fast"), added(g, handle, "_acme-challenge." + slow, "slow")
        answers = together(lambda i: check(g, handle, fast_handle if i % 4 == 0 else slow_handle), range(240), 240)
        assert all(status == 200 for status, _ in answers)
        assert [a["visible"] for _, a in answers] == [i % 4 == 0 for i in range(240)]


def fails(role, calls, step):
    """One call after the other fails while a record is looked for: nothing is seen that is not there, and the next check sees what is."""
    if has_symbol("__asan_init"):
        step *= 3
    need_network()
    p = pdns(ZONE)
    with DNS() as dns, published(p, PDNS), Authority("9.5.0.1", shows("other")), tempfile.TemporaryDirectory() as d:
        g, nth, met, said = None, 1, True, collections.Counter()
        while met:
            if g is None:
                g = Injected(state_dir=d)
                handle = integrate(g, p)
                record_handle = added(g, handle, NAME, "fails")
                everyone(g)  # its start is none of this
            dns.servers(ZONE, ns1=(PDNS,), ns2=("9.5.0.1",))
            g.arm(role, calls, nth, "fail")
            status, answer = check(g, handle, record_handle)
            _, met, _ = g.disarm()
            said[status] += 1
            assert (status, answer.get("visible")) == (200, False) or status in (502, 503, 504), (nth, status, answer)
            if nth == 1 and not met:
                g.stop()
                raise tap.Skip("it makes no such call")  # AddressSanitizer has allocators of its own
            dns.servers(ZONE, ns1=(PDNS,))
            wait_for(lambda: check(g, handle, record_handle)[1].get("visible"), 20)
            nth += 1 if ALL else step
        g.stop()
        tap.comment("%d faults: %s" % (sum(said.values()) - 1, dict(said)))


def test_calls_that_fail():
    fails("postern-resolver", "*", 3)


def test_allocations_that_fail():
    fails("postern-resolver", "malloc", 7)


def test_a_client_that_goes():
    """It does not wait for the answer: nothing is left in flight."""
    with Authority("9.4.0.1", lambda q: None), world(servers={"ns1": ("9.4.0.1",)}) as (g, dns, p):
        handle = integrate(g, p)
        record_handle = added(g, handle, NAME, "goes")
        with contextlib.suppress(OSError):
            g.post("/check_record", {"integration_handle": handle, "record_handle": record_handle}, timeout=0.2)
        wait_for(lambda: [l for l in g.audit() if l["event"] == "check_record.outcome"], 20)
        assert g.get("/healthz")[0] == 200


if __name__ == "__main__":
    tap.main(globals())
