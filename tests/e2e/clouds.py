# SPDX-License-Identifier: ISC
"""Stand-ins for three clouds, as far as trust goes: each lets in only whom its customer let in, and holds records.

What they answer has the shapes of the makers' documentation; tests/unit has the recordings.
"""
import base64
import json
import re
import secrets
import subprocess
import threading
import time
import urllib.parse
from xml.etree import ElementTree

from servers import FakeUpstream

JSON, XML = {"Content-Type": "application/json"}, {"Content-Type": "text/xml"}


def as_json(status, value):
    return status, JSON, json.dumps(value).encode()


class Cloud(FakeUpstream):
    """ZONES: name -> what it needs. Sets are kept in .sets: (name, type) -> values."""

    def __init__(self):
        self.lock, self.sets, self.tokens, self.logins = threading.Lock(), {}, {}, []
        super().__init__()

    def answer(self, request):
        parts = urllib.parse.urlsplit(request.path)
        with self.lock:
            return self.serve(request, urllib.parse.unquote(parts.path), dict(urllib.parse.parse_qsl(parts.query)))

    def bearer(self, request):
        """What the token of the request was given for, or None."""
        return self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))

    def new_token(self, what):
        token = "token-" + secrets.token_hex(16)
        self.tokens[token] = what
        return token


class AWS(Cloud):
    """
    STS and Route 53. ROLES: ARN -> the external id that its trust policy asks for; None: for none. .throttle: the error that STS answers. .changes: id -> how far the change is; .may_get_change: the role lets
    us ask.
    """

    ZONE, ID = "aws.example", "Z0123456789EXAMPLE"
    NS = ' xmlns="https://route53.amazonaws.com/doc/2013-04-01/"'

    def __init__(self, roles):
        self.roles, self.throttle, self.changes, self.may_get_change = roles, None, {}, True
        super().__init__()

    def error(self, status, code, message="no"):
        return status, XML, ("<ErrorResponse%s><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>"
                             "</ErrorResponse>" % (self.NS, code, message)).encode()

    def serve(self, request, path, query):
        if path == "/":
            return self.assume_role(dict(urllib.parse.parse_qsl(request.body.decode())), request)
        key = re.search(r"Credential=(\w+)/", request.headers.get("Authorization", ""))
        policy = self.tokens.get((key and key[1], request.headers.get("X-Amz-Security-Token")))
        if policy is None:
            return self.error(403, "InvalidClientTokenId")
        statements = {a: s for s in policy["Statement"]
                      for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
        if path.endswith("/hostedzone"):
            return self.zones() if "route53:ListHostedZones" in statements else self.error(403, "AccessDenied")
        if "/change/" in path:
            allowed = "route53:GetChange" in statements and self.may_get_change
            return self.progress(path.rpartition("/")[2]) if allowed else self.error(403, "AccessDenied")
        if request.method == "GET":
            allowed = "route53:ListResourceRecordSets" in statements
            return self.list(query) if allowed else self.error(403, "AccessDenied")
        return self.change(request.body, statements.get("route53:ChangeResourceRecordSets"))

    def assume_role(self, form, request):
        self.logins.append(form)
        if "Credential=AKIAGATEWAY/" not in request.headers.get("Authorization", ""):
            return self.error(403, "InvalidClientTokenId")
        if self.throttle:
            return self.error(400, self.throttle)
        if form["Action"] != "AssumeRole" or self.roles.get(form["RoleArn"], "") not in (form["ExternalId"], None):
            return self.error(403, "AccessDenied", "is not authorized to perform: sts:AssumeRole")
        pair = "ASIA" + secrets.token_hex(8).upper(), "session-" + secrets.token_hex(16)
        self.tokens[pair] = json.loads(form["Policy"])
        return 200, XML, ("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId>"
                          "<SecretAccessKey>canary-%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s"
                          "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
                          % (pair[0], secrets.token_hex(16), pair[1],
                             time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)))).encode()

    def zones(self):
        return 200, XML, ("<ListHostedZonesResponse%s><HostedZones><HostedZone><Id>/hostedzone/%s</Id><Name>%s.</Name>"
                          "<Config><PrivateZone>false</PrivateZone></Config></HostedZone></HostedZones><IsTruncated>false"
                          "</IsTruncated></ListHostedZonesResponse>" % (self.NS, self.ID, self.ZONE)).encode()

    def list(self, query):
        values = self.sets.get((query["name"], query["type"]), [])
        inner = "".join("<ResourceRecord><Value>%s</Value></ResourceRecord>" % v for v in values)
        one = ("<ResourceRecordSet><Name>%s</Name><Type>%s</Type><TTL>60</TTL><ResourceRecords>%s</ResourceRecords>"
               "</ResourceRecordSet>" % (query["name"], query["type"], inner) if values else "")
        return 200, XML, ("<ListResourceRecordSetsResponse%s><ResourceRecordSets>%s</ResourceRecordSets><IsTruncated>"
                          "false</IsTruncated></ListResourceRecordSetsResponse>" % (self.NS, one)).encode()

    def change(self, body, statement):
        tree = ElementTree.fromstring(re.sub(rb' xmlns="[^"]*"', b"", body))
        for c in tree.iter("Change"):
            name, kind = c.findtext(".//Name"), c.findtext(".//Type")
            values = [v.text for v in c.iter("Value")]
            asked = {"NormalizedRecordNames": name.rstrip("."), "RecordTypes": kind, "Actions": c.findtext("Action")}
            allowed = statement and statement["Condition"]["ForAllValues:StringEquals"]
            if (not allowed or not statement["Resource"].endswith("/" + self.ID) or
                    any(v not in allowed["route53:ChangeResourceRecordSets" + k] for k, v in asked.items())):
                return self.error(403, "AccessDenied")
            if c.findtext("Action") == "DELETE" and self.sets.pop((name, kind), None) != values:
                return self.error(400, "InvalidChangeBatch", "the values provided do not match the current values")
            if c.findtext("Action") == "CREATE":
                self.sets[name, kind] = values
        change = "C%d" % (len(self.changes) + 1)
        self.changes[change] = "PENDING"
        return 200, XML, ("<ChangeResourceRecordSetsResponse%s><ChangeInfo><Id>/change/%s</Id><Status>PENDING</Status>"
                          "</ChangeInfo></ChangeResourceRecordSetsResponse>" % (self.NS, change)).encode()

    def progress(self, change):
        if change not in self.changes:
            return self.error(404, "NoSuchChange")
        return 200, XML, ("<GetChangeResponse%s><ChangeInfo><Id>/change/%s</Id><Status>%s</Status></ChangeInfo>"
                          "</GetChangeResponse>" % (self.NS, change, self.changes[change])).encode()


class Google(Cloud):
    """OAuth, IAM credentials and Cloud DNS. .grants: service accounts that the gateway may impersonate."""

    ZONE = "google.example"

    def __init__(self):
        self.grants = set()
        self.key = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True).stdout
        super().__init__()

    def account(self):
        """The gateway's own key file."""
        return {"type": "service_account", "client_email": "gateway@own.iam.gserviceaccount.com",
                "private_key_id": "0a1b", "private_key": self.key, "token_uri": "https://evil.example/token"}

    def serve(self, request, path, query):
        if path == "/token":
            return self.own_login(dict(urllib.parse.parse_qsl(request.body.decode())))
        if path.endswith(":generateAccessToken"):
            return self.impersonate(path.rsplit("/", 1)[1].partition(":")[0], request)
        if self.bearer(request) not in self.grants:
            return as_json(401, {"error": {"code": 401, "message": "Invalid Credentials"}})
        if path.endswith("/managedZones"):
            return as_json(200, {"managedZones": [{"id": "77", "name": "z", "dnsName": self.ZONE + ".",
                                                   "visibility": "public"}]})
        if path.endswith("/rrsets"):
            values = self.sets.get((query["name"], query["type"]))
            return as_json(200, {"rrsets": [{"name": query["name"], "type": query["type"], "ttl": 60,
                                             "rrdatas": values}] if values else []})
        return self.change(json.loads(request.body))

    def own_login(self, form):
        part = form["assertion"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        self.logins.append(claims)
        return as_json(200, {"access_token": self.new_token(claims["iss"]), "expires_in": 3600})

    def impersonate(self, account, request):
        self.logins.append(account)
        if self.bearer(request) != "gateway@own.iam.gserviceaccount.com" or account not in self.grants:
            return as_json(403, {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "denied"}})
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return as_json(200, {"accessToken": self.new_token(account), "expireTime": expires})

    def change(self, body):
        for c in body.get("deletions", []):
            if self.sets.pop((c["name"], c["type"]), None) != c["rrdatas"]:
                return as_json(412, {"error": {"code": 412, "message": "Precondition not met"}})
        for c in body.get("additions", []):
            self.sets[c["name"], c["type"]] = c["rrdatas"]
        return as_json(200, {"status": "done"})


class Azure(Cloud):
    """Entra's token endpoint and Azure DNS. .tags: zone -> its tags. Any directory lets the application in."""

    def __init__(self):
        self.tags, self.version = {}, 0
        super().__init__()

    def serve(self, request, path, query):
        if path.endswith("/oauth2/v2.0/token"):
            form = dict(urllib.parse.parse_qsl(request.body.decode()))
            self.logins.append(dict(form, tenant=path.split("/")[1]))
            if (form["client_id"], form["client_secret"]) != ("app-1", "azure-canary-secret"):
                return as_json(401, {"error": "invalid_client"})
            return as_json(200, {"access_token": self.new_token(path.split("/")[1]), "expires_in": 3599})
        if not self.bearer(request):
            return as_json(401, {"error": {"code": "InvalidAuthenticationToken", "message": "no"}})
        if path.lower().endswith("/dnszones"):
            base = path.split("/providers/")[0] + "/resourceGroups/rg/providers/Microsoft.Network/dnszones/"
            return as_json(200, {"value": [{"id": base + z, "name": z, "tags": t, "properties": {"zoneType": "Public"}}
                                           for z, t in self.tags.items()]})
        if re.search(r"/dnszones/[^/]*$", path, re.I):
            zone = path.rpartition("/")[2]
            return as_json(200, {"name": zone, "tags": self.tags[zone]}) if zone in self.tags else as_json(404, {})
        return self.one_set(request, path)

    def one_set(self, request, path):
        there = self.sets.get(path)
        if request.method == "GET":
            return as_json(200, there) if there else as_json(404, {"code": "NotFound", "message": "no"})
        if there and request.headers.get("If-Match") != there["etag"] or not there and request.headers.get("If-Match"):
            return as_json(412, {"code": "PreconditionFailed", "message": "no"})
        if request.method == "DELETE":
            del self.sets[path]
            return 200, JSON, b""
        self.version += 1
        self.sets[path] = dict(json.loads(request.body), etag="e%d" % self.version)
        return as_json(200, self.sets[path])
