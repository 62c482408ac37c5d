# SPDX-License-Identifier: ISC
"""The four endpoints on a real PowerDNS; dig reads what we wrote."""
import concurrent.futures
import json

import tap
from common import add, added, gateway, integrate, pdns, refused, remove, txt
from openapi import check_answers
from servers import FakeUpstream, exchange, wait_for

check_answers()

ZONE = "flow.example"
SUB = "sub.flow.example"
P = pdns(ZONE, SUB)


def test_txt_add_and_remove():
    with gateway() as g:
        handle = integrate(g, P)
        status, answer = g.post("/get_zones", {"integration_handle": handle})
        assert status == 200
        assert {ZONE, SUB} <= {z["name"] for z in answer["zones"]}
        name = "_acme-challenge.www." + ZONE
        status, answer = add(g, handle, name, "token-1")
        assert status == 200 and answer["status"] == "applied" and answer["zone"] == ZONE, answer
        assert answer["record_handle"].startswith("ptr1_") and handle.startswith("pti1_")
        assert txt(P, name) == [b"token-1"]
        assert remove(g, handle, answer["record_handle"]) == (200, {"removed": True})
        assert txt(P, name) == []
        assert remove(g, handle, answer["record_handle"]) == (200, {"removed": False})


def test_every_type():
    cases = [
        ("TXT", "coexist", "_acme-challenge.a", "v1", '"v1"'),
        ("TXT", "replace", "_acme-challenge.b", "v2", '"v2"'),
        ("CAA", "coexist", "c", '0 issue "ca.example"', '0 issue "ca.example"'),
        ("CAA", "replace", "_acme-challenge.d", '128 issuewild "ca.example; a=b"', '128 issuewild "ca.example; a=b"'),
        ("CNAME", "replace", "_acme-challenge.e", "Target.Example.NET.", "target.example.net."),
        ("CNAME", "replace", "_0123456789abcdef0123456789abcdef.f", "_x.acm-validations.aws", "_x.acm-validations.aws."),
        ("NS", "replace", "_acme-challenge.g", "ns.example.net", "ns.example.net."),
    ]
    with gateway() as g:
        handle = integrate(g, P)
        for rtype, mode, left, value, seen in cases:
            name = left + "." + ZONE
            rh = added(g, handle, name, value, type=rtype, mode=mode)
            assert P.api_contents(ZONE, name, rtype) == [seen], (rtype, P.api_contents(ZONE, name, rtype))
            if rtype in ("TXT", "CAA", "CNAME"):
                assert P.dig(name, rtype) == [seen], (rtype, P.dig(name, rtype))
            assert remove(g, handle, rh) == (200, {"removed": True})
            assert P.api_contents(ZONE, name, rtype) == []


def test_coexist_needs_txt_or_caa():
    with gateway() as g:
        handle = integrate(g, P)
        for rtype in ("CNAME", "NS"):
            refused(add(g, handle, "_acme-challenge.x." + ZONE, "t.example", type=rtype), 403, "policy_denied")
        for rtype in ("A", "MX", "TLSA", "SRV"):
            for mode in ("coexist", "replace"):
                refused(add(g, handle, "_acme-challenge.x." + ZONE, "192.0.2.1", type=rtype, mode=mode),
                        403, "policy_denied")


def test_coexist_leaves_others():
    with gateway() as g:
        handle = integrate(g, P)
        name = "_acme-challenge.co." + ZONE
        P.set_records(ZONE, name, "TXT", 300, ['"theirs"'])
        rh = added(g, handle, name, "ours", ttl=60)
        assert txt(P, name) == [b"ours", b"theirs"]
        assert P.api_ttl(ZONE, name, "TXT") == 300, "the set's TTL stays"
        remove(g, handle, rh)
        assert txt(P, name) == [b"theirs"]


def test_replace_makes_it_the_only_one():
    with gateway() as g:
        handle = integrate(g, P)
        name = "_acme-challenge.re." + ZONE
        P.set_records(ZONE, name, "TXT", 300, ['"old-1"', '"old-2"'])
        added(g, handle, name, "new", mode="replace")
        assert txt(P, name) == [b"new"]
        outcome = wait_for(lambda: [l for l in g.audit() if l["event"] == "add_record.outcome"], 5)[-1]
        assert outcome["result"] == "ok" and len(outcome["replaced"]) == 2, outcome
        assert any("old-1" in r for r in outcome["replaced"]) and any("old-2" in r for r in outcome["replaced"])


def test_all_that_was_replaced_is_on_record():
    """However much and whatever it was: on lines of its own, and in pieces."""
    with gateway() as g:
        handle = integrate(g, P)
        name = "_acme-challenge.big." + ZONE
        long = ["%02d" % i + "\u00e9\u0001\\" * 300 for i in range(8)]
        for value in long:
            added(g, handle, name, value)
        rh = added(g, handle, name, "new", mode="replace")
        assert txt(P, name) == [b"new"]
        outcome = wait_for(lambda: [l for l in g.audit() if l["event"] == "add_record.outcome"][len(long):], 5)[-1]
        lines = [l for l in g.audit() if l["replaced"]]
        assert outcome["result"] == "ok" and g.pids()
        items = [item for l in lines for item in l["replaced"]]
        whole = []
        for item in items:
            if item.startswith("+"):
                whole[-1] += item[1:]
            else:
                whole.append(item)
        assert len(whole) == 8 and all(any(w.count("\\\\") >= 300 and '"%02d' % i in w for w in whole) for i in range(8)), whole
        assert not any("ended by" in l["value"] for l in g.audit() if l["event"] == "role.restart")
        remove(g, handle, rh)


class Bloated(FakeUpstream):
    """A PowerDNS that says there is one more record set, until something is written."""
    more = None

    def answer(self, request):
        status, headers, body = super().answer(request)
        if request.method != "GET":
            self.more = None
        elif self.more and "/zones/" in request.path:
            zone = json.loads(body)
            zone["rrsets"].append(self.more)
            body = json.dumps(zone).encode()
        return status, headers, body


def test_what_cannot_be_on_record_is_not_replaced():
    """One record as long as a line of `replaced` may be is whole in the log; a longer one, or too many, stay where they are."""
    name = "_acme-challenge.huge." + ZONE
    longest = 16 * 1024 - len(name + '. 60 TXT ""')
    with gateway() as g, Bloated(proxy=P.api_url) as up:
        handle = g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": up.url, "api_key": P.api_key}})[1]["integration_handle"]
        for sizes, status in ([longest], 200), ([longest] * 15, 200), ([longest + 1], 422), ([longest] * 17, 422):
            values = [("%02d" % i).ljust(n, "x") for i, n in enumerate(sizes)]
            asked, seen = len(up.requests), len(g.audit())
            up.more = {"name": name + ".", "type": "TXT", "ttl": 60,
                       "records": [{"content": '"%s"' % v, "disabled": False} for v in values]}
            got, answer = add(g, handle, name, "new", mode="replace")
            assert got == status, (len(sizes), got, answer)
            changed = [r for r in up.requests[asked:] if r.method != "GET"]
            if status == 422:
                assert answer["code"] == "provider_rejected" and not changed, answer
                continue
            assert len(changed) == 1
            outcome = wait_for(lambda: [l for l in g.audit()[seen:] if l["event"] == "add_record.outcome"])[-1]
            assert outcome["result"] == "ok", outcome
            items = [item for l in g.audit()[seen:] for item in l["replaced"] or []]
            whole = "".join(item.removeprefix("+") if item.startswith("+") else "\n" + item for item in items)
            assert whole.split("\n")[1:] == ['%s. 60 TXT "%s"' % (name, v) for v in values]
            assert remove(g, handle, answer["record_handle"]) == (200, {"removed": True})
        assert not [l for l in g.audit() if l["event"] == "role.restart"]


def test_cname_replaces_txt():
    with gateway() as g:
        handle = integrate(g, P)
        name = "_acme-challenge.swap." + ZONE
        P.set_records(ZONE, name, "TXT", 300, ['"old"'])
        rh = added(g, handle, name, "t.example.net", type="CNAME", mode="replace")
        assert P.api_contents(ZONE, name, "CNAME") == ["t.example.net."]
        assert P.api_contents(ZONE, name, "TXT") == []
        remove(g, handle, rh)


def test_names():
    with gateway() as g:
        handle = integrate(g, P)
        deep = "_acme-challenge." + ".".join("l%d" % i for i in range(20)) + "." + ZONE
        for asked, name, zone in [
            (deep, deep, ZONE),
            ("_acme-challenge." + SUB, "_acme-challenge." + SUB, SUB),
            ("_acme-challenge.x." + SUB, "_acme-challenge.x." + SUB, SUB),
            ("_ACME-Challenge.MiXeD.Flow.EXAMPLE", "_acme-challenge.mixed.flow.example", ZONE),
            ("_acme-challenge.dot.flow.example.", "_acme-challenge.dot.flow.example", ZONE),
            ("_acme-challenge.notsub.flow.example", "_acme-challenge.notsub.flow.example", ZONE),
            (ZONE, ZONE, ZONE),
        ]:
            status, answer = add(g, handle, asked, "n")
            assert status == 200 and answer["zone"] == zone, (asked, answer)
            assert b"n" in txt(P, name)
            assert remove(g, handle, answer["record_handle"]) == (200, {"removed": True})


def test_bad_names():
    with gateway() as g:
        handle = integrate(g, P)
        for name in ("", ".", "*." + ZONE, "_acme-challenge..flow.example", "a b." + ZONE, "\\095dmarc." + ZONE,
                     "_acme-challenge.b\u00fccher.example", "x" * 64 + "." + ZONE, "_acme-challenge." + ZONE + ".."):
            answer = refused(add(g, handle, name, "v"), 400, "invalid_request", "record.fqdn")
            assert "request_id" in answer


def test_no_such_zone():
    with gateway() as g:
        handle = integrate(g, P)
        for name in ("_acme-challenge.other.example", "_acme-challenge.xflow.example", "_acme-challenge.example"):
            refused(add(g, handle, name, "v"), 422, "zone_not_found", "record.fqdn")


def test_values():
    values = ["x" * 255, "y" * 256, "z" * 2048, 'quo"te', "back\\slash", 'mix\\"\\\\""', "caf\u00e9 \u20ac \U0001f600",
              " leading and trailing ", "semi;colon", "tab\there", "new\nline", "\u007f\u0001", "\\000\\255", "=", "a,b"]
    with gateway() as g:
        handle = integrate(g, P)
        name = "_acme-challenge.values." + ZONE
        for value in values:
            rh = added(g, handle, name, value)
            assert txt(P, name) == [value.encode()], (value, txt(P, name))
            # adding again finds it: the comparison undoes every escape
            again = added(g, handle, name, value)
            status, info = g.post("/inspect_handle", {"handle": again})
            assert status == 200 and info["found"] is True, info
            assert remove(g, handle, rh) == (200, {"removed": True})
            assert txt(P, name) == []
        for value in ("", "q" * 2049):
            refused(add(g, handle, name, value), 400, "invalid_request", "record.value")


def test_long_set_together():
    with gateway() as g:
        handle = integrate(g, P)
        name = "_acme-challenge.many." + ZONE
        values = sorted(("%03d-" % i + "m" * 1500).encode() for i in range(40))
        handles = [added(g, handle, name, v.decode()) for v in values]
        assert txt(P, name) == values
        for rh in handles:
            assert remove(g, handle, rh)[1] == {"removed": True}
        assert txt(P, name) == []


def test_apex_ns_is_not_ours():
    with gateway() as g:
        handle = integrate(g, P, policy="article")
        before = P.api_contents(ZONE, ZONE, "NS")
        status, _ = add(g, handle, ZONE, "ns.evil.example", type="NS", mode="replace")
        assert status in (403, 409, 422)
        assert P.api_contents(ZONE, ZONE, "NS") == before


def test_policy_profiles():
    with gateway() as g:
        article, guarded, strict = (integrate(g, P, policy=p) for p in ("article", "guarded", "strict"))
        default = integrate(g, P)
        spf = ("spf." + ZONE, "v=spf1 -all")
        assert add(g, article, *spf)[0] == 200
        for h in (guarded, strict, default):
            answer = refused(add(g, h, *spf), 403, "policy_denied")
            assert "value_version_tag" in answer["detail"]
        refused(add(g, guarded, "_dmarc." + ZONE, "x"), 403, "policy_denied")
        refused(add(g, strict, "_atproto." + ZONE, "x"), 403, "policy_denied")
        refused(add(g, article, "_25._tcp.mail." + ZONE, "t.example", type="A", mode="replace"), 403, "policy_denied")
        assert add(g, strict, "_acme-challenge.strict." + ZONE, "x")[0] == 200


def test_zones_of_a_handle():
    with gateway() as g:
        handle = integrate(g, P, zones=[SUB])
        status, answer = g.post("/get_zones", {"integration_handle": handle})
        assert status == 200 and [z["name"] for z in answer["zones"]] == [SUB]
        assert add(g, handle, "_acme-challenge." + SUB, "z")[0] == 200
        refused(add(g, handle, "_acme-challenge." + ZONE, "z"), 403, "policy_denied", "record.fqdn")
        # a handle for the parent does not reach into the child zone
        parent = integrate(g, P, zones=[ZONE])
        refused(add(g, parent, "_acme-challenge." + SUB, "z"), 403, "policy_denied", "record.fqdn")


def test_log_tells_it_all():
    with gateway() as g:
        handle = integrate(g, P, customer="cust-1")
        name = "_acme-challenge.log." + ZONE
        status, answer = add(g, handle, name, "seen", customer="cust-1")
        assert status == 200
        remove(g, handle, answer["record_handle"], customer="cust-1")
        refused(add(g, handle, "_dmarc." + ZONE, "no", customer="cust-1"), 403, "policy_denied")
        lines = g.audit()
        assert [l["seq"] for l in lines] == list(range(lines[0]["seq"], lines[0]["seq"] + len(lines)))
        mine = [l for l in lines if l["customer"] == "cust-1"]
        assert [l["event"] for l in mine] == [
            "make_integration.outcome", "add_record.intent", "add_record.outcome",
            "remove_record.intent", "remove_record.outcome", "add_record.refused"], mine
        intent, outcome = mine[1], mine[2]
        assert intent["request_id"] == outcome["request_id"] and intent["result"] is None
        for line in (intent, outcome):
            assert (line["fqdn"], line["type"], line["value"], line["mode"], line["zone"], line["caller"]) == \
                (name, "TXT", "seen", "coexist", ZONE, "dev"), line
        assert outcome["result"] == "ok" and isinstance(outcome["duration_ms"], int)
        assert mine[5]["result"] == "refused" and mine[5]["code"] == "policy_denied"
        assert len({l["integration"] for l in mine}) == 1


def test_rewrap_and_inspect():
    with gateway() as g:
        handle = integrate(g, P, customer="c", zones=[ZONE], policy="strict", expires_at="2099-01-01T00:00:00Z")
        status, info = g.post("/inspect_handle", {"handle": handle, "customer": "c"})
        assert status == 200
        assert (info["type"], info["version"], info["provider"], info["customer"], info["zones"], info["policy"]) == \
            ("integration", 1, "powerdns", "c", [ZONE], "strict"), info
        assert info["expires_at"].startswith("2099-01-01T00:00:00")
        assert P.api_key not in str(info)
        status, answer = g.post("/rewrap_handle", {"handle": handle, "customer": "c"})
        assert status == 200 and answer["handle"] != handle
        status, again = g.post("/inspect_handle", {"handle": answer["handle"], "customer": "c"})
        assert again == info
        rh = added(g, answer["handle"], "_acme-challenge.rewrap." + ZONE, "r", customer="c")
        status, rewrapped = g.post("/rewrap_handle", {"handle": rh, "customer": "c"})
        assert status == 200
        assert remove(g, handle, rewrapped["handle"], customer="c") == (200, {"removed": True})


def test_make_integration_verifies():
    with gateway() as g:
        bad = {"provider": "powerdns", "credentials": {"url": P.api_url, "api_key": "wrong-key"}}
        refused(g.post("/make_integration", bad), 422, "provider_auth_failed")
        status, answer = g.post("/make_integration", dict(bad, verify=False))
        assert status == 200 and answer["zones"] == []
        refused(g.post("/get_zones", {"integration_handle": answer["integration_handle"]}), 422, "provider_auth_failed")


def test_zones_that_are_not_there():
    with gateway() as g:
        make = {"provider": "powerdns", "credentials": {"url": P.api_url, "api_key": P.api_key}}
        for zone in ("nope.example", "www." + ZONE):
            refused(g.post("/make_integration", dict(make, zones=[ZONE, zone])), 422, "zone_not_found", "zones")


def test_handle_is_the_field():
    with gateway() as g:
        for path in ("/inspect_handle", "/rewrap_handle"):
            for handle in ("x", "pti1_x", integrate(g, P, customer="c")):
                refused(g.post(path, {"handle": handle}), 422, "handle_invalid", "handle")


def test_expired_handle():
    with gateway() as g:
        refused(g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": P.api_url, "api_key": "k"},
                                             "expires_at": "2020-01-01T00:00:00Z"}), 400, "invalid_request", "expires_at")


def test_request_ids():
    """The client's own name for a request is logged, and is in the answer, whatever that is; else there is one of ours."""
    def ask(g, path, body, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        status, answer, got = exchange(g.url, "POST", path, json.dumps(body), {
            "Content-Type": "application/json", "Authorization": "Bearer " + g.token, **headers})
        return status, json.loads(answer), got["X-Request-Id"]

    with gateway() as g:
        handle = integrate(g, P)
        record = {"fqdn": "_acme-challenge.id." + ZONE, "type": "TXT", "value": "v"}
        body = {"integration_handle": handle, "record": record}
        longest = "A-z.0_" + "9" * 58
        status, _, said = ask(g, "/add_record", body, X_Request_Id=longest)
        assert (status, said) == (200, longest)
        # The outcome comes with the next batch.
        wait_for(lambda: [l["event"] for l in g.audit() if l["request_id"] == longest] == ["add_record.intent", "add_record.outcome"])
        status, answer, said = ask(g, "/add_record", {**body, "record": {**record, "type": "A"}}, X_Request_Id="again.1")
        assert (status, said, answer["request_id"]) == (403, "again.1", "again.1")
        assert any(l["event"] == "add_record.refused" and l["request_id"] == "again.1" for l in g.audit())
        # The same again is no conflict once the first is over.
        assert ask(g, "/add_record", body, X_Request_Id=longest)[0] == 200
        # Without one each has its own.
        one, two = (ask(g, "/add_record", body)[2] for _ in range(2))
        assert one != two and len(one) == 32
        for bad in ("a b", "x" * 65, "a;b", '"a"', "a/b"):
            status, answer, said = ask(g, "/add_record", body, X_Request_Id=bad)
            assert (status, answer["field"]) == (400, "X-Request-Id"), answer
            assert said == answer["request_id"] != bad and bad not in json.dumps(answer)
        status, _, headers = exchange(g.url, "GET", "/healthz", headers={"X-Request-Id": "probe", "X-Forwarded-For": "192.0.2.1"})
        assert (status, headers["X-Request-Id"]) == (200, "probe")


def test_request_id_in_flight():
    """Two that are under way may not have the same: the log could not tell them apart."""
    with gateway() as g, FakeUpstream(proxy=P.api_url) as up:
        status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": up.url, "api_key": P.api_key}})
        assert status == 200, answer
        handle = answer["integration_handle"]
        ask = {"Content-Type": "application/json", "X-Request-Id": "twice"}
        body = json.dumps({"integration_handle": handle})
        up.hold_answers_to("GET")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            first = pool.submit(g.request, "POST", "/get_zones", body, ask)
            assert up.holding.wait(10)
            refused(g.request("POST", "/get_zones", body, ask), 409, "conflict", "X-Request-Id")
            up.release()
            assert first.result()[0] == 200
        assert g.request("POST", "/get_zones", body, ask)[0] == 200


if __name__ == "__main__":
    tap.main(globals())
