# SPDX-License-Identifier: ISC
"""AWS's own signer makes the same signatures: botocore, over the requests that would go to STS and Route 53.

The tool (tests/tools/sign_requests.c) runs the provider with the answers of this file, and prints what the courier
would send. Each request is signed anew here, from nothing but its method, URL, Content-Type and body.
"""
import datetime
import json
import os
import subprocess
import sys
import urllib.parse
from unittest import mock
from xml.etree import ElementTree

import tap

try:
    import botocore.auth
except ImportError:
    # Debian's package, where the first python3 of the path is not Debian's.
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        import botocore.auth
    except ImportError:
        botocore = None
if botocore:
    import botocore.awsrequest
    import botocore.credentials

TOOL = os.environ.get("SIGN_REQUESTS_TOOL", ROOT + "/build/tests/tools/sign-requests")
NOW = 1767225599  # 2025-12-31T23:59:59Z: the scope's day is the year's last
NS = ' xmlns="https://route53.amazonaws.com/doc/2013-04-01/"'
KEY = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
# All that a session token may hold (sigv4.c): what has a meaning in headers, too.
TOKEN = {"session_token": "IQoJb3JpZ2luX2VjEHoaCXVzLWVhc3QtMSJHMEUCIQD+/=" + "".join(map(chr, range(0x21, 0x7f))) * 20}
ROLE = {"role_arn": "arn:aws:iam::123456789012:role/path/postern+dns=1,@x", "external_id": "0123456789abcdef-+/=",
        "partition": "aws"}

# Cursors and names as Route 53 may send them: a wildcard in both spellings, base64, what a query gives a meaning.
CURSORS = ["Z0000000000000000003", "*.example.com.", r"\052.example.com.", "a+b/c=d==", "a b&c=d?e#f", "%2F%252e",
           "~-._", "\u00e9\u4e2d", "//../..", "a;b,c:d@e!$'()"]
ZONE_IDS = ["Z0123456789ABCDEFGHIJ", "Z+A=B?C", "Z*~!@:%2F", "Z a..b"]
NAMES = ["_acme-challenge.example.com", "example.com", "a_b-c.example.com", "xn--bcher-kva.example.com"]


def zones_page(cursor):
    marker = "<NextMarker>%s</NextMarker>" % cursor.replace("&", "&amp;") if cursor else ""
    return ('<?xml version="1.0"?>\n<ListHostedZonesResponse%s><HostedZones><HostedZone><Id>/hostedzone/Z1</Id><Name>'
            "example.com.</Name><Config><PrivateZone>false</PrivateZone></Config></HostedZone></HostedZones>"
            "<IsTruncated>%s</IsTruncated>%s<MaxItems>100</MaxItems></ListHostedZonesResponse>"
            % (NS, "true" if cursor else "false", marker))


def sets(name, kind, *values):
    """A listing with one set, or none."""
    inner = "".join("<ResourceRecord><Value>%s</Value></ResourceRecord>" % v for v in values)
    one = ("<ResourceRecordSet><Name>%s.</Name><Type>%s</Type><TTL>300</TTL><ResourceRecords>%s</ResourceRecords>"
           "</ResourceRecordSet>" % (name, kind, inner) if values else "")
    return ("<ListResourceRecordSetsResponse%s><ResourceRecordSets>%s</ResourceRecordSets><IsTruncated>false"
            "</IsTruncated><MaxItems>1</MaxItems></ListResourceRecordSetsResponse>" % (NS, one))


def change(kind, name, value, *there, zone_id=ZONE_IDS[0], type="TXT"):
    return {"kind": kind, "fqdn": name, "zone": "example.com", "zone_id": zone_id, "type": type, "value": value,
            "answers": [sets(name, type, *there)]}


def cases():
    """What to run, and how many requests each must give."""
    listed = [({"kind": "zones", "answers": [zones_page(c) for c in CURSORS] + [zones_page(None)]}, len(CURSORS) + 1)]
    for name in NAMES:
        listed.append((change("add", name, "one"), 2))
        listed.append((change("remove", name, "one", '"one"', '"two"'), 2))
    for zone_id in ZONE_IDS:
        listed.append((change("add", NAMES[0], "a\"\\\u00e9 <&>]]>'", '"x\\303\\251"', zone_id=zone_id), 2))
    for text in CURSORS:
        # Names too are not more to the courier than text; two in one query stand in another order when they are signed.
        listed.append(({"kind": "look", "zone_id": ZONE_IDS[1], "query": {"name": text, "type": "TXT", text: "", "a=": "&"}}, 1))
    listed.append((change("add", NAMES[0], "v" * 4000, '"one"'), 2))
    listed.append((change("add", "sub.example.com", '0 issue "ca.example; a=b"', type="CAA"), 2))
    listed.append((change("add", "sub.example.com", "target.example.net", type="CNAME"), 2))
    return listed


def produce(credentials, run, gateway=None, now=NOW):
    asked = {"now": now, "credentials": credentials, "gateway": gateway or {}, "cases": [c for c, _ in run]}
    out = subprocess.run([TOOL], input=json.dumps(asked), capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    made = json.loads(out.stdout)
    for i, (_, count) in enumerate(run):
        assert sum(r["case"] == i for r in made) == count, (i, [r["target"] for r in made if r["case"] == i])
    return made


def header_map(request):
    lines = [line.split(": ", 1) for line in request["headers"]]
    assert len({name.lower() for name, _ in lines}) == len(lines), lines
    return dict(lines)


def authorization(request, credentials, service, region, now=NOW):
    """What botocore says, and the other headers that it puts on the request."""
    when = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).replace(tzinfo=None)
    sent = header_map(request)
    headers = {k: sent[k] for k in ("Content-Type",) if k in sent}
    aws = botocore.awsrequest.AWSRequest(request["method"], request["url"] + request["target"],
                                         data=request["body"].encode(), headers=headers)
    who = botocore.credentials.Credentials(credentials["access_key_id"], credentials["secret_access_key"],
                                           credentials.get("session_token"))
    clock = mock.Mock(wraps=datetime)
    clock.datetime = mock.Mock(wraps=datetime.datetime)
    clock.datetime.utcnow.return_value = when
    # Older ones ask datetime, newer ones a function of their own.
    with mock.patch.object(botocore.auth, "datetime", clock), \
            mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: when, create=True):
        botocore.auth.SigV4Auth(who, service, region).add_auth(aws)
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in aws.headers.items()}


def is_signed(request, credentials, service, region, now=NOW):
    """Each header that botocore sends is ours to the byte, and the other way round."""
    got, want = header_map(request), authorization(request, credentials, service, region, now)
    for name in ("Authorization", "X-Amz-Date", "X-Amz-Security-Token"):
        if got.get(name) != want.get(name):
            return False
    return True


def verify(made, credentials, service, region, now=NOW):
    if not botocore:
        raise tap.Skip("python3-botocore is not installed")
    for r in made:
        want = authorization(r, credentials, service, region, now)
        assert is_signed(r, credentials, service, region, now), (r, want)
        assert urllib.parse.urlsplit(r["url"] + r["target"]).fragment == "", r
    return made


def test_route53():
    for credentials in (KEY, {**KEY, **TOKEN}):
        made = verify(produce({**credentials, "partition": "aws"}, cases()), credentials, "route53", "us-east-1")
        assert all(r["url"] == "https://route53.amazonaws.com" for r in made)
        bodies = [r for r in made if r["method"] == "POST"]
        assert bodies and all(ElementTree.fromstring(r["body"].encode()).tag for r in bodies)
        # What was asked, as the other side decodes it.
        asked = [dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(r["target"]).query)) for r in made]
        assert [q["marker"] for q in asked if "marker" in q] == CURSORS
        assert [q["name"] for q in asked if q.get("a=") == "&"] == CURSORS
        assert {q["name"] for q in asked if "name" in q} >= {n + "." for n in NAMES}
        paths = [urllib.parse.urlsplit(r["target"]).path for r in made]
        assert {urllib.parse.unquote(p.split("/")[3]) for p in paths if "rrset" in p} == set(ZONE_IDS)


def test_route53_partitions():
    for partition, host, region in (("aws-cn", "route53.amazonaws.com.cn", "cn-northwest-1"),
                                    ("aws-us-gov", "route53.us-gov.amazonaws.com", "us-gov-west-1")):
        made = produce({**KEY, "partition": partition}, cases())
        verify(made, KEY, "route53", region)
        assert all(r["url"] == "https://" + host for r in made)


def test_one_zone():
    one = {**KEY, "partition": "aws", "hosted_zone_id": "Z1"}
    made = verify(produce(one, [({"kind": "zones"}, 1)]), KEY, "route53", "us-east-1")
    assert made[0]["target"] == "/2013-04-01/hostedzone/Z1"


def test_sts():
    asked = [({"kind": "login"}, 1)]
    asked += [({"kind": "login", "zone_id": z, "fqdn": n}, 1) for z in ZONE_IDS[:3] for n in NAMES]
    for region, host in (("us-east-1", "sts.us-east-1.amazonaws.com"), ("eu-central-1", "sts.eu-central-1.amazonaws.com"),
                         ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn")):
        for own in (KEY, {**KEY, **TOKEN}):
            made = verify(produce(ROLE, asked, {**own, "region": region}), own, "sts", region)
            for r, (c, _) in zip(made, asked):
                assert (r["url"], r["target"], r["method"]) == ("https://" + host, "/", "POST"), r
                form = dict(urllib.parse.parse_qsl(r["body"], strict_parsing=True))
                assert form["RoleArn"] == ROLE["role_arn"] and form["ExternalId"] == ROLE["external_id"], form
                policy = json.dumps(json.loads(form["Policy"]))
                assert c.get("fqdn", "ListHostedZones") in policy, policy


def test_times():
    """The day in the scope, on both sides of midnight, and in a leap year."""
    for now in (0, 951782400, 951868799, 1709164800, 1767225600, 4102444799):
        made = produce({**KEY, "partition": "aws"}, cases()[:1], now=now)
        verify(made, KEY, "route53", "us-east-1", now)


def flips(request):
    """The request again and again, with one byte of it changed."""
    lines = header_map(request)
    for part in ("target", "body", "method"):
        text = request[part]
        for i in {0, len(text) // 2, len(text) - 1} if text else ():
            other = "b" if text[i] == "a" else "a"
            # "/" at the front belongs to the URL's form
            if part != "target" or i > 0:
                yield (part, i), {**request, part: text[:i] + other + text[i + 1:]}
    for name in ("Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "Authorization"):
        if name in lines:
            value = lines[name][:-1] + ("0" if lines[name][-1] != "0" else "1")
            headers = ["%s: %s" % (k, value if k == name else v) for k, v in lines.items()]
            yield name, {**request, "headers": headers}
    yield "url", {**request, "url": request["url"] + ".evil.example"}
    yield "a body", {**request, "body": request["body"] + " "}
    yield "a query", {**request, "target": request["target"] + ("&a=" if "?" in request["target"] else "?a=")}


def test_a_changed_byte_is_seen():
    """The test itself: whatever is changed in a request, its signature does not fit any more."""
    if not botocore:
        raise tap.Skip("python3-botocore is not installed")
    both = {**KEY, **TOKEN}
    count = 0
    for made, service in ((produce({**both, "partition": "aws"}, cases()), "route53"),
                          (produce(ROLE, [({"kind": "login"}, 1)], {**both, "region": "us-east-1"}), "sts")):
        for r in made:
            for what, changed in flips(r):
                assert not is_signed(changed, both, service, "us-east-1"), (what, changed)
                count += 1
        r = made[-1]
        assert not is_signed(r, {**both, "secret_access_key": KEY["secret_access_key"] + "A"}, service, "us-east-1")
        assert not is_signed(r, {**both, "session_token": TOKEN["session_token"] + "A"}, service, "us-east-1")
        assert not is_signed(r, KEY, service, "us-east-1")
        assert not is_signed(r, both, service, "us-east-2")
        assert not is_signed(r, both, "s3", "us-east-1")
        assert not is_signed(r, both, service, "us-east-1", NOW + 1)
    assert count > 300, count


if __name__ == "__main__":
    tap.main(globals())
