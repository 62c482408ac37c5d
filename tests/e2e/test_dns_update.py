# SPDX-License-Identifier: ISC
"""Updates and questions, signed, against BIND and Knot: what dns/message, sign/tsig and egress/dnstcp do together."""
import atexit
import base64
import contextlib
import json
import os
import secrets
import socket
import struct
import subprocess
import threading
import time

import tap
from dns_servers import Bind, Key, Knot
from servers import ROOT

TOOL = os.environ.get("DNS_UPDATE_TOOL", ROOT + "/build/tests/tools/dns-update")
ZONE, CHILD, CLOSED, UNKNOWN = "update.example", "child.update.example", "closed.example", "unknown.example"

NO_KEY = Key("-", "-", "-")
NOERROR, NXDOMAIN, REFUSED, YXRRSET, NXRRSET, NOTAUTH, NOTZONE = 0, 3, 5, 7, 8, 9, 10
EGRESS_OK, EGRESS_RESET = 0, 6

SERVERS = []
for start in (Bind, Knot):
    SERVERS.append(start(ZONE, CHILD, closed=[CLOSED]))
    atexit.register(SERVERS[-1].stop)


def run(port, key, *command, offset=0):
    out = subprocess.run([TOOL, str(port), *key[:3], str(offset), *map(str, command)], check=True,
                         stdout=subprocess.PIPE, timeout=30).stdout
    return json.loads(out)


def call(server, *command, key=None, offset=0):
    """What the exchange came to, whose answer must be signed as it should be."""
    answer = run(server.dns_port, key or server.sha256, *command, offset=offset)
    assert (answer["failure"], answer["sent"], answer["signature"]) == (EGRESS_OK, True, "ok"), answer
    assert answer["answers"], answer
    return answer


def update(server, *command, rcode=NOERROR, key=None):
    answer = call(server, *command, key=key)
    assert answer["rcode"] == rcode, answer


def values(server, name, rtype):
    """[(value, TTL)], sorted, as a signed question has them."""
    answer = call(server, "query", name, rtype)
    return sorted(map(tuple, answer["values"]))


def name_for(what):
    return "%s-%s.%s" % (what, secrets.token_hex(4), ZONE)


@contextlib.contextmanager
def each():
    """Says which server it was."""
    name = [None]
    try:
        yield name
    except Exception:
        print("# with", name[0])
        raise


def on_each_server(test):
    """TEST(server) with BIND, then with Knot."""
    def both():
        with each() as name:
            for server in SERVERS:
                name[0] = server.NAME
                test(server)
    both.__name__ = test.__name__
    return both


# ---- updates ----

@on_each_server
def test_add_and_remove(server):
    for key in (server.sha256, server.sha512):
        name = name_for("_add")
        update(server, "add", ZONE, name, "TXT", 60, "one", key=key)
        update(server, "add", ZONE, name, "TXT", 60, "two", key=key)
        assert sorted(server.txt(name)) == [b"one", b"two"]
        assert values(server, name, "TXT") == [("one", 60), ("two", 60)]
        update(server, "remove", ZONE, name, "TXT", "one", key=key)
        assert server.txt(name) == [b"two"]
        update(server, "remove", ZONE, name, "TXT", "two", key=key)
        assert server.txt(name) == []


@on_each_server
def test_add_twice(server):
    name = name_for("_twice")
    update(server, "add", ZONE, name, "TXT", 60, "one")
    serial = server.serial(ZONE)
    update(server, "add", ZONE, name, "TXT", 60, "one")
    assert server.txt(name) == [b"one"]
    assert server.serial(ZONE) == serial, "nothing was to change"
    update(server, "add", ZONE, name, "TXT", 30, "two")
    assert values(server, name, "TXT") == [("one", 30), ("two", 30)]


@on_each_server
def test_remove_absent(server):
    name = name_for("_absent")
    update(server, "remove", ZONE, name, "TXT", "none")
    update(server, "add", ZONE, name, "TXT", 60, "one")
    update(server, "remove", ZONE, name, "TXT", "none")
    assert server.txt(name) == [b"one"]


@on_each_server
def test_replace(server):
    name = name_for("_replace")
    update(server, "replace", ZONE, name, "TXT", 60, "zero")
    assert server.txt(name) == [b"zero"]
    update(server, "add", ZONE, name, "TXT", 60, "one")
    update(server, "replace", ZONE, name, "TXT", 120, "two")
    assert values(server, name, "TXT") == [("two", 120)]


@on_each_server
def test_prerequisites(server):
    name = name_for("_first")
    update(server, "first", ZONE, name, "TXT", 60, "one")
    update(server, "first", ZONE, name, "TXT", 60, "two", rcode=YXRRSET)
    assert server.txt(name) == [b"one"]
    update(server, "swap", ZONE, name, "TXT", 60, "one", "two")
    update(server, "swap", ZONE, name, "TXT", 60, "one", "three", rcode=NXRRSET)
    update(server, "add", ZONE, name, "TXT", 60, "four")
    update(server, "swap", ZONE, name, "TXT", 60, "two", "three", rcode=NXRRSET)
    assert sorted(server.txt(name)) == [b"four", b"two"]


@on_each_server
def test_types_and_values(server):
    cases = [
        ("TXT", "a \"quote\", a \\ and ünïcode", None),
        ("TXT", "x" * 255, '"%s"' % ("x" * 255)),
        ("TXT", "x" * 256, '"%s" "x"' % ("x" * 255)),
        ("TXT", "0123456789" * 204 + "01234567", None),
        ("CAA", '0 issue "ca.example; account=1"', None),
        ("CAA", '128 issuewild ""', None),
        ("NS", "ns.elsewhere.example", "ns.elsewhere.example."),
        ("CNAME", "target.elsewhere.example", "target.elsewhere.example."),
    ]
    for rtype, value, shown in cases:
        name = name_for("values")
        update(server, "add", ZONE, name, rtype, 60, value)
        found = server.dig(name, rtype) if rtype != "NS" else [shown]
        assert found == [shown or (value if rtype == "CAA" else found[0])], (rtype, found)
        if rtype == "TXT":
            assert server.txt(name) == [value.encode()], value
        if rtype != "NS":  # a delegation: its records are in the authority section
            assert values(server, name, rtype) == [(value, 60)], (rtype, value)
        update(server, "remove", ZONE, name, rtype, value)
        assert server.dig(name, rtype) == []


@on_each_server
def test_cname_in_the_way(server):
    """Ignored without a word, as RFC 2136 section 3.4.2.2 has it: to be read back."""
    name = name_for("cname")
    update(server, "add", ZONE, name, "CNAME", 60, "target.example")
    update(server, "add", ZONE, name, "TXT", 60, "one")
    assert server.dig(name, "CNAME") == ["target.example."]
    assert values(server, name, "TXT") == []


@on_each_server
def test_other_cuts(server):
    """A TXT cut elsewhere reads as the same value, but is another record to the server."""
    name = name_for("_cut")
    script = "server %s %s\nzone %s\nkey %s:%s %s\nupdate add %s 60 TXT \"on\" \"e\"\nsend\n" % (
        server.dns_host, server.dns_port, ZONE, server.sha256.algorithm, server.sha256.name, server.sha256.secret, name)
    subprocess.run(["nsupdate", "-v"], input=script, text=True, check=True)
    assert values(server, name, "TXT") == [("one", 60)]
    update(server, "remove", ZONE, name, "TXT", "one")
    assert values(server, name, "TXT") == [("one", 60)]


# ---- refusals ----

@on_each_server
def test_refused_zones(server):
    """BIND says so, signed. To Knot, a key that is not for the zone is no key; of other zones it signs nothing."""
    expected = {"bind": {CLOSED: (REFUSED, "ok"), UNKNOWN: (NOTAUTH, "ok")},
                "knot": {CLOSED: (NOTAUTH, "badkey"), UNKNOWN: (NOTAUTH, "unsigned")}}
    for zone in (CLOSED, UNKNOWN):
        answer = run(server.dns_port, server.sha256, "add", zone, "_a." + zone, "TXT", 60, "one")
        assert (answer["rcode"], answer["signature"]) == expected[server.NAME][zone], answer
    update(server, "add", ZONE, "_a.elsewhere.example", "TXT", 60, "one", rcode=NOTZONE)
    answer = run(server.dns_port, NO_KEY, "add", ZONE, "_a." + ZONE, "TXT", 60, "one")
    assert answer["rcode"] in (REFUSED, NOTAUTH), answer
    assert server.txt("_a." + CLOSED) == server.txt("_a." + ZONE) == []


@on_each_server
def test_wrong_secret(server):
    for key in (server.sha256, server.sha512):
        wrong = key._replace(secret=base64.b64encode(secrets.token_bytes(32)).decode())
        name = name_for("_wrong")
        answer = run(server.dns_port, wrong, "add", ZONE, name, "TXT", 60, "one")
        assert (answer["signature"], answer["rcode"]) == ("badsig", NOTAUTH), answer
        assert server.txt(name) == []
        assert run(server.dns_port, wrong, "query", name, "TXT")["signature"] == "badsig"


@on_each_server
def test_unknown_key(server):
    for key in (server.sha256._replace(name="nobody"), server.sha256._replace(algorithm="hmac-sha384")):
        name = name_for("_unknown")
        answer = run(server.dns_port, key, "add", ZONE, name, "TXT", 60, "one")
        assert (answer["signature"], answer["rcode"]) == ("badkey", NOTAUTH), answer
        assert server.txt(name) == []


@on_each_server
def test_clock(server):
    for offset in (-3600, 3600):
        name = name_for("_clock")
        answer = run(server.dns_port, server.sha256, "add", ZONE, name, "TXT", 60, "one", offset=offset)
        assert (answer["signature"], answer["rcode"]) == ("badtime", NOTAUTH), answer
        assert abs(answer["server_time"] - time.time()) < 60, answer
        assert server.txt(name) == []
    for offset in (-200, 200):
        answer = call(server, "query", ZONE, "NS", offset=offset)
        assert answer["rcode"] == NOERROR, answer


# ---- questions ----

@on_each_server
def test_zone_of_a_name(server):
    for name, zone in ((ZONE, ZONE), ("_acme-challenge.a.b." + ZONE, ZONE), ("x." + CHILD, CHILD), (CLOSED, CLOSED)):
        for key in (NO_KEY, server.sha256) if zone != CLOSED else (NO_KEY,):
            answer = run(server.dns_port, key, "zone", name)
            assert answer["authoritative"] and answer["zone"] == zone, answer
            assert answer["rcode"] == (NOERROR if name == zone else NXDOMAIN), answer
    answer = run(server.dns_port, NO_KEY, "zone", "x." + UNKNOWN)
    assert answer["rcode"] == REFUSED and "zone" not in answer, answer


# ---- answers that nobody signed ----

@contextlib.contextmanager
def fake(answer):
    """A server for one connection; ANSWER(request) is what it says. Gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as stream:
                request = stream.read(struct.unpack("!H", stream.read(2))[0])
                said = answer(request)
                connection.sendall(struct.pack("!H", len(said)) + said)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_unsigned_answer():
    key = Key("k", "hmac-sha256", "c2VjcmV0")
    command = "add", ZONE, "_a." + ZONE, "TXT", 60, "one"
    with fake(lambda r: r[:2] + b"\xa8\0" + bytes(8)) as port:
        assert run(port, key, *command)["signature"] == "unsigned"
    with fake(lambda r: r[:2] + b"\xa8" + r[3:]) as port:
        assert run(port, key, *command)["signature"] == "forged", "our own signature"
    with fake(lambda r: r[:-1]) as port:
        assert run(port, key, *command)["signature"] == "broken"
    with fake(lambda r: r[:11]) as port:
        answer = run(port, key, *command)
        assert (answer["failure"], answer["sent"]) == (EGRESS_RESET, True), answer


if __name__ == "__main__":
    tap.main(globals())
