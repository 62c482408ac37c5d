# SPDX-License-Identifier: ISC
"""Limits: rates of callers and integrations, the brake, the deny list; and who is kept waiting by whom."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time

import tap
from common import add, added, credentials, integrate, pdns, refused, remove
from openapi import check_answers
from servers import BINARY, FakeUpstream, Postern, exchange, wait_for

check_answers()

ZONES = ["a.limits.example", "b.limits.example", "c.limits.example"]
P = pdns(*ZONES)

CONF = """
listen = {{"127.0.0.1:0"}}
audit_dir = "{d}/audit"
callers = "{d}/callers"
denied = "{d}/denied"
root_key "a" {{ file = "{d}/a.key" }}
self_hosted {{ plain_http = {{"127.0.0.1"}} }}
limits {{ {limits} }}
"""


class Limited:
    def __init__(self, d, limits, **callers):
        """CALLERS: name = the options of its line."""
        self.dir, self.tokens, self.limits = d, {}, limits
        os.chmod(d, 0o755)
        subprocess.run([BINARY, "keygen", d + "/a.key"], check=True, capture_output=True)
        lines = []
        for name, options in callers.items():
            token, line = subprocess.run([BINARY, "keygen", "--token", name, "--verbs", "all"], check=True, capture_output=True,
                                         text=True).stdout.splitlines()[:2]
            self.tokens[name] = token
            lines.append("%s %s" % (line, options))
        self.put("callers", "\n".join(lines) + "\n")
        self.put("denied", "# nobody\n")
        self.put("postern.conf", CONF.format(d=d, limits=limits))

    def put(self, name, text):
        with open(os.path.join(self.dir, name), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)


@contextlib.contextmanager
def limited(limits, **callers):
    with tempfile.TemporaryDirectory() as d:
        place = Limited(d, limits, **callers)
        g = Postern(config=d + "/postern.conf", token=next(iter(place.tokens.values())), audit_dir=d + "/audit")
        g.place = place
        try:
            yield g
        finally:
            g.stop()


def until_limited(g, call, most):
    """How often it went well before the first 429, whose answer is returned too."""
    for n in range(most):
        status, answer = call()
        if status == 429:
            return n, answer
        assert status == 200, answer
    raise AssertionError("never limited")


def test_rate_of_a_caller():
    with limited("integration_rate = none", one="rate=1 burst=5", two="") as g:
        handle = integrate(g, P)  # the first of five
        n, answer = until_limited(g, lambda: g.post("/inspect_handle", {"handle": handle}), 10)
        assert 4 <= n <= 6, n
        assert (answer["code"], answer["retry_after"]) == ("rate_limited", 1), answer
        status, _, headers = exchange(g.url, "POST", "/inspect_handle", '{"handle":"%s"}' % handle,
                                      {"Authorization": "Bearer " + g.token, "Content-Type": "application/json"})
        assert (status, headers["Retry-After"]) == (429, "1"), (status, dict(headers))
        g.token = g.place.tokens["two"]
        for _ in range(20):
            assert g.post("/inspect_handle", {"handle": handle})[0] == 200
        told = wait_for(lambda: [l for l in g.audit() if l["event"] == "calls.refused"], 5)
        assert (told[0]["caller"], told[0]["code"], told[0]["value"]) == ("one", "rate_limited", "2 calls"), told


def test_rate_of_refusals():
    """What is refused counts too: whoever has a token that may little cannot fill the log with what he may not."""
    with limited("", one="rate=1 burst=5", two="") as g:
        for _ in range(40):
            refused(g.post("/add_record", {}), 400, "invalid_request")
        told = wait_for(lambda: [l for l in g.audit() if l["event"] == "calls.refused"], 5)
        assert (told[0]["caller"], told[0]["code"]) == ("one", "rate_limited"), told
        lines = [l for l in g.audit() if l["event"] == "add_record.refused"]
        assert 5 <= len(lines) < 30 and {l["caller"] for l in lines} == {"one"}, len(lines)


def test_rate_of_an_integration():
    with limited("integration_rate = 1 integration_burst = 4", one="") as g:
        first, second = integrate(g, P), integrate(g, P)
        n, answer = until_limited(g, lambda: g.post("/get_zones", {"integration_handle": first}), 10)
        assert 4 <= n <= 6 and answer["code"] == "rate_limited", (n, answer)
        assert g.post("/get_zones", {"integration_handle": second})[0] == 200
        wait_for(lambda: g.post("/get_zones", {"integration_handle": first})[0] == 200, 5)


def test_brake():
    """Not a third zone within the hour, whichever way; the two go on, and so does another caller."""
    with limited("caller_zones = 2", one="", two="zones=none") as g:
        handle = integrate(g, P)
        records = [added(g, handle, "_acme-challenge.%s" % z, "v") for z in ZONES[:2]]
        answer = refused(add(g, handle, "_acme-challenge." + ZONES[2], "v"), 429, "rate_limited")
        assert 3500 < answer["retry_after"] <= 3600, answer
        assert "the brake: one has made changes in 2 zones within the hour" in g.stderr_text()
        assert remove(g, handle, records[0]) == (200, {"removed": True})
        added(g, handle, "_acme-challenge.x.%s" % ZONES[1], "v")
        g.token = g.place.tokens["two"]
        third = added(g, handle, "_acme-challenge." + ZONES[2], "v")
        g.token = g.place.tokens["one"]
        refused(remove(g, handle, third), 429, "rate_limited")
        lines = [(l["event"], l["caller"], l["zone"]) for l in g.audit() if l["code"] == "rate_limited"]
        assert lines == [("add_record.refused", "one", ZONES[2]), ("remove_record.refused", "one", ZONES[2])], lines


def test_what_a_caller_may():
    with limited("", cloud="providers=cloudflare,route53", own="providers=powerdns policy=strict") as g:
        body = {"provider": "powerdns", "credentials": credentials(P)}
        refused(g.post("/make_integration", body), 403, "forbidden", "provider")
        g.token = g.place.tokens["own"]
        refused(g.post("/make_integration", dict(body, policy="guarded")), 403, "policy_denied", "policy")
        handle = integrate(g, P)
        assert g.post("/inspect_handle", {"handle": handle})[1]["policy"] == "strict"
        g.token = g.place.tokens["cloud"]
        refused(g.post("/get_zones", {"integration_handle": handle}), 403, "forbidden", "integration_handle")


def test_deny_list():
    """By the id that the log has; at once, for each verb; and taken back as well."""
    with limited("", one="") as g:
        first, second = integrate(g, P), integrate(g, P)
        record = added(g, first, "_acme-challenge." + ZONES[0], "v")
        ids = [l["integration"] for l in g.audit() if l["event"] == "make_integration.outcome"]
        g.place.put("denied", "%032x\n%s # stolen\n" % (1, ids[0]))
        g.reload()
        for result in (g.post("/get_zones", {"integration_handle": first}), add(g, first, "_acme-challenge." + ZONES[0], "w"),
                       remove(g, first, record), g.post("/rewrap_handle", {"handle": first}), g.post("/inspect_handle", {"handle": first})):
            refused(result, 422, "handle_invalid")
        assert g.post("/get_zones", {"integration_handle": second})[0] == 200
        g.place.put("denied", ids[0][:-1] + "\n")
        os.kill(g.pid, signal.SIGHUP)
        wait_for(lambda: "denied:1: must be an integration's id" in g.stderr_text())
        refused(g.post("/get_zones", {"integration_handle": first}), 422, "handle_invalid")
        g.place.put("denied", "")
        g.reload()
        assert g.post("/get_zones", {"integration_handle": first})[0] == 200


def test_greedy_and_modest():
    """A caller who asks for all it can get, on many connections, and one who asks now and then: the second is always served."""
    with limited("integration_rate = none", greedy="rate=20 burst=20", modest="") as g:
        handle = integrate(g, P)
        over, counts = threading.Event(), {}

        def ask(name):
            headers = {"Authorization": "Bearer " + g.place.tokens[name], "Content-Type": "application/json"}
            return exchange(g.url, "POST", "/inspect_handle", '{"handle":"%s"}' % handle, headers)[0]

        def greedy():
            while not over.is_set():
                status = ask("greedy")
                counts[status] = counts.get(status, 0) + 1

        threads = [threading.Thread(target=greedy) for _ in range(16)]
        for t in threads:
            t.start()
        wait_for(lambda: counts.get(429, 0) > 50)
        slowest = 0
        for _ in range(40):
            before = time.monotonic()
            assert ask("modest") == 200
            slowest = max(slowest, time.monotonic() - before)
        over.set()
        for t in threads:
            t.join()
        assert set(counts) == {200, 429}, counts
        tap.comment("greedy: %s; modest: 40 of 40 served, the slowest in %.0f ms" % (counts, slowest * 1000))


class Held:
    """So many calls, each on a connection of its own, that wait for a provider that does not answer."""

    def __init__(self, g, upstream, handle, n):
        self.upstream, self.results = upstream, []
        upstream.behave("silent")
        seen = len(upstream.requests)
        self.threads = [threading.Thread(target=lambda: self.results.append(g.post("/get_zones", {"integration_handle": handle})))
                        for _ in range(n)]
        for t in self.threads:
            t.start()
        wait_for(lambda: len(upstream.requests) >= seen + n)

    def release(self):
        self.upstream.behave("ok")
        self.upstream.release()
        for t in self.threads:
            t.join()
        return [status for status, _ in self.results]


@contextlib.contextmanager
def behind_a_silent_provider(limits, others="caller_in_flight = none", **callers):
    with limited("integration_rate = none caller_rate = none %s %s" % (others, limits), **callers or {"one": ""}) as g, FakeUpstream(proxy=P.api_url) as upstream:
        status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": upstream.url, "api_key": P.api_key}})
        assert status == 200, answer
        yield g, upstream, answer["integration_handle"]


def health(g):
    return [exchange(g.url, "GET", path)[0] for path in ("/healthz", "/readyz", "/metrics")]


def test_calls_at_their_limit():
    """One more is refused while the others still wait, health is told, and the connection stays."""
    with behind_a_silent_provider("calls = 20 connections = 1000") as (g, upstream, handle):
        held = Held(g, upstream, handle, 20)
        connection = http.client.HTTPConnection(g.host, g.port, timeout=20)
        for _ in range(5):
            connection.request("POST", "/get_zones", '{"integration_handle":"%s"}' % handle,
                               {"Authorization": "Bearer " + g.token, "Content-Type": "application/json"})
            answer = connection.getresponse()
            said = json.loads(answer.read())
            assert (answer.status, said["code"], answer.headers["Retry-After"]) == (503, "overloaded", "1"), said
            assert not answer.will_close
        connection.close()
        assert health(g) == [200, 200, 200]
        assert not held.results, "all of this was while they waited"
        assert held.release() == [200] * 20
        assert g.post("/get_zones", {"integration_handle": handle})[0] == 200


def test_a_caller_at_its_share():
    """Whose calls hang at a provider has half of the gateway; the others have the rest."""
    with behind_a_silent_provider("calls = 20", "", greedy="", modest="") as (g, upstream, handle):
        held = Held(g, upstream, handle, 10)
        answer = refused(g.post("/get_zones", {"integration_handle": handle}), 429, "rate_limited")
        assert answer["retry_after"] == 1, answer
        modest = {"Authorization": "Bearer " + g.place.tokens["modest"], "Content-Type": "application/json"}
        for _ in range(20):
            assert exchange(g.url, "POST", "/inspect_handle", '{"handle":"%s"}' % handle, modest)[0] == 200
        assert not held.results, "all of this was while they waited"
        assert held.release() == [200] * 10
        assert g.post("/get_zones", {"integration_handle": handle})[0] == 200


def test_connections_at_their_limit():
    """All of them wait for a provider, and silent ones come on top: health is told, a call is refused with a word."""
    with behind_a_silent_provider("calls = 1000 connections = 30") as (g, upstream, handle):
        held = Held(g, upstream, handle, 30)
        with contextlib.ExitStack() as silent:
            for _ in range(200):
                silent.enter_context(socket.create_connection((g.host, g.port)))
            for _ in range(100):
                assert health(g) == [200, 200, 200]
            status, _, headers = exchange(g.url, "POST", "/get_zones", '{"integration_handle":"%s"}' % handle,
                                          {"Authorization": "Bearer " + g.token, "Content-Type": "application/json"})
            assert (status, headers["Connection"]) == (503, "close"), (status, dict(headers))
            assert not held.results, "all of this was while they waited"
            assert held.release() == [200] * 30
        assert g.post("/get_zones", {"integration_handle": handle})[0] == 200


if __name__ == "__main__":
    tap.main(globals())
