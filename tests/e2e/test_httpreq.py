# SPDX-License-Identifier: ISC
"""httpreq: clients that know a name and a token, and keep nothing. What they send, and what they may."""
import base64
import hashlib
import json
import os
import signal
import subprocess
import tempfile

import tap
from common import add, refused, together, txt
from httpreq_site import A, B, DNS, P, SECTIONS, Site, alias, challenge, ok, site
from openapi import check, check_answers
from servers import exchange, wait_for

check_answers()


# ---- switched on and off ----

def test_off():
    """Without a section there is no such endpoint, for anybody; a reload switches it on and off."""
    with tempfile.TemporaryDirectory() as d:
        s = Site(d)
        body = {"fqdn": challenge("off") + ".", "value": "v"}

        def off():
            for path in ("/present", "/cleanup"):
                refused(s.call(path, body), 404, "not_found")
                refused(s.now.post(path, body), 404, "not_found")
                refused(s.now.get(path), 404, "not_found")

        try:
            off()
            s.configure(SECTIONS)
            s.reload()
            ok(s.call("/present", body), **body)
            assert s.now.get("/present")[0] == 405
            s.configure(SECTIONS.replace('"web1" {', '"web3" {'))
            s.reload()
            refused(s.call("/cleanup", body), 401, "unauthenticated")
            ok(s.call("/cleanup", body, "web3", "web1"), **body, removed=True)
            s.configure("")
            s.reload()
            off()
        finally:
            s.now.stop()


def test_reload_as_a_whole():
    """A configuration with something wrong in it changes nothing; what is wrong is said with its line."""
    with tempfile.TemporaryDirectory() as d:
        s = Site(d)
        s.put("record", "ptr1_AAAA\n")
        s.put("two", s.handles["all"] + "\n" + s.handles["all"] + "\n")
        s.put("open", s.handles["all"] + "\n")
        os.chmod(d + "/open", 0o644)
        s.configure(SECTIONS)
        good = 'handle_file = "{d}/all" callers = {"web1"}'
        cases = (
            ('httpreq "x" { %s }' % good.replace("web1", "NO"), "httpreq.callers: must be names of the callers file"),
            ('httpreq "x" { callers = {"web1"} }', "httpreq: lacks handle_file"),
            ('httpreq "x" { handle_file = "{d}/all" }', "httpreq: lacks callers"),
            ('httpreq "X" { %s }' % good, "httpreq: must be called by"),
            ('httpreq "a:b" { %s }' % good, "httpreq: must be called by"),
            ('httpreq "x" { %s zones = {"*.example"} }' % good, "httpreq.zones: must be domain names"),
            ('httpreq "x" { %s customer = "" }' % good, "httpreq.customer: must not be empty"),
            ('httpreq "x" { %s }' % good.replace("/all", "/record"), "httpreq.handle_file: does not hold an integration handle"),
            ('httpreq "x" { %s }' % good.replace("/all", "/two"), "httpreq.handle_file: does not hold an integration handle"),
            ('httpreq "x" { %s }' % good.replace("/all", "/gone"), "httpreq.handle_file: No such file"),
            ('httpreq "x" { %s }' % good.replace("/all", "/open"), "httpreq.handle_file: must have no permission for group"),
            ('httpreq "x" { %s token = "t" }' % good, "httpreq.token: there is no such key"),
        )

        def check_config():
            return s.now.cli("check-config", d + "/postern.conf")

        try:
            s.reload()
            done = check_config()
            assert done.returncode == 0 and "names of httpreq: 7" in done.stdout, done
            for section, why in cases:
                s.configure("\n" + section + "\n")
                done = check_config()
                assert done.returncode == 1 and "postern.conf:9: " + why in done.stderr, (why, done.stderr)
                assert s.handles["all"] not in done.stderr
                os.kill(s.now.pid, signal.SIGHUP)
                wait_for(lambda: why in s.now.stderr_text())
                ok(s.present(challenge("whole"), "v"), challenge("whole"), "v")
            assert "pti1_" not in s.now.stderr_text()
            ok(s.cleanup(challenge("whole"), "v"), challenge("whole"), "v", removed=True)
        finally:
            s.now.stop()


def test_a_caller_is_taken_away():
    """Its line goes out of the callers file, and no more than that: its token is nobody's, though names still speak of it, and who shared a name with it goes on."""
    with tempfile.TemporaryDirectory() as d:
        s = Site(d)
        s.configure(SECTIONS)
        s.reload()
        name = challenge("taken-away")
        try:
            ok(s.present(name, "v"), name, "v")
            with open(d + "/callers") as f:
                s.put("callers", "".join(line for line in f if not line.startswith("web1 ")))
            s.reload()
            for who in ("web1", "web1"), ("shared", "web1"), ("web1", "web2"):
                refused(s.cleanup(name, "v", *who), 401, "unauthenticated")
            ok(s.cleanup(name, "v", "shared", "web2"), name, "v", removed=True)
            done = s.now.cli("check-config", d + "/postern.conf")
            for text in s.now.stderr_text(), done.stderr:
                assert 'httpreq "web1": no such caller: web1' in text and 'httpreq "web2"' not in text, text
            assert done.returncode == 0
            assert "web1: no such caller: web1" in s.now.cli("doctor", "--config", d + "/postern.conf").stdout
        finally:
            s.now.stop()


# ---- what clients send ----

def key_value(key_auth):
    """RFC 8555 section 8.4"""
    return base64.urlsafe_b64encode(hashlib.sha256(key_auth.encode()).digest()).decode().rstrip("=")


def test_default_mode():
    """As lego writes it, a line feed at the end."""
    s, name = site(), challenge("default")
    body = '{"fqdn":"%s.","value":"one"}\n' % name
    for _ in range(2):
        ok(s.call("/present", body), name + ".", "one")
        assert txt(P, name) == [b"one"]
    ok(s.call("/cleanup", body), name + ".", "one", removed=True)
    assert txt(P, name) == []
    ok(s.call("/cleanup", body), name + ".", "one", removed=False)


def test_raw_mode():
    """The gateway makes name and value; the wildcard is the client's to leave out."""
    s, name, key_auth = site(), challenge("raw"), "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"
    body = {"domain": "raw." + A, "token": "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ", "keyAuth": key_auth}
    ok(s.call("/present", body), name, key_value(key_auth))
    assert txt(P, name) == [key_value(key_auth).encode()]
    ok(s.call("/cleanup", body), name, key_value(key_auth), removed=True)
    assert txt(P, name) == []
    refused(s.call("/present", dict(body, domain="*.raw." + A)), 400, "invalid_request", "domain")


def curl(s, path, body, pair, *more):
    """(status, body) of what curl sends."""
    done = subprocess.run(["curl", "-sS", "-w", "\n%{http_code}", *more, "--data", body, s.now.url + path], capture_output=True,
                          text=True, check=True)
    answer, _, status = done.stdout.rpartition("\n")
    return int(status), answer


def test_acme_sh():
    """The request of acme.sh's dns_acmeproxy, header by header (empty ones too), and what it looks for in the answer."""
    s, name = site(), challenge("acme-sh")
    header = "Authorization: Basic " + base64.b64encode(s.pair("web1").encode()).decode()
    for path in ("/present", "/cleanup"):
        body = '{"fqdn": "%s.", "value": "%s"}' % (name, "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM")
        status, answer = curl(s, path, body, None, "--user-agent", "acme.sh/3.1.1 (https://github.com/acmesh-official/acme.sh)",
                              "-X", "POST", "-H", header, "-H", "Accept: application/json", "-H", "Content-Type: application/json",
                              "-H", "", "-H", "")
        assert status == 200 and '"LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM"' in answer, (status, answer)
        assert len(txt(P, name)) == (path == "/present")


def test_caddy():
    """The request of Caddy's acmeproxy module (libdns), which compares name and value of the answer with what it sent."""
    s, name = site(), challenge("caddy")
    for path in ("/present", "/cleanup"):
        body = json.dumps({"FQDN": name + ".", "Value": "caddy's"}, separators=(",", ":")) + "\n"
        status, answer = curl(s, path, body, None, "-H", "Accept: application/json", "-H", "Content-Type: application/json",
                              "-u", s.pair("web1"))
        answer = {k.lower(): v for k, v in json.loads(answer).items()}
        assert (status, answer["fqdn"], answer["value"]) == (200, name + ".", "caddy's"), (status, answer)
        assert len(txt(P, name)) == (path == "/present")


def test_names():
    """Case and a final dot make no other name; what is no name is told with the client's own word for it."""
    s, name = site(), challenge("names")
    ok(s.present(name.upper() + ".", "one"), name.upper() + ".", "one")
    ok(s.present(name, "one"), name, "one")
    assert P.api_contents(A, name, "TXT") == ['"one"']
    ok(s.cleanup(name.title(), "one"), name.title(), "one", removed=True)
    assert txt(P, name) == []
    for bad in ("", ".", name + "..", "*." + A, "a b." + A, "b\u00fccher." + A, "x" * 64 + "." + A):
        refused(s.present(bad, "v"), 400, "invalid_request", "fqdn")
        refused(s.cleanup(bad, "v"), 400, "invalid_request", "fqdn")
    refused(s.call("/present", {"domain": "a..b", "token": "t", "keyAuth": "k"}), 400, "invalid_request", "domain")
    refused(s.present(name, ""), 400, "invalid_request", "value")


def test_bodies_are_strict():
    s, good = site(), {"fqdn": challenge("strict-body"), "value": "v"}
    raw = {"domain": A, "token": "t", "keyAuth": "k"}
    cases = [
        ({}, "fqdn"), ({"fqdn": good["fqdn"]}, "value"), (dict(good, ttl=60), "ttl"), (dict(good, value=1), "value"),
        (dict(good, FQDN="x"), None), (dict(good, Value="x"), "Value"), (dict(good, **raw), None), (dict(raw, value="v"), "value"),
        ({"domain": A, "token": "t"}, "keyAuth"), ({"domain": A, "keyAuth": "k"}, "token"), (dict(raw, domain=None), "domain"),
        (dict(good, fqdn="x" * 513), "fqdn"), (dict(good, value="v" * 2049), "value"), (dict(raw, keyAuth="k" * 2049), "keyAuth"),
        (dict(raw, domain="d" * 500), "domain"), (dict(good, integration_handle="x"), "integration_handle"),
        ("[]", None), ("{", None), ('{"fqdn":"a","fqdn":"b","value":"v"}', None), ('{"fqdn":"a","value":"v"}x', None), ("", None),
        (b'{"fqdn":"a\xff","value":"v"}', None),
    ]
    for path in ("/present", "/cleanup"):
        for body, field in cases:
            refused(s.call(path, body), 400, "invalid_request", field)
        assert s.exchange(path, good, s.pair("web1"), **{"Content-Type": "application/x-www-form-urlencoded"})[0] == 415
        assert s.exchange(path, " " * 65537, s.pair("web1"))[0] == 413
    assert txt(P, good["fqdn"]) == []


# ---- who it is ----

def test_strangers():
    """One answer for all that do not know a name and a token of one of its callers, but for the request's id."""
    s, body = site(), {"fqdn": challenge("strangers"), "value": "v"}
    good = base64.b64encode(s.pair("web1").encode()).decode()
    cases = [None, "", "Basic", "Basic ", "Basic " + good[:-4], "Basic " + good.rstrip("=") + "====", "Basic " + good + "!", "Basic  " + good,
             "Bearer " + s.tokens["web1"], "Bearer " + good, "Digest " + good, good,
             *("Basic " + base64.b64encode(pair.encode()).decode() for pair in (
                 s.pair("web2", "web1"), s.pair("web1", "web2"), s.pair("nobody", "web1"), s.pair("web1", "backend"), "web1:ptk1_x", "web1:",
                 ":" + s.tokens["web1"], "web1", ":", s.pair("WEB1", "web1"), s.pair("web1 ", "web1"), s.pair("web1") + " ",
                 s.tokens["web1"] + ":web1", "x" * 900 + ":" + s.tokens["web1"], "x" * 9000))]
    seen = set()
    for path in ("/present", "/cleanup"):
        for authorization in cases:
            headers = {"Content-Type": "application/json"}
            headers.update({} if authorization is None else {"Authorization": authorization})
            status, answer, got = exchange(s.now.url, "POST", path, json.dumps(body), headers)
            check("POST", path, status, got, answer)
            assert status == 401 and got["WWW-Authenticate"] == 'Basic realm="postern"', (authorization, status, dict(got))
            seen.add(answer.replace(json.loads(answer)["request_id"].encode(), b"ID"))
    assert len(seen) == 1, seen
    assert txt(P, body["fqdn"]) == []
    # And the other way: a pair opens nothing else, and other endpoints ask for a bearer token as they did.
    for path in ("/add_record", "/remove_record", "/get_zones"):
        status, answer, got = s.exchange(path, {}, s.pair("web1"))
        assert status == 401 and got["WWW-Authenticate"] == "Bearer", (path, status)
    # The scheme may be written in any case.
    ok(s.call("/cleanup", body, Authorization="bAsIc " + good), **body, removed=False)


def test_verbs():
    s, body = site(), {"fqdn": challenge("verbs"), "value": "v"}
    refused(s.call("/present", body, "shared", "reader"), 403, "forbidden")
    refused(s.call("/cleanup", body, "shared", "reader"), 403, "forbidden")
    ok(s.call("/present", body, "shared", "adds"), **body)
    refused(s.call("/cleanup", body, "shared", "adds"), 403, "forbidden")
    ok(s.call("/cleanup", body, "shared", "web2"), **body, removed=True)


def test_customers():
    """The name stands for the customer too."""
    s, name = site(), challenge("customer")
    ok(s.present(name, "v", "acme.example", "web1"), name, "v")
    assert s.lines()[-1]["customer"] == "acme"
    ok(s.cleanup(name, "v", "acme.example", "web1"), name, "v", removed=True)
    for call in (s.present, s.cleanup):
        answer = refused(call(name, "v", "wrong-customer", "web1"), 422, "handle_invalid")
        assert "field" not in answer, answer  # the client has sent no handle


# ---- what it may do ----

def test_zones():
    """Two hosts, two zones, one handle: neither can write, or remove what is, in the other's."""
    s, in_a, in_b = site(), challenge("zones", A), challenge("zones", B)
    ok(s.present(in_a, "a", "web1"), in_a, "a")
    ok(s.present(in_b, "b", "web2"), in_b, "b")
    for fqdn, value, who in ((in_b, "b", "web1"), (in_a, "a", "web2"), ("_acme-challenge." + B, "x", "web1"),
                             ("_acme-challenge.httpreq.example", "x", "web1"), (in_b + "." + "elsewhere.example", "x", "web1")):
        refused(s.present(fqdn, value, who), 403, "policy_denied", "fqdn")
        refused(s.cleanup(fqdn, value, who), 403, "policy_denied", "fqdn")
    assert (txt(P, in_a), txt(P, in_b)) == ([b"a"], [b"b"])
    # The handle's own zones hold as well.
    refused(s.present(in_a, "a", "only-b", "web1"), 403, "policy_denied", "fqdn")
    refused(s.cleanup(in_a, "a", "only-b", "web1"), 403, "policy_denied", "fqdn")
    ok(s.cleanup(in_b, "b", "only-b", "web1"), in_b, "b", removed=True)
    ok(s.cleanup(in_a, "a", "web1"), in_a, "a", removed=True)
    refused(s.present(challenge("x", "nowhere.example"), "v", "shared", "web1"), 422, "zone_not_found", "fqdn")
    refused(s.cleanup(challenge("x", "nowhere.example"), "v", "shared", "web1"), 422, "zone_not_found", "fqdn")


def test_a_zone_within():
    """A zone of the account that lies in the name's: it is another, and not the name's, as it is not a handle's."""
    s, inner = site(), "inner." + A
    P.ensure_zone(inner)
    try:
        for call in (s.present, s.cleanup):
            refused(call("_acme-challenge." + inner, "v", "web1"), 403, "policy_denied", "fqdn")
        ok(s.present("_acme-challenge." + inner, "v", "shared", "web1"), "_acme-challenge." + inner, "v")
        ok(s.cleanup("_acme-challenge." + inner, "v", "shared", "web1"), "_acme-challenge." + inner, "v", removed=True)
    finally:
        assert P.api("DELETE", "/zones/%s." % inner)[0] == 204


# Names, values: what stands there may be a customer's own.
CUSTOMERS_OWN = [(A, "v=spf1 -all"), (A, "site-verification=1"), ("www." + A, "hello"), ("_dmarc." + A, "v=DMARC1; p=none"),
                 ("sel._domainkey." + A, "k=rsa; p=AAAA"), ("_acme-challenge." + A, "v=something"), ("a._b." + A, "x"),
                 ("_validation-persist." + A, "ca.example"), (challenge("own"), "ours"), ("_mine." + A, "x")]


def test_customers_own_stays():
    """What no replace may overwrite no clean-up removes: the two are judged alike, name by name, and one by one."""
    s = site()
    for name in {n for n, _ in CUSTOMERS_OWN}:
        P.set_records(A, name, "TXT", 300, ['"%s"' % v for n, v in CUSTOMERS_OWN if n == name])
    kept = []
    for name, value in CUSTOMERS_OWN:
        status, answer = s.cleanup(name, value)
        replaced = add(s.now, s.handles["all"], name, value, mode="replace")
        assert (status == 200) == (replaced[0] == 200), (name, value, answer, replaced)
        if status != 200:
            assert answer["code"] == replaced[1]["code"] == "policy_denied" and answer["detail"] == replaced[1]["detail"], (answer, replaced)
            assert value.encode() in P.txt(name), name
            kept.append(name)
        else:
            assert answer["removed"], name
    assert kept == [n for n, _ in CUSTOMERS_OWN[:8]], kept
    for name in {n for n, _ in CUSTOMERS_OWN}:
        P.set_records(A, name, "TXT", 300, [])
    # Nor does a client get further by presenting first: what is there is found, and stays.
    P.set_records(A, "www." + A, "TXT", 300, ['"own"'])
    ok(s.present("www." + A, "own"), "www." + A, "own")
    refused(s.cleanup("www." + A, "own"), 403, "policy_denied")
    assert txt(P, "www." + A) == [b"own"]
    P.set_records(A, "www." + A, "TXT", 300, [])


def test_other_values_stay():
    """A clean-up takes one value away; what stands beside it, of whatever type, stays as it was."""
    s, name = site(), challenge("beside")
    P.set_records(A, name, "TXT", 77, ['"first"', '"second"'])
    P.set_records(A, name, "CAA", 300, ['0 issue "ca.example"'])
    ok(s.cleanup(name, "third"), name, "third", removed=False)
    ok(s.present(name, "third"), name, "third")
    ok(s.cleanup(name, "second"), name, "second", removed=True)
    assert txt(P, name) == [b"first", b"third"] and P.api_ttl(A, name, "TXT") == 77
    assert P.api_contents(A, name, "CAA") == ['0 issue "ca.example"']
    for value in ("first", "third"):
        ok(s.cleanup(name, value), name, value, removed=True)
    P.set_records(A, name, "CAA", 300, [])


def test_policy_of_the_handle():
    """A strict handle: where no authority looks nothing is presented."""
    s, name = site(), "_somewhere.else." + A
    refused(s.present(name, "v", "strict", "web1"), 403, "policy_denied")
    refused(s.present("www." + A, "v", "strict", "web1"), 403, "policy_denied")
    ok(s.present(challenge("strict"), "v", "strict", "web1"), challenge("strict"), "v")
    ok(s.cleanup(challenge("strict"), "v", "strict", "web1"), challenge("strict"), "v", removed=True)


def test_stolen_pair():
    """Whoever has name, token and URL: no other endpoint does anything for him, no answer holds a handle, and only TXT is written."""
    s, name = site(), challenge("stolen")
    said = []
    for path, body in (("/make_integration", {"provider": "powerdns", "credentials": {"url": P.api_url, "api_key": P.api_key}}),
                       ("/begin_integration", {"provider": "route53"}), ("/get_zones", {"integration_handle": "pti1_x"}),
                       ("/inspect_handle", {"handle": "pti1_x"}), ("/rewrap_handle", {"handle": "pti1_x"})):
        status, answer = s.now.request("POST", path, json.dumps(body), {"Authorization": "Bearer " + s.tokens["web1"],
                                                                        "Content-Type": "application/json"})
        assert (status, answer["code"]) == (403, "forbidden"), (path, answer)
        said.append(json.dumps(answer))
    for path, body in (("/add_record", {"integration_handle": "web1", "record": {"fqdn": name, "type": "TXT", "value": "v"}}),
                       ("/remove_record", {"integration_handle": "web1", "record_handle": "web1"})):
        status, answer = s.now.request("POST", path, json.dumps(body), {"Authorization": "Bearer " + s.tokens["web1"],
                                                                        "Content-Type": "application/json"})
        assert (status, answer["code"]) == (422, "handle_invalid"), (path, answer)
    P.set_records(A, name, "A", 300, ["192.0.2.1"])
    for path in ("/present", "/cleanup", "/cleanup"):
        for extra in ({"type": "A"}, {"mode": "replace"}, {"record_handle": "x"}):
            refused(s.call(path, {"fqdn": name, "value": "192.0.2.1", **extra}), 400, "invalid_request", next(iter(extra)))
        status, answer, headers = s.exchange(path, {"fqdn": name, "value": "192.0.2.1"}, s.pair("web1"))
        assert status == 200, answer
        said.append(answer.decode() + str(headers))
    assert P.api_contents(A, name, "A") == ["192.0.2.1"] and txt(P, name) == []
    assert not any("pti1_" in text or "ptr1_" in text for text in said), said
    P.set_records(A, name, "A", 300, [])


# ---- CNAMEs ----

def test_follows():
    """Where CNAMEs stand at the name, the challenge is written where they lead, and cleaned up there; the answer has the name that was asked for."""
    s, final = site(), challenge("final")
    asked = "_acme-challenge.shop.elsewhere.example"
    alias(asked, "shop.hop.example")
    alias("shop.hop.example", final.upper() + ".")
    for body in ({"fqdn": asked + ".", "value": "followed"}, {"domain": "shop.elsewhere.example", "token": "t", "keyAuth": "k"}):
        since, value = s.next_seq(), body.get("value", key_value("k"))
        ok(s.call("/present", body), body.get("fqdn", asked), value)
        assert txt(P, final) == [value.encode()]
        ok(s.call("/cleanup", body), body.get("fqdn", asked), value, removed=True)
        ok(s.call("/cleanup", body), body.get("fqdn", asked), value, removed=False)
        assert txt(P, final) == [] and {x["fqdn"] for x in s.lines(since)} == {final}


def test_follows_within_bounds():
    """Zones and policy are asked of the name at the end: a CNAME opens no other host's zone, and nothing that is the customer's own."""
    s = site()
    cases = [(challenge("to-b"), challenge("theirs", B), 403, "policy_denied"), (challenge("to-mail"), "_dmarc." + A, 403, "policy_denied"),
             (challenge("circle"), challenge("circle"), 400, "invalid_request")]
    P.set_records(B, challenge("theirs", B), "TXT", 300, ['"v"'])
    P.set_records(A, "_dmarc." + A, "TXT", 300, ['"v"'])
    for name, target, status, code in cases:
        alias(name, target)
        refused(s.present(name, "v"), status, code)
        refused(s.cleanup(name, "v"), status, code)
    assert (txt(P, challenge("theirs", B)), txt(P, "_dmarc." + A)) == ([b"v"], [b"v"])
    P.set_records(B, challenge("theirs", B), "TXT", 300, [])
    P.set_records(A, "_dmarc." + A, "TXT", 300, [])
    # At a name without an underscore: it is presented, as the policy lets it, and cannot be cleaned up.
    alias(challenge("plain"), "plain." + A)
    ok(s.present(challenge("plain"), "v"), challenge("plain"), "v")
    refused(s.cleanup(challenge("plain"), "v"), 403, "policy_denied")
    assert txt(P, "plain." + A) == [b"v"]
    P.set_records(A, "plain." + A, "TXT", 300, [])


def test_dns_is_silent():
    """Whether the name is a CNAME nobody says: nothing is done, and the client may try again."""
    s, name = site(), challenge("silent")
    DNS.names[name] = lambda q: None
    refused(s.present(name, "v"), 502, "provider_unavailable")
    refused(s.cleanup(name, "v"), 502, "provider_unavailable")
    assert txt(P, name) == []


# ---- nothing is kept ----

def test_replicas():
    """What one gateway presented the other one cleans up; and after a restart, so does the same."""
    s, name = site(), challenge("replicas")
    other = s.start("audit-replica")
    try:
        ok(s.present(name, "one"), name, "one")
        ok(s.present(name, "two", g=other), name, "two")
        ok(s.present(name, "one", g=other), name, "one")
        ok(s.cleanup(name, "one", g=other), name, "one", removed=True)
        ok(s.cleanup(name, "one"), name, "one", removed=False)
        assert txt(P, name) == [b"two"]
    finally:
        other.stop()
    s.now.stop()
    s.now = s.start()
    ok(s.cleanup(name, "two"), name, "two", removed=True)
    assert txt(P, name) == []


def test_at_once():
    """Sixteen values at one name, come and gone at once, each of them told twice."""
    s, name = site(), challenge("at-once")
    values = ["value-%02d" % i for i in range(16)]
    for path, there in (("/present", values), ("/cleanup", [])):
        results = together(lambda v: s.call(path, {"fqdn": name, "value": v}), values * 2, 16)
        assert {r[0] for r in results} == {200}, results
        assert txt(P, name) == [v.encode() for v in there]


# ---- the log, and limits ----

def test_log():
    """As for add_record and remove_record, under the caller's name; what is not there needs no intent; refusals too; no handle anywhere."""
    s, name = site(), challenge("log")
    since = s.next_seq()
    s.present(name, "v")
    s.present(name, "v")
    s.cleanup(name, "v")
    s.cleanup(name, "v")
    lines = s.lines(since)
    assert [(x["event"], x["result"]) for x in lines] == [
        ("add_record.intent", None), ("add_record.outcome", "ok"), ("add_record.intent", None), ("add_record.outcome", "found"),
        ("remove_record.intent", None), ("remove_record.outcome", "ok"), ("remove_record.outcome", "gone")], lines
    for x in lines:
        assert (x["caller"], x["zone"], x["fqdn"], x["type"], x["value"], x["mode"]) == ("web1", A, name, "TXT", "v", "coexist"), x
    since = s.next_seq()
    pairs = [s.pair("web2", "web1"), s.pair("shared", "reader"), s.pair("web1"), s.pair("web1"), s.pair("acme.example", "web1")]
    bodies = [{"fqdn": name, "value": "v"}] * 2 + [{"fqdn": "www." + A, "value": "v"}, {"fqdn": "_acme-challenge." + B, "value": "v"},
                                                  {"domain": A, "token": "t"}]
    ids = [s.exchange("/cleanup", body, pair)[2]["X-Request-Id"] for body, pair in zip(bodies, pairs)]
    wait_for(lambda: {x["request_id"] for x in s.lines(since)} >= set(ids))
    lines = {x["request_id"]: x for x in s.lines(since)}
    told = [tuple(lines[i][k] for k in ("event", "caller", "code", "customer", "fqdn", "type")) for i in ids]
    assert told == [("remove_record.refused", "web1", "unauthenticated", None, None, "TXT"),
                    ("remove_record.refused", "reader", "forbidden", None, None, "TXT"),
                    ("remove_record.refused", "web1", "policy_denied", None, "www." + A, "TXT"),
                    ("remove_record.refused", "web1", "policy_denied", None, "_acme-challenge." + B, "TXT"),
                    ("remove_record.refused", "web1", "invalid_request", "acme", "_acme-challenge." + A, "TXT")], told
    whole = s.now.stderr_text() + json.dumps(s.now.audit())
    assert "pti1_" not in whole and "ptr1_" not in whole and not any(t in whole for t in s.tokens.values())


def test_limits():
    """The caller's rate is one for all that he asks, whatever the protocol."""
    with tempfile.TemporaryDirectory() as d:
        s = Site(d, "limits { caller_rate = 1 caller_burst = 7 integration_rate = none }\n")
        try:
            s.configure(SECTIONS)
            s.reload()
            for _ in range(9):
                status, answer, headers = s.exchange("/cleanup", {"fqdn": challenge("limits"), "value": "v"}, s.pair("web1"))
                if status == 429:
                    break
            assert status == 429 and int(headers["Retry-After"]) >= 1 and json.loads(answer)["code"] == "rate_limited", answer
            ok(s.cleanup(challenge("limits", B), "v", "web2"), challenge("limits", B), "v", removed=False)
        finally:
            s.now.stop()


def test_metrics():
    """Each endpoint by its name."""
    s = site()

    def count(endpoint, code):
        start = 'postern_requests_total{endpoint="%s",code="%s"} ' % (endpoint, code)
        return sum(int(line[len(start):]) for line in s.now.get("/metrics")[1].splitlines() if line.startswith(start))

    before = [count(*x) for x in (("present", "ok"), ("cleanup", "ok"), ("cleanup", "unauthenticated"))]
    s.present(challenge("metrics"), "v")
    s.cleanup(challenge("metrics"), "v")
    s.cleanup(challenge("metrics"), "v", "web2", "web1")
    after = [count(*x) for x in (("present", "ok"), ("cleanup", "ok"), ("cleanup", "unauthenticated"))]
    assert after == [n + 1 for n in before], (before, after)


def test_doctor():
    """It looks at each name."""
    s = site()
    said = s.now.cli("doctor", "--config", s.dir + "/postern.conf").stdout
    for part in ("/present and /cleanup are served, for 7 names", "wrong-customer: its handle does not open",
                 "shared: reader may not both add and remove", "shared: whoever steals the token of reader may do more"):
        assert part in said, (part, said)
    assert "web1: " not in said and "pti1_" not in said, said


if __name__ == "__main__":
    tap.main(globals())
