# SPDX-License-Identifier: ISC
"""Every example of the API's description is run, every problem it knows is provoked, and every answer is held against it."""
import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import threading

import tap
from clouds import AWS
from common import gateway_of, integrate, pdns, speak_httpreq
from dns_answers import CNAME, NameServer, record
from oauth_server import CLIENT, REDIRECT, SECRET, DigitalOcean
from openapi import (COMPONENTS, JSON, PROBLEMS, answer_examples, check, check_answers, operations, request_examples,
                     same, status_of)
from servers import BINARY, FakeUpstream, exchange, wait_for

ZONE = "example.com"
P = pdns(ZONE)
ROLE = "arn:aws:iam::111111111111:role/postern-dns"
check_answers()

SECTION = """
self_hosted {{ plain_http = {{"127.0.0.1"}} }}
resolver {{ servers = {{"127.0.0.1:{dns}"}} }}
provider "digitalocean" {{ base = "{ocean}/v2" login = "{ocean}" authorize = "{ocean}/v1/oauth/authorize"
	client_id = "{client}" client_secret_file = "{{d}}/secret" }}
provider "route53" {{ base = "{aws}/2013-04-01" login = "{aws}" account_id = "210987654321" region = "eu-central-1"
	access_key_id = "AKIAGATEWAY" secret_access_key_file = "{{d}}/aws" }}
"""
PLAIN = 'self_hosted { plain_http = {"127.0.0.1"} }\n'


# ---- what an example says, and what was answered ----

# Long: the example has a part of it.
PARTS = {"/providers", "/openapi.json", "/metrics"}


def has(example, got):
    """GOT has all that the EXAMPLE has; of a list, one that is so; of a text, the lines."""
    if isinstance(example, dict) and example:
        return isinstance(got, dict) and all(k in got and has(v, got[k]) for k, v in example.items())
    if isinstance(example, list) and example:
        return all(any(has(e, g) for g in got) for e in example)
    if isinstance(example, str):
        return set(example.splitlines()) <= set(got.splitlines())
    return type(example) is type(got) if isinstance(example, dict) else example == got


# ---- the examples ----

class Backend:
    """It keeps what it was given, and puts it where an example has something made up."""

    def __init__(self, g, ocean, aws):
        self.g, self.ocean, self.aws, self.kept = g, ocean, aws, {}
        self.httpreq = speak_httpreq(g, P, zones=[ZONE])

    def real(self, value):
        if isinstance(value, dict):
            return {k: self.real(v) for k, v in value.items()}
        return {"http://127.0.0.1:8081": P.api_url, "made-up-api-key": P.api_key, **self.kept}.get(value, value) \
            if isinstance(value, str) else value

    def keep(self, example, answer):
        """Each handle of the example stands for what was answered."""
        for key, value in example.items():
            if key.endswith("handle"):
                self.kept[value] = answer[key]

    def consent(self, answer):
        """What the customer does between the two steps."""
        if "authorize_url" in answer:
            back, query = self.ocean.authorize(answer["authorize_url"])
            assert back == REDIRECT
            self.kept.update({"made-up-code": query["code"], "made-up-state": query["state"]})
        else:
            self.aws.roles[ROLE] = answer["instructions"]["external_id"]

    def run(self, path, op, name):
        request = request_examples(op)[name]
        headers = self.httpreq if op["tags"] == ["httpreq"] else {"Content-Type": JSON}
        status, answer = self.g.request("POST", path, json.dumps(self.real(request)), headers)
        examples = answer_examples(op["responses"][str(status)])
        assert name in examples, (path, name, status, answer)
        # What servers show is for test_check.py, which has some.
        wrong = path != "/check_record" and same(examples[name], answer)
        assert not wrong, (path, name, wrong)
        if status == 200:
            self.keep(examples[name], answer)
        if path == "/begin_integration" and status == 200:
            self.consent(answer)


def test_examples():
    """The set-ups first; what makes the handles that others use last, as there is one of each in the examples."""
    ops = {path: op for method, path, op in operations() if method == "POST"}
    first = {"/begin_integration": 0, "/make_integration": 1, "/get_zones": 2, "/add_record": 3, "/remove_record": 5, "/cleanup": 5}
    alias = record(None, CNAME, "_acme-challenge.shop.example.com")
    last = {("/make_integration", "key"), ("/add_record", "challenge")}
    with DigitalOcean() as ocean, AWS({}) as aws, NameServer("127.0.0.1", 0) as dns, \
         gateway_of(SECTION.format(ocean=ocean.url, aws=aws.url, client=CLIENT, dns=dns.port), secret=SECRET, aws="made-up-secret") as g:
        dns.names["_acme-challenge.shop.example.net"] = lambda q: q.answer(alias)
        backend = Backend(g, ocean, aws)
        for path in sorted(ops, key=lambda p: first.get(p, 4)):
            for name in sorted(request_examples(ops[path]), key=lambda n: (path, n) in last):
                backend.run(path, ops[path], name)


def test_examples_of_get():
    with gateway_of(PLAIN) as g:
        for method, path, op in operations():
            if method != "GET":
                continue
            status, answer = g.get(path)
            example = answer_examples(op["responses"]["200"])["get"]
            wrong = not has(example, answer) if path in PARTS else same(example, answer)
            assert status == 200 and not wrong, (path, wrong)


def test_not_ready():
    """As soon as a role is gone, and until it is back."""
    with gateway_of(PLAIN) as g:
        shutil.rmtree(g.audit_dir)
        g.post("/get_zones", {"integration_handle": integrate_blind(g, "http://127.0.0.1:1")})
        status, answer = wait_for(lambda: [r for r in [g.get("/readyz")] if r[0] == 503])[0]
        assert set(answer) == {"ready", "reason"} and answer["ready"] is False and answer["reason"]


# ---- the problems ----

def integrate_blind(g, url, **kw):
    """A handle for a provider at URL, which nobody asks."""
    body = {"provider": "powerdns", "credentials": {"url": url, "api_key": "k"}, "verify": False, **kw}
    status, answer = g.post("/make_integration", body)
    return answer["integration_handle"] if status == 200 else "pti1_AAAA"


def raw(g, request):
    """(status, body, headers) of bytes sent as they are."""
    with socket.create_connection((g.host, g.port), timeout=30) as s:
        s.sendall(request)
        return read_answer(s)


def read_answer(s):
    with contextlib.closing(http.client.HTTPResponse(s)) as answer:
        answer.begin()
        return answer.status, answer.read(), answer.headers


POST = b"POST /get_zones HTTP/1.1\r\nHost: x\r\n"


class Unwilling(FakeUpstream):
    """A PowerDNS that understands, and says no: .says, a status and a text."""
    says = 400, "The account is suspended"

    def answer(self, request):
        status, text = self.says
        return status, {"Content-Type": JSON}, json.dumps({"error": text}).encode()


class Provoker:
    """Each function named like an example gives the answer of that name: (path, status, body, headers). Path None: none was read."""

    def __init__(self, g, limited, up):
        self.g, self.limited, self.up = g, limited, up
        self.token = "Bearer " + g.token

    def ask(self, g, path, body, method="POST", **headers):
        every = {"Authorization": "Bearer " + g.token, "Content-Type": JSON}
        every.update({k.replace("_", "-"): v for k, v in headers.items()})
        status, answer, got = exchange(g.url, method, path, json.dumps(body) if body is not None else None, every)
        check(method, path, status, got, answer)
        return status, json.loads(answer)

    def raw(self, request, path="/get_zones", method="POST"):
        status, body, headers = raw(self.g, request.replace(b"AUTH", self.token.encode()))
        check(method, path, status, headers, body)
        return status, json.loads(body)

    def zones(self, behaviour, headers=None):
        """get_zones at a provider that behaves so."""
        self.up.behave(behaviour, headers=headers)
        try:
            return self.ask(self.g, "/get_zones", {"integration_handle": integrate_blind(self.g, self.up.url)})
        finally:
            self.up.behave("ok")
            self.up.release()

    def malformed_request_id(self):
        return self.ask(self.g, "/get_zones", {}, X_Request_Id="not one")

    def unauthenticated(self):
        return self.ask(self.g, "/get_zones", {}, Authorization="Bearer ptk1_nobody")

    def forbidden(self):
        return self.ask(self.g, "/rewrap_handle", {"handle": "x"}, Authorization="Bearer " + self.g.tokens["narrow"])

    def handle_mismatch(self):
        one, two = integrate(self.g, P), integrate(self.g, P)
        record = {"fqdn": "_acme-challenge." + ZONE, "type": "TXT", "value": "v"}
        handle = self.ask(self.g, "/add_record", {"integration_handle": one, "record": record})[1]["record_handle"]
        return self.ask(self.g, "/remove_record", {"integration_handle": two, "record_handle": handle})

    def not_found(self):
        return self.ask(self.g, "/nowhere", None, "GET")

    def wrong_method(self):
        return self.ask(self.g, "/get_zones", None, "GET")

    def conflict(self):
        """While the first waits for its provider."""
        self.up.behave("silent")
        handle, before = integrate_blind(self.g, self.up.url), len(self.up.requests)
        first = threading.Thread(target=self.ask, args=(self.g, "/get_zones", {"integration_handle": handle}),
                                 kwargs={"X_Request_Id": "one"})
        first.start()
        wait_for(lambda: len(self.up.requests) > before)
        try:
            return self.ask(self.g, "/get_zones", {"integration_handle": handle}, X_Request_Id="one")
        finally:
            self.up.behave("ok")
            self.up.release()
            first.join()

    def no_length(self):
        return self.raw(POST + b"Authorization: AUTH\r\n\r\n")

    def body_too_large(self):
        return self.raw(POST + b"Content-Length: 65537\r\n\r\n")

    def target_too_long(self):
        return self.raw(b"GET /" + b"x" * 300 + b" HTTP/1.1\r\nHost: x\r\n\r\n", None)

    def not_json(self):
        return self.raw(POST + b"Authorization: AUTH\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\n")

    def expectation(self):
        return self.raw(POST + b"Expect: money\r\nContent-Length: 2\r\n\r\n")

    def head_too_large(self):
        return self.raw(POST + b"X-Large: " + b"x" * 16384)

    def chunked(self):
        return self.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n")

    def old_version(self):
        return self.raw(POST.replace(b"1.1", b"1.0") + b"\r\n")

    def provider_rejected(self):
        return self.zones("ok")

    def rate_limited(self):
        token = "Bearer " + self.g.tokens["slow"]
        return [self.ask(self.g, "/inspect_handle", {"handle": "x"}, Authorization=token) for _ in range(3)][2]

    def provider_rate_limited(self):
        self.up.says = 429, "Rate limit reached"
        return self.zones("ok", {"Retry-After": "17"})

    def provider_unavailable(self):
        return self.zones("reset")

    def provider_timeout(self):
        """The limited gateway gives a call one second."""
        self.up.behave("silent")
        try:
            return self.ask(self.limited, "/get_zones", {"integration_handle": integrate_blind(self.limited, self.up.url)})
        finally:
            self.up.behave("ok")
            self.up.release()

    def overloaded(self):
        """The limited gateway has one call under way at most."""
        self.up.behave("silent")
        handle, before = integrate_blind(self.limited, self.up.url), len(self.up.requests)
        first = threading.Thread(target=self.ask, args=(self.limited, "/get_zones", {"integration_handle": handle}))
        first.start()
        wait_for(lambda: len(self.up.requests) > before)
        try:
            return self.ask(self.limited, "/get_zones", {"integration_handle": handle})
        finally:
            self.up.behave("ok")
            self.up.release()
            first.join()

    def audit_unavailable(self):
        """The last: the log's directory is gone."""
        handle = integrate(self.limited, P)
        shutil.rmtree(self.limited.audit_dir)
        record = {"fqdn": "_acme-challenge.www." + ZONE, "type": "TXT", "value": "v"}
        return wait_for(lambda: [r for r in [self.ask(self.limited, "/add_record", {"integration_handle": handle, "record": record})]
                                 if r[0] != 200])[0]


def more_callers(g, **options):
    """Beside the one who may do everything: name = verbs, and the rest of the line."""
    g.tokens = {}
    with open(g.dir + "/callers", "a") as f:
        for name, (verbs, rest) in options.items():
            g.tokens[name], line = subprocess.run([BINARY, "keygen", "--token", name, "--verbs", verbs], check=True,
                                                  capture_output=True, text=True).stdout.splitlines()[:2]
            f.write("%s %s\n" % (line, rest))
    g.restart()


def test_problems():
    """All examples of the components that are no answer to a request's example; one of them at least has each code."""
    paired = {name for _, _, op in operations() for name in request_examples(op)}
    wanted = {name: (value, status_of(r)) for r in COMPONENTS["responses"].values()
              for name, value in answer_examples(r).items() if name not in paired}
    with Unwilling() as up, gateway_of(PLAIN) as g, gateway_of(PLAIN + "limits { calls = 1 call_seconds = 1 }") as limited:
        more_callers(g, narrow=("get_zones", ""), slow=("all", "rate=1 burst=1"))
        with socket.create_connection((g.host, g.port), timeout=30) as slow:
            slow.sendall(b"GET /healthz HTT")
            provoker = Provoker(g, limited, up)
            names = [n for n in wanted if n not in ("too_slow", "audit_unavailable")] + ["audit_unavailable"]
            for name in names:
                status, answer = getattr(provoker, name)()
                assert_is(name, wanted[name], status, answer)
            status, body, headers = read_answer(slow)  # after ten seconds
            check("GET", "/healthz", status, headers, body)
            assert_is("too_slow", wanted["too_slow"], status, json.loads(body))
    seen = {value["code"] for value, _ in wanted.values()} | {"policy_denied", "zone_not_found", "provider_auth_failed",
                                                                "handle_invalid"}
    assert seen == set(PROBLEMS), "each code, with those that test_examples shows"


def assert_is(name, wanted, status, answer):
    value, said = wanted
    if name == "audit_unavailable":  # who notices first says it in its own words
        value = dict(value, detail=answer["detail"])
    wrong = same(value, answer)
    assert status == said and not wrong, (name, status, wrong, answer)


if __name__ == "__main__":
    tap.main(globals())
