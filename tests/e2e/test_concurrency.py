# SPDX-License-Identifier: ISC
"""Many at once: nothing is lost, nothing of others is touched."""
import tap
from common import add, added, gateway, integrate, pdns, remove, together, txt

ZONE = "busy.example"
P = pdns(ZONE)


def test_64_values_at_one_name():
    name = "_acme-challenge." + ZONE
    P.set_records(ZONE, name, "TXT", 123, [('"before"', False), ('"disabled before"', True)])
    with gateway() as g:
        handle = integrate(g, P)
        values = ["value-%02d" % i for i in range(64)]
        results = together(lambda v: add(g, handle, name, v), values)
        assert all(r[0] == 200 for r in results), [r for r in results if r[0] != 200][:3]
        assert txt(P, name) == sorted([v.encode() for v in values] + [b"before"])
        gone = together(lambda r: remove(g, handle, r[1]["record_handle"]), results[:32])
        assert all(r == (200, {"removed": True}) for r in gone), gone
        assert txt(P, name) == sorted([v.encode() for v in values[32:]] + [b"before"])
        assert ('"disabled before"', True) in P.api_records(ZONE, name, "TXT"), "the disabled record is gone"
        assert P.api_ttl(ZONE, name, "TXT") == 123
        intents = {(l["fqdn"], l["value"]) for l in g.audit() if l["event"] == "add_record.intent"}
        assert {(name, v) for v in values} <= intents


def test_many_names_of_one_zone():
    with gateway() as g:
        handle = integrate(g, P)
        names = ["_acme-challenge.n%02d.%s" % (i, ZONE) for i in range(64)]
        results = together(lambda n: add(g, handle, n, "x"), names)
        assert all(r[0] == 200 for r in results), [r for r in results if r[0] != 200][:3]
        assert all(txt(P, n) == [b"x"] for n in names)
        gone = together(lambda r: remove(g, handle, r[1]["record_handle"]), results[:32])
        assert all(r == (200, {"removed": True}) for r in gone)
        assert [txt(P, n) for n in names] == [[]] * 32 + [[b"x"]] * 32
        together(lambda r: remove(g, handle, r[1]["record_handle"]), results[32:])


def test_same_value_from_many():
    name = "_acme-challenge.same." + ZONE
    with gateway() as g:
        handle = integrate(g, P)
        handles = together(lambda _: added(g, handle, name, "one"), range(16))
        assert txt(P, name) == [b"one"]
        results = together(lambda h: remove(g, handle, h)[1]["removed"], handles)
        assert results.count(True) == 1, results
        assert txt(P, name) == []


def test_others_write_meanwhile():
    """Another client of the server writes sets of its own in the same zone; they stay, and so do ours."""
    with gateway() as g:
        handle = integrate(g, P)

        def work(i):
            if i % 4 == 3:
                return P.try_set_records(ZONE, "own%02d.%s" % (i, ZONE), "TXT", 60, ['"own"'])
            return add(g, handle, "_acme-challenge.mix%02d.%s" % (i, ZONE), "m")[0] == 200

        assert all(together(work, range(48), 24))
        for i in range(48):
            name = ("own%02d.%s" if i % 4 == 3 else "_acme-challenge.mix%02d.%s") % (i, ZONE)
            assert txt(P, name) == ([b"own"] if i % 4 == 3 else [b"m"]), name


if __name__ == "__main__":
    tap.main(globals())
