#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The replay tool: on what is recorded in the repository, and on files such as nobody has sent us yet."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
import tap  # noqa: E402

REPLAY = os.environ["POSTERN_REPLAY"]
FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
LINE = re.compile(r"([a-z]+ (ok( \d+)?|restart|error [a-z_]+)|unmatched \S+ \S+)$")


def replay(provider, *files):
    """(exit status, lines, errors)"""
    p = subprocess.run([REPLAY, provider, *map(str, files)], capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout.splitlines(), p.stderr


def made(provider, exchanges):
    """What comes of EXCHANGES, written to a file: text as it is, all else as JSON."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write(exchanges if isinstance(exchanges, str) else json.dumps(exchanges))
        f.flush()
        return replay(provider, f.name)


def exchange(method, uri, status=200, body="{}", **more):
    return {"method": method, "uri": uri, "request_headers": {}, "request_body": None, "status": status,
            "response_headers": {}, "body": body, **more}


def expect(provider, exchanges, *lines):
    status, got, errors = made(provider, exchanges)
    assert (status, got, errors) == (0, list(lines), ""), (status, got, errors)


def test_every_recording_of_the_repository():
    """Each exchange gives one line, none fails where its provider answered well."""
    n = 0
    for folder in sorted(FIXTURES.iterdir()):
        for file in sorted(folder.rglob("*.json")):
            text = json.loads(file.read_text())
            if not isinstance(text, list) or not all(isinstance(e, dict) and "uri" in e for e in text):
                continue
            status, lines, errors = replay(folder.name, file)
            assert status == 0 and not errors, (file, errors)
            assert len(lines) == len(text), file
            for e, line in zip(text, lines):
                assert LINE.match(line), line
                if e["status"] < 300 and "made" not in file.parts:
                    assert " error " not in line, (file, e["method"], e["uri"], line)
                n += 1
    assert n > 150, n


def test_lines():
    zone = {"id": 1, "name": "example.com", "secondary": False}
    expect("dnsimple", [
        exchange("GET", "https://api.dnsimple.com/v2/1010/zones?page=1",
                 body=json.dumps({"data": [zone, dict(zone, name="b.example", secondary=True)],
                                  "pagination": {"total_pages": 1}})),
        exchange("GET", "https://api.dnsimple.com/v2/1010/zones", 401, '{"message":"Authentication failed"}'),
        exchange("POST", "https://api.dnsimple.com/v2/1010/zones/example.com/records", 400,
                 '{"message":"Validation failed"}'),
        exchange("GET", "https://api.dnsimple.com/v2/accounts/1010/memberships?x=/zones"),
        exchange("DELETE", "https://api.dnsimple.com/v2/1010/zones/example.com/records/64784", 204, ""),
        exchange("POST", "https://api.dnsimple.com/v2/oauth/access_token", 200,
                 '{"access_token":"t","token_type":"Bearer","scope":null,"account_id":1}'),
        exchange("POST", "https://api.dnsimple.com/v2/oauth/access_token", 400, '{"error":"invalid_grant"}'),
    ], "zones ok 1", "zones error provider_auth_failed", "add restart",
        "unmatched GET /v2/accounts/1010/memberships", "remove ok", "login ok", "login error provider_auth_failed")


def test_other_hosts_and_spellings():
    zones = json.dumps({"value": []})
    sub = "/subscriptions/S/providers/Microsoft.Network/dnszones"
    expect("azuredns", [exchange("GET", "https://management.azure.com" + sub + "?api-version=1", body=zones),
                        exchange("get", "http://127.0.0.1:8080" + sub.replace("dnszones", "dnsZones/"), body=zones),
                        exchange("GET", sub, body=zones)], *["zones ok 0"] * 3)
    expect("desec", [exchange("GET", "https://desec.io/api/v1/domains", body="[]"),
                     exchange("GET", "http://localhost/mock/domains/", body="[]"),
                     exchange("GET", "https://desec.io/api/v1//domains//", body="[]")], *["zones ok 0"] * 3)


def test_one_path_two_purposes():
    """Route 53 and Google add and remove by one method and path; the request tells which it was."""
    ok = "<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status></ChangeInfo></ChangeResourceRecordSetsResponse>"
    uri = "https://route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset/"
    change = "<x><Action>%s</Action></x>"
    expect("route53", [exchange("POST", uri, body=ok, request_body=change % "CREATE"),
                       exchange("POST", uri, body=ok, request_body=change % "DELETE")], "add ok", "remove ok")


def test_odd_fields():
    """What is missing, or of another type than promised, is no reason to end."""
    empty = '{"success":true,"result":[],"result_info":{"total_pages":0}}'
    expect("cloudflare", [
        exchange("GET", "https://api.cloudflare.com/client/v4/zones", body=json.loads(empty)),
        exchange("GET", "https://api.cloudflare.com/client/v4/zones", "200 OK", empty),
        exchange("GET", "https://api.cloudflare.com/client/v4/zones", {"code": 403}, None),
        exchange("GET", "https://api.cloudflare.com/client/v4/zones", 500, "<html>oops"),
        exchange("GET", "https://api.cloudflare.com/client/v4/zones", 200, "\x00"),
        exchange("GET", "https://api.cloudflare.com/client/v4/zones", None, 17),
        {"method": "GET", "uri": "/client/v4/zones"},
        exchange("PURGE", "https://api.cloudflare.com/client/v4/zones é\n"),
        exchange("GET", "https://api.cloudflare.com"),
        exchange("GET", "%zz?%zz&&=&a"),
    ], "zones ok 0", "zones ok 0", "zones error provider_auth_failed", "zones error provider_unavailable",
        "zones error provider_unavailable", "zones error provider_unavailable", "zones error provider_unavailable",
        "unmatched PURGE /client/v4/zones????", "unmatched GET /", "unmatched GET %zz")


def test_headers():
    """Names in any case; one value or several."""
    link = '<https://api.nsone.net/v1/zones?after=b.example>; rel="next"'
    for name, value in ("link", link), ("LINK", [link]), ("Link", 5), ("Retry-After", ["x"]):
        expect("ns1", [exchange("GET", "https://api.nsone.net/v1/zones", body='[{"zone":"a.example"}]',
                                response_headers={name: value})], "zones ok 1")


def test_broken_files():
    """A clear error, and the next file is read."""
    good = FIXTURES / "dnsimple" / "lexicon"
    good = sorted(good.glob("*.json"))[0]
    for text, why in (("", "replay: "), ("[{", "replay: "), ("3", "replay: "), ('{"a":1}', "not a list"),
                      ('[3,{"a":1}]', "no exchange"), ("[" * 5000, "replay: ")):
        with tempfile.NamedTemporaryFile("w") as f:
            f.write(text)
            f.flush()
            status, lines, errors = replay("dnsimple", f.name, "/does/not/exist", good)
        assert status == 1 and why in errors and f.name in errors and "/does/not/exist" in errors, (text, errors)
        assert lines and all(LINE.match(x) for x in lines), (text, lines)
    expect("dnsimple", [])


def test_one_exchange_alone():
    expect("bunny", exchange("GET", "https://api.bunny.net/dnszone?page=1", 401, '{"Message":"no"}'),
           "zones error provider_auth_failed")


def test_command_line():
    for args in ((), ("dnsimple",), ("nobody", "x.json")):
        p = subprocess.run([REPLAY, *args], capture_output=True, text=True, timeout=60)
        assert p.returncode == 2 and p.stderr and not p.stdout, args
    assert "vultr" in p.stderr


tap.main(globals())
