# SPDX-License-Identifier: ISC
"""A customer says where the gateway connects to. Whatever is said, whatever DNS says: it reaches no place that the operator did not mean.

In the network of these tests every address leads to one server of ours, which writes down where it was reached.
"""
import contextlib
import subprocess
import time

import tap
from common import everyone, gateway_of, together
from dns_answers import (A, AAAA, CNAME, NXDOMAIN, SERVFAIL, Everywhere, NameServer, enter_network, need_network, record)
from openapi import check_answers
from servers import CA

check_answers()

# The operator lists one private address, over plain HTTP too, and one network in IPv6.
LISTED, LISTED6 = "10.77.0.1", "fd77::1"
PUBLIC = "8.8.8.8"
HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.9.8.7 intranet.test\n%s pdns.test\n" % LISTED
SECTION = 'ca_file = "{d}/ca"\nself_hosted { allow = {"%s", "fd77::/64"} plain_http = {"%s"} }' % (LISTED, LISTED)

FORBIDDEN4 = """0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.1 10.77.0.2 100.64.0.1 100.100.100.200 127.0.0.1 127.0.0.53 127.1.2.3 127.255.255.254
    168.63.129.16 169.254.0.1 169.254.169.253 169.254.169.254 169.254.170.2 172.16.0.1 172.17.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
    192.88.99.1 192.168.0.1 192.168.255.254 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1""".split()
# Nobody can connect to these at all; they are tried all the same.
FORBIDDEN4 += ["224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"]
FORBIDDEN6 = """:: ::1 ::2 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 ::ffff:10.77.0.1
    ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b::8.8.8.8 64:ff9b:1::10.0.0.1 100::1
    2001::1 2001:0:808:808:0:0:f5ff:fffe 2001:0:7f00:1::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1
    2002:a9fe:a9fe::1 2002:808:808::1 3fff::1 4000::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 fd78::1 fe80::1 fe80::a9fe:a9fe
    fec0::1 ff02::1 ff0e::1""".split()


@contextlib.contextmanager
def world():
    """(gateway, name server, who is everywhere)"""
    need_network()
    ca = CA()
    try:
        names = [n + ".test" for n in ("mixed", "rebind", "chain", "large")]
        with open(ca.file) as f:
            pem = f.read()
        with Everywhere(ca.issue(*names, PUBLIC)) as everywhere, NameServer() as dns, gateway_of(SECTION, ca=pem) as g:
            yield g, dns, everywhere
    finally:
        ca.close()


def try_url(g, url):
    return g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": url, "api_key": "ssrf-canary-key-0123"}})


def try_server(g, server):
    return g.post("/make_integration", {"provider": "rfc2136", "credentials": {
        "server": server, "zones": "ssrf.example", "tsig_name": "k.", "tsig_algorithm": "hmac-sha256", "tsig_secret": "c3NyZi1jYW5hcnkta2V5LTAxMjM="}})


def not_reached(everywhere, url, result):
    status, answer = result
    assert status in (400, 422, 502) and answer["code"] in ("invalid_request", "provider_rejected", "provider_unavailable"), (url, status, answer)
    assert not everywhere.take(), (url, "was connected to")


def literal(address):
    return "[%s]" % address if ":" in address else address


def served(g, everywhere):
    """The honest one still is, and is where it should be."""
    for host in (LISTED, "pdns.test"):
        status, answer = try_url(g, "http://%s:%d" % (host, everywhere.port))
        assert (status, answer.get("zones")) == (200, []), (host, status, answer)
        assert everywhere.take() == {LISTED}


# ---- addresses ----

def test_the_tests_own_network():
    """What these tests look for they would see."""
    with world() as (g, dns, everywhere):
        served(g, everywhere)
        for url, reached in (("http://%s" % LISTED, LISTED), ("https://%s" % PUBLIC, PUBLIC), ("https://[%s]" % LISTED6, LISTED6),
                             ("https://[2a00:1450::1]", "2a00:1450::1"), ("https://1.1.1.1", "1.1.1.1")):
            status, answer = try_url(g, "%s:%d" % (url, everywhere.port))
            assert everywhere.take() == {reached}, (url, status, answer)
            # Only for the first two there is a certificate.
            assert status == (200 if reached in (LISTED, PUBLIC) else 502), (url, status, answer)
        try_server(g, "%s:%d" % (PUBLIC, everywhere.port))
        assert everywhere.take() == {PUBLIC}


def test_forbidden_addresses():
    with world() as (g, dns, everywhere):
        for address in FORBIDDEN4 + FORBIDDEN6:
            at = "%s:%d" % (literal(address), everywhere.port)
            for url in ("https://" + at, "http://" + at):
                status, answer = try_url(g, url)
                not_reached(everywhere, url, (status, answer))
                assert status == 422 and "not one that this gateway may connect to" in answer["detail"], (url, answer)
            not_reached(everywhere, at, try_server(g, at))
        # Over plain HTTP not even public ones, nor those that are listed for HTTPS only.
        for address in (PUBLIC, LISTED6, "2a00:1450::1"):
            url = "http://%s:%d" % (literal(address), everywhere.port)
            not_reached(everywhere, url, try_url(g, url))
        served(g, everywhere)


SPELLINGS = """2130706433 0x7f000001 0x7f.0.0.1 0x7f.1 017700000001 0177.0.0.1 0177.1 127.1 127.0.1 0 0x0 00 127.0.0.1. localhost. 127.0.0.01
    127.000.000.001 256.256.256.256 127.0.0.1.1 1.2.3.4.5 -1 4294967297 0xffffffff 0b1111111 a.0x7f a.1 [127.0.0.1] [::1%lo] [::1%25lo] [fe80::1%25eth0] [::1]. [::1
    ::1 ::1] [::ffff:127.0.0.1%251] [0:0:0:0:0:ffff:127.1] [::ffff:0x7f000001] [v1.x] [::1]:x [::1]@x user@127.0.0.1 user:pw@127.0.0.1 127.0.0.1@x
    x@127.0.0.1 127.0.0.1%2f@x 127.0.0.1%00.x %6c%6f%63alhost 127%2e0%2e0%2e1 127.0.0.1\\@x 127.0.0.1#@x 127.0.0.1?@x 127.0.0.1;x localhost\x00.x
    \uff11\uff12\uff17.0.0.1 127\u30020\u30020\u30021 127\uff0e0\uff0e0\uff0e1 \u24db\u24de\u24d2\u24d0lhost loc\u00adalhost \u2488\u2488\u2488\u2488 \u0661\u0662\u0667.0.0.1
    b\u00fccher.test .localhost localhost.. -localhost localhost- local_host * *.test""".split()
PORTS = ":0 :00080 :+80 :-1 :65536 :80:80 :80x :0x50 : :80@x :99999999999999999999 :\uff18\uff10".split()


def test_spellings():
    """Other ways to write an address, for some reader or other; none is taken for a name or an address."""
    with world() as (g, dns, everywhere):
        port = ":%d" % everywhere.port
        hosts = [s + port for s in SPELLINGS] + [LISTED + p for p in PORTS] + ["[%s]%s" % (LISTED6, p) for p in PORTS]
        urls = [scheme + host for host in hosts for scheme in ("http://", "https://")]
        good = LISTED + port
        urls += [s + good for s in ("HTTP://", "http:/", "http:", "//", "", "ftp://", "file://", "gopher://", "dict://", "http:\\\\", " http://",
                                    "http:// ", "http:///", "http://\t", "http://\r\n", "unix://", "https+http://")]
        urls += ["http://" + good + p for p in ("?x", "#x", "/..", "/../", "/.", "/%2e%2e", "/a/../..", "//evil", "/a//b", "/\\", "/a b", "/a\r\nX: y",
                                                "/a\tb", "/;x", "/@x", "/a?b", "/\u2025", " ", "\n", "\x00", "/\x00")]
        for url in urls:
            not_reached(everywhere, url, try_url(g, url))
        for host in hosts + [good + p for p in ("/", "/x", "?x", "#x", " x", "\n")] + ["http://" + good, "//" + good, "x@" + good]:
            not_reached(everywhere, host, try_server(g, host))
        # Not even DNS is asked for any of them.
        assert not dns.asked, set(dns.asked)
        served(g, everywhere)


# ---- names ----

def test_names_of_forbidden_addresses():
    """What a name leads to is judged as what it is."""
    with world() as (g, dns, everywhere):
        names = {"a%d.test" % i: address for i, address in enumerate(FORBIDDEN4 + FORBIDDEN6)}
        names.update({"metadata.google.internal": "169.254.169.254", "instance-data.ec2.internal": "169.254.169.254",
                      "kubernetes.default.svc.cluster.local": "10.0.0.1", "127.0.0.1.nip.test": "127.0.0.1"})
        for name, address in names.items():
            dns.names[name] = lambda q, address=address: q.addresses(address)
        # The hosts file's, too.
        for name in list(names) + ["localhost", "ip6-localhost", "intranet.test", "LOCALHOST", "Intranet.Test"]:
            at = "%s:%d" % (name, everywhere.port)
            for url in ("https://" + at, "http://" + at):
                answer = try_url(g, url)
                not_reached(everywhere, url, answer)
                assert answer[0] == 422, (url, answer)
            not_reached(everywhere, at, try_server(g, at))
        served(g, everywhere)


def test_good_and_bad_addresses():
    """Of a name's addresses only those that may be."""
    with world() as (g, dns, everywhere):
        bad = FORBIDDEN4[:20] + FORBIDDEN6[:20]
        at = "mixed.test:%d" % everywhere.port
        for few in (bad[:1], bad[:3], bad[5:12], FORBIDDEN6[:4], ["127.0.0.1"] * 8 + ["::1"] * 7):
            for addresses in (few + [PUBLIC], [PUBLIC] + few, few[:1] + [PUBLIC] + few[1:]):
                dns.names["mixed.test"] = lambda q: q.addresses(*addresses)
                status, answer = try_url(g, "https://" + at)
                assert status == 200 and everywhere.take() == {PUBLIC}, (addresses, status, answer)
                try_server(g, at)
                assert everywhere.take() == {PUBLIC}, addresses
        # Over plain HTTP the public one is a bad one, and the listed one is good.
        dns.names["mixed.test"] = lambda q: q.addresses(PUBLIC, "127.0.0.1", LISTED, "::1")
        assert try_url(g, "http://" + at)[0] == 200 and everywhere.take() == {LISTED}
        # More than are looked at.
        dns.names["mixed.test"] = lambda q: q.addresses(*(["127.0.0.%d" % i for i in range(1, 30)]))
        not_reached(everywhere, at, try_url(g, "https://" + at))


def test_rebinding():
    """One look-up a request, and the connection goes to what was looked at: a name that changes its mind gains nothing."""
    with world() as (g, dns, everywhere):
        url = "https://rebind.test:%d" % everywhere.port
        for ttl in (0, 1, 86400):
            for bad in ("127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "64:ff9b::a00:1"):
                turns = {A: 0, AAAA: 0}

                def flip(q):
                    turns[q.type] += 1
                    return q.addresses(PUBLIC if turns[q.type] % 2 else bad, ttl=ttl)

                dns.names["rebind.test"], dns.asked = flip, []
                results = [try_url(g, url)[0] for _ in range(6)]
                assert results == [200, 422] * 3, (ttl, bad, results)
                # In each there was one question of each kind, though two connections could have been.
                assert sorted(dns.asked) == sorted([("rebind.test", A), ("rebind.test", AAAA)] * 6), dns.asked
                assert everywhere.take() == {PUBLIC}
        # At once: what one call looked up is not what another connects to.
        many = together(lambda _: try_url(g, url)[0], range(64))
        assert set(many) <= {200, 422} and everywhere.take() == {PUBLIC}, many
        served(g, everywhere)


def test_rebinding_of_an_integration():
    """Good while it is made; later the name is somebody else's."""
    with world() as (g, dns, everywhere):
        dns.names["rebind.test"] = lambda q: q.addresses(PUBLIC)
        status, made = try_url(g, "https://rebind.test:%d" % everywhere.port)
        assert status == 200 and everywhere.take() == {PUBLIC}
        for bad in ("127.0.0.1", "169.254.169.254", LISTED.replace("77", "78")):
            dns.names["rebind.test"] = lambda q: q.addresses(bad)
            status, answer = g.post("/get_zones", {"integration_handle": made["integration_handle"]})
            assert (status, answer["code"]) == (422, "provider_rejected") and not everywhere.take(), answer


def test_aliases():
    with world() as (g, dns, everywhere):
        port = everywhere.port

        def chain(length, address):
            def reply(q):
                owners = [q.name] + ["c%d.test" % i for i in range(length)]
                links = [record(a, CNAME, b) for a, b in zip(owners, owners[1:])]
                kind = AAAA if ":" in address else A
                return q.answer(*links, *([record(owners[-1], kind, address)] if q.type == kind else []))
            return reply

        for length in (1, 2, 8, 15):
            for bad in ("127.0.0.1", "169.254.169.254", "::1"):
                dns.names["chain.test"] = chain(length, bad)
                for url in ("https://chain.test:%d" % port, "http://chain.test:%d" % port):
                    not_reached(everywhere, url, try_url(g, url))
            dns.names["chain.test"] = chain(length, PUBLIC)
            assert try_url(g, "https://chain.test:%d" % port)[0] == 200 and everywhere.take() == {PUBLIC}, length
        # To a name that the hosts file has, or nobody; in a circle; to itself.
        for target in ("localhost", "intranet.test", "nowhere.test", "chain.test", "other.test"):
            dns.names["chain.test"] = lambda q: q.answer(record(None, CNAME, target), record("other.test", CNAME, "chain.test"))
            not_reached(everywhere, target, try_url(g, "https://chain.test:%d" % port))
        served(g, everywhere)


# ---- answers of DNS that are none ----

def too_many(q):
    """As much as fits into 64 KiB: over TCP."""
    if not q.tcp:
        return q.answer(truncated=True)
    return q.answer(*([record(None, A, "127.0.%d.%d" % (i // 250, i % 250 + 1)) for i in range(4000)] if q.type == A else []))


BROKEN = {
    "nothing": lambda q: b"", "one byte": lambda q: b"x", "its question": lambda q: q.message, "noise": lambda q: b"\xff" * 512,
    "a head": lambda q: q.answer()[:12], "another id": lambda q: bytes([q.message[0] ^ 1]) + q.addresses(PUBLIC)[1:],
    "a pointer to itself": lambda q: q.answer(b"\xc0\x1d" + b"\xc0\x1d" * 50), "a pointer beyond": lambda q: q.answer(b"\xff\xff" + b"\0" * 10),
    "cut": lambda q: q.addresses("127.0.0.1", PUBLIC)[:-3], "counts that lie": lambda q: q.message[:2] + b"\x81\x80\0\1\xff\xff\xff\xff\xff\xff" + q.message[12:],
    "an address of 3 bytes": lambda q: q.answer(record(None, 99, b"") + b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x03\x08\x08\x08"),
    "no such name": lambda q: q.answer(rcode=NXDOMAIN), "failure": lambda q: q.answer(rcode=SERVFAIL), "no address": lambda q: q.answer(),
    "too many": too_many, "silence over TCP": lambda q: None if q.tcp else q.answer(truncated=True),
    "noise over TCP": lambda q: b"\xff" * 5000 if q.tcp else q.answer(truncated=True), "cut for ever": lambda q: q.answer(truncated=True), "silence": lambda q: None,
    "a name of 300 bytes": lambda q: q.answer(record(".".join(["a" * 60] * 5), A, "8.8.8.8")),
}


def test_dns_over_tcp():
    """Of an answer too long for UDP comes all, and what may be is used. (It once ended the courier: a system call too many.)"""
    with world() as (g, dns, everywhere):
        pids = everyone(g)
        dns.names["large.test"] = lambda q: q.addresses("127.0.0.1", PUBLIC) if q.tcp else q.answer(truncated=True)
        for _ in range(3):
            assert try_url(g, "https://large.test:%d" % everywhere.port)[0] == 200 and everywhere.take() == {PUBLIC}
        assert g.pids() == pids, g.stderr_text()


def test_broken_dns():
    """Each ends within the call's time, all at once, while others are served; nobody is connected to."""
    with world() as (g, dns, everywhere):
        for i, reply in enumerate(BROKEN.values()):
            dns.names["broken%d.test" % i] = reply
        pids, took = everyone(g), {}

        def ask(i):
            began = time.monotonic()
            answer = try_url(g, "https://broken%d.test:%d" % (i, everywhere.port))
            took[i] = time.monotonic() - began
            return answer

        for name, (status, answer) in zip(list(BROKEN) * 2, together(ask, list(range(len(BROKEN))) * 2)):
            assert status in (422, 502, 504), (name, status, answer)
        assert max(took.values()) < 35, took
        tap.comment("the slowest: %.1f s" % max(took.values()))
        assert not everywhere.take() and g.pids() == pids, g.stderr_text()
        served(g, everywhere)


# ---- the gateway's own addresses ----

def test_own_addresses():
    """A public address that is this machine's: nothing is said to what listens there."""
    with world() as (g, dns, everywhere):
        subprocess.run("ip addr add 9.9.9.9/32 dev lo".split(), check=True)
        subprocess.run("ip -6 addr add 2a00:1450:9::9/128 dev lo nodad".split(), check=True)
        try:
            for address in ("9.9.9.9", "2a00:1450:9::9"):
                at = "%s:%d" % (literal(address), everywhere.port)
                everywhere.requests.clear()
                status, answer = try_server(g, at)
                assert (status, answer["code"]) == (422, "provider_rejected"), (at, status, answer)
                assert try_url(g, "https://" + at)[0] in (422, 502)
                assert not everywhere.requests, everywhere.requests
        finally:
            subprocess.run("ip addr del 9.9.9.9/32 dev lo".split(), check=True)
        everywhere.take()
        served(g, everywhere)


if __name__ == "__main__":
    enter_network(HOSTS)
    tap.main(globals())
