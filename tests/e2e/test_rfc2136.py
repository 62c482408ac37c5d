# SPDX-License-Identifier: ISC
"""The provider rfc2136 through the whole gateway: real BIND, real Knot, TSIG."""
import atexit
import base64
import secrets

import tap
from common import add, added, gateway, refused, remove, together
from dns_servers import Bind, Knot
from openapi import check_answers

check_answers()

ZONE, CHILD, CLOSED = "rfc2136.example", "child.rfc2136.example", "closed.example"

SERVERS = []
for start in (Bind, Knot):
    SERVERS.append(start(ZONE, CHILD, closed=[CLOSED]))
    atexit.register(SERVERS[-1].stop)


def credentials(at, key=None, zones=(ZONE, CHILD), **fields):
    key = key or at.sha256
    c = {"server": "%s:%s" % (at.dns_host, at.dns_port), "zones": ", ".join(zones), "tsig_name": key.name,
         "tsig_algorithm": key.algorithm, "tsig_secret": key.secret}
    c.update(fields)
    return c


def make(g, credentials):
    return g.post("/make_integration", {"provider": "rfc2136", "credentials": credentials})


def integrate(g, server, *args, **kw):
    status, answer = make(g, credentials(server, *args, **kw))
    assert status == 200, (status, answer)
    return answer["integration_handle"]


def on_each_server(test):
    """TEST(server, gateway) with BIND, then with Knot."""
    def both():
        for server in SERVERS:
            print("# with", server.NAME)
            with gateway() as g:
                test(server, g)
    both.__name__ = test.__name__
    return both


def name_for(what, zone=ZONE):
    return "_acme-challenge.%s-%s.%s" % (what, secrets.token_hex(4), zone)


@on_each_server
def test_zones(server, g):
    """Those that are named and that the server has; in the order of their names."""
    status, answer = g.post("/get_zones", {"integration_handle": integrate(
        g, server, zones=(ZONE, CHILD, "unknown.example"))})
    assert status == 200, answer
    assert sorted(z["name"] for z in answer["zones"]) == [CHILD, ZONE], answer


@on_each_server
def test_add_and_remove(server, g):
    for key in (server.sha256, server.sha512):
        handle, name = integrate(g, server, key), name_for("one")
        record = added(g, handle, name, "value", ttl=77)
        assert server.rrset(name, "TXT") == [(77, '"value"')]
        assert remove(g, handle, record) == (200, {"removed": True})
        assert server.txt(name) == []
        assert remove(g, handle, record) == (200, {"removed": False})


@on_each_server
def test_exists(server, g):
    handle, name = integrate(g, server), name_for("exists")
    first, second = (added(g, handle, name, "same") for _ in range(2))
    serial = server.serial(ZONE)
    added(g, handle, name, "same")
    assert server.serial(ZONE) == serial, "nothing is to be changed"
    assert remove(g, handle, first) == (200, {"removed": True})
    assert remove(g, handle, second) == (200, {"removed": False})


@on_each_server
def test_two_values(server, g):
    handle, name = integrate(g, server), name_for("two")
    long = "x" * 300
    one, two = added(g, handle, name, "one"), added(g, handle, name, long)
    assert server.txt(name) == sorted([b"one", long.encode()])
    assert remove(g, handle, one) == (200, {"removed": True})
    assert server.txt(name) == [long.encode()]
    assert remove(g, handle, two) == (200, {"removed": True})
    assert server.txt(name) == []


@on_each_server
def test_caa(server, g):
    handle, name = integrate(g, server), "caa-%s.%s" % (secrets.token_hex(4), ZONE)
    record = added(g, handle, name, '0 issue "ca.example"', type="CAA")
    assert server.rrset(name, "CAA") == [(60, '0 issue "ca.example"')], server.rrset(name, "CAA")
    assert remove(g, handle, record) == (200, {"removed": True})
    assert server.rrset(name, "CAA") == []


@on_each_server
def test_child_zone(server, g):
    """The longest zone that fits has the record."""
    handle, name = integrate(g, server), name_for("deep", CHILD)
    parent = server.serial(ZONE)
    record = added(g, handle, name, "v")
    assert server.txt(name) == [b"v"] and server.serial(ZONE) == parent
    assert remove(g, handle, record) == (200, {"removed": True})


@on_each_server
def test_replace(server, g):
    """What stood there is gone in the same update, and is told."""
    handle, name = integrate(g, server), name_for("replace")
    for value in ("old 1", "old 2"):
        added(g, handle, name, value)
    status, answer = add(g, handle, name, "ca.example", type="CNAME", mode="replace")
    assert status == 200, answer
    assert server.rrset(name, "CNAME") == [(60, "ca.example.")] and server.txt(name) == []
    told = [l["replaced"] for l in g.audit() if l.get("replaced") and l["fqdn"] == name]
    assert told and all(old in str(told[-1]) for old in ("old 1", "old 2")), told
    status, answer = add(g, handle, name, "new", mode="replace")
    assert status == 200, answer
    assert server.rrset(name, "CNAME") == [] and server.txt(name) == [b"new"]


@on_each_server
def test_replace_where_a_cname_cannot_stand(server, g):
    """The server would take the others away, and make no CNAME: nothing is asked for."""
    handle = integrate(g, server)
    for i, line in enumerate(("A 192.0.2.1", "AAAA 2001:db8::1", "MX 10 mail.example.net.")):
        name = name_for("obstacle%d" % i)
        server.make(ZONE, "%s. 60 %s" % (name, line))
        added(g, handle, name, "precious")
        refused(add(g, handle, name, "ca.example", type="CNAME", mode="replace"), 409, "conflict")
        assert server.txt(name) == [b"precious"]
        status, answer = add(g, handle, name, "new", mode="replace")
        assert status == 200 and server.txt(name) == [b"new"] and server.rrset(name, line.split()[0]), answer


@on_each_server
def test_cname_in_the_way(server, g):
    """BIND and Knot take the update and do nothing (RFC 2136 3.4.2.2): told as what it is."""
    handle, name = integrate(g, server), name_for("cname")
    added(g, handle, name, "ca.example", type="CNAME", mode="replace")
    refused(add(g, handle, name, "v"), 409, "conflict")
    assert server.rrset(name, "CNAME") == [(60, "ca.example.")]


@on_each_server
def test_wrong_key(server, g):
    wrong = base64.b64encode(secrets.token_bytes(32)).decode()
    result = make(g, credentials(server, tsig_secret=wrong))
    text = str(refused(result, 422, "provider_auth_failed"))
    assert wrong not in text and server.sha256.secret not in text
    refused(make(g, credentials(server, zones=["unknown.example"])), 422, "zone_not_found")
    refused(make(g, credentials(server, tsig_name="nobody.example")), 422, "provider_auth_failed")
    assert wrong not in g.stderr_text() and wrong not in str(g.audit())


@on_each_server
def test_bad_fields(server, g):
    for field, value in (("server", "http://x"), ("server", "a:123456"), ("zones", ""), ("tsig_name", "a b"),
                         ("tsig_algorithm", "hmac-md5"), ("tsig_secret", "no base64!"), ("tsig_secret", "QQ=")):
        answer = refused(make(g, credentials(server, **{field: value})), 400, "invalid_request")
        assert field in answer["field"], answer


@on_each_server
def test_refused_zone(server, g):
    """The key may ask there, but not change."""
    if server.NAME == "knot":  # answers not even questions
        refused(make(g, credentials(server, zones=(ZONE, CLOSED))), 422, "provider_auth_failed")
        return
    handle, name = integrate(g, server, zones=(ZONE, CLOSED)), name_for("closed", CLOSED)
    answer = refused(add(g, handle, name, "v"), 422, "provider_rejected")
    assert "REFUSED" in answer["detail"], answer
    assert server.txt(name) == []
    added(g, handle, name_for("open"), "v")


@on_each_server
def test_zone_missing(server, g):
    handle = integrate(g, server)
    refused(add(g, handle, "_acme-challenge.other.example", "v"), 422, "zone_not_found", "record.fqdn")


@on_each_server
def test_64_at_one_name(server, g):
    handle, name = integrate(g, server), name_for("many")
    values = ["value-%02d" % i for i in range(64)]
    results = together(lambda v: add(g, handle, name, v), values)
    assert all(r[0] == 200 for r in results), [r for r in results if r[0] != 200][:3]
    assert server.txt(name) == sorted(v.encode() for v in values)
    gone = together(lambda r: remove(g, handle, r[1]["record_handle"]), results[:32])
    assert all(r == (200, {"removed": True}) for r in gone), gone
    assert server.txt(name) == sorted(v.encode() for v in values[32:])


def test_nobody_listens():
    server = SERVERS[0]
    with gateway() as g:
        refused(make(g, credentials(server, server="127.0.0.1:1")), 502, "provider_unavailable")


if __name__ == "__main__":
    tap.main(globals())
