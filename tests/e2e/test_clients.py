# SPDX-License-Identifier: ISC
"""The clients of docs/clients.md, as they stand there, against the gateway and a real PowerDNS.

They are what is tested here, so one build of the gateway is enough: the one that is not sanitized.
"""
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile

import tap
from common import gateway_of, pdns, together
from openapi import check
from servers import BINARY, ROOT, FakeUpstream, exchange, has_symbol, wait_for

ZONE = "clients.example"
OTHER = "other." + ZONE
P = pdns(ZONE, OTHER)
PLAIN = 'self_hosted { plain_http = {"127.0.0.1"} }\n'
COMMANDS = {"client.sh": ["sh"], "client.py": ["python3"], "client.go": ["go", "run"]}


def clients():
    """File name -> text."""
    with open(ROOT + "/docs/clients.md", encoding="utf-8") as f:
        found = dict(re.findall(r"^<!-- client: (\S+) -->\n```\w+\n(.*?)^```$", f.read(), re.M | re.S))
    assert set(found) == set(COMMANDS), set(found)
    return found


_cache = tempfile.TemporaryDirectory()  # Go's, for all runs


@contextlib.contextmanager
def place(name):
    """A directory with the client in it, and a store beside."""
    with tempfile.TemporaryDirectory() as d:
        os.mkdir(d + "/store")
        with open(os.path.join(d, name), "w", encoding="utf-8") as f:
            f.write(clients()[name])
        yield d


def in_all(scenario):
    """In all languages at once: mostly they wait."""
    if has_symbol("__asan_init"):
        raise tap.Skip("one build is enough")
    missing = [command for command, *_ in COMMANDS.values() if not shutil.which(command)]
    if missing:
        raise tap.Skip("not installed, scripts/install-deps test: " + ", ".join(missing))
    together(scenario, COMMANDS)


def challenge(name, zone=ZONE):
    """Each client has a name of its own in the zone."""
    return "_acme-challenge.%s.%s" % (name.replace(".", "-"), zone)


def run(name, d, url, token, **env):
    """The client, finished: (its status, what it printed, what it said)."""
    environment = {"PATH": os.environ["PATH"], "HOME": d, "GOCACHE": _cache.name, "GOFLAGS": "-mod=mod", "NO_PROXY": "*",
                   "POSTERN_URL": url, "POSTERN_TOKEN": token, "CUSTOMER": "customer-42", "PROVIDER": "powerdns",
                   "CREDENTIALS": json.dumps({"url": P.api_url, "api_key": P.api_key}), "NAME": challenge(name), "STORE": d + "/store", **env}
    done = subprocess.run([*COMMANDS[name], os.path.join(d, name)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=environment, timeout=120)
    return done.returncode, done.stdout, done.stderr


def stored(d, column):
    with open(os.path.join(d, "store", column)) as f:
        return f.read()


def went_well(result):
    status, out, err = result
    assert (status, out) == (0, "added in %s\nremoved: true\n" % ZONE), result
    assert "policy_denied: " in err, result


def told(g):
    """What the log says became of the customer's calls."""
    return [(l["event"], l["result"]) for l in g.audit() if l["customer"] == "customer-42" and l["event"].endswith(("outcome", "refused"))]


def flow(name):
    with gateway_of(PLAIN) as g, place(name) as d:
        went_well(run(name, d, g.url, g.token))
        wait_for(lambda: len(told(g)) >= 4, 5)  # an answer does not wait for its outcome's line
        assert told(g) == [("make_integration.outcome", "ok"), ("add_record.outcome", "ok"), ("add_record.refused", "refused"),
                           ("remove_record.outcome", "ok")], told(g)
        assert P.txt(challenge(name)) == []
        for column in ("integration_handle", "record_handle"):
            status, answer = g.post("/inspect_handle", {"handle": stored(d, column), "customer": "customer-42"})
            assert status == 200 and answer["type"] + "_handle" == column, answer
        assert set(os.listdir(d + "/store")) == {"integration_handle", "record_handle"}


def test_flow():
    in_all(flow)


class Between(FakeUpstream):
    """In front of the gateway. The first answer of each endpoint is a 503 that says when to try again; each to a call with a handle
    brings a fresh one, as when a refresh token has rotated. All are as they are described.
    """

    def __init__(self, g):
        self.g, self.seen, self.fresh = g, set(), []
        super().__init__(proxy=g.url)

    def rewrapped(self, handle):
        headers = {"Authorization": "Bearer " + self.g.token, "Content-Type": "application/json"}
        body = json.dumps({"handle": handle, "customer": "customer-42"})
        self.fresh.append(json.loads(exchange(self.g.url, "POST", "/rewrap_handle", body, headers)[1])["handle"])
        return self.fresh[-1]

    def answer(self, request):
        asked = json.loads(request.body)
        if request.path in self.seen:
            status, headers, body = super().answer(request)
            answer = json.loads(body)
        else:
            self.seen.add(request.path)
            status, headers = 503, {"Content-Type": "application/problem+json", "Retry-After": "1"}
            answer = {"type": "urn:postern:error:overloaded", "title": "Overloaded", "status": 503, "detail": "try again in a moment",
                      "code": "overloaded", "request_id": "r1", "retry_after": 1}
        if "integration_handle" in asked:
            answer["integration_handle"] = self.rewrapped(asked["integration_handle"])
        body = json.dumps(answer).encode()
        check(request.method, request.path, status, {"X-Request-Id": answer.get("request_id", "r1"), **headers}, body)
        return status, headers, body


def fresh(name):
    """After a 503 each call is tried again, once; with the newest handle each time, which is what is stored in the end."""
    with gateway_of(PLAIN) as g, Between(g) as between, place(name) as d:
        went_well(run(name, d, between.url, g.token))
        asked = [(r.path, json.loads(r.body).get("integration_handle")) for r in between.requests]
        assert [p for p, _ in asked] == ["/make_integration"] * 2 + ["/add_record"] * 3 + ["/remove_record"] * 2, asked
        assert [h for _, h in asked[3:]] == between.fresh[:-1], "each call has what the answer before brought"
        assert stored(d, "integration_handle") == between.fresh[-1]


def test_fresh():
    in_all(fresh)


def limited(name):
    """A caller who may ask once a second: each of its calls is told to wait, and is then served. And nobody waits for an hour."""
    with gateway_of(PLAIN) as g, place(name) as d:
        with open(g.dir + "/callers", "a") as f:
            tokens = {}
            for caller, rest in (("slow", "rate=1 burst=1"), ("braked", "zones=1")):
                tokens[caller], line = subprocess.run([BINARY, "keygen", "--token", caller, "--verbs", "all"], check=True,
                                                      capture_output=True, text=True).stdout.splitlines()[:2]
                f.write("%s %s\n" % (line, rest))
        g.restart()
        went_well(run(name, d, g.url, tokens["slow"]))
        assert sum(int(l["value"].split()[0]) for l in g.audit() if l["event"] == "calls.refused") > 0
        went_well(run(name, d, g.url, tokens["braked"]))
        status, out, err = run(name, d, g.url, tokens["braked"], NAME=challenge(name, OTHER))
        assert status != 0 and out == "" and "rate_limited: " in err, (status, out, err)


def test_limited():
    in_all(limited)


def failing(name):
    """Nobody there, a wrong token, a server that is no gateway: said in words, and no success."""
    with gateway_of(PLAIN) as g, FakeUpstream() as other, place(name) as d:
        status, out, err = run(name, d, g.url, "ptk1_nobody")
        assert status != 0 and out == "" and "unauthenticated: " in err, (status, out, err)
        other.behave("status:404")
        status, out, err = run(name, d, other.url, g.token)
        assert status != 0 and out == "", (status, out, err)
        assert set(os.listdir(d + "/store")) <= {"integration_handle", "record_handle"}
        assert P.api_key not in err and g.token not in err


def test_failing():
    in_all(failing)


if __name__ == "__main__":
    tap.main(globals())
