# SPDX-License-Identifier: ISC
"""A provider that is down, slow, broken or hostile: a clean error each, and the others' requests go on."""
import socket
import threading
import time

import tap
from common import add, added, gateway, integrate, pdns, refused, remove
from openapi import check_answers
from servers import FakeUpstream, wait_for

check_answers()

ZONE = "faults.example"
P = pdns(ZONE)


def make(g, url):
    """An integration that is not verified, with a provider at URL."""
    status, answer = g.post("/make_integration", {
        "provider": "powerdns", "credentials": {"url": url, "api_key": "k"}, "verify": False})
    assert status == 200, answer
    return answer["integration_handle"]


def ask(g, url):
    return g.post("/get_zones", {"integration_handle": make(g, url)}, timeout=60)


def others_go_on(g):
    handle = integrate(g, P)
    added(g, handle, "_acme-challenge.others%d.%s" % (time.monotonic_ns(), ZONE), "v")


def test_down():
    with gateway() as g:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            url = "http://127.0.0.1:%d" % s.getsockname()[1]
        refused(ask(g, url), 502, "provider_unavailable")
        others_go_on(g)


def test_bad_behaviour():
    cases = [("reset", 502, "provider_unavailable"), ("garbage", 502, "provider_unavailable"),
             ("html", 502, "provider_unavailable"), ("endless_body", 502, "provider_unavailable"),
             ("endless_headers", 502, "provider_unavailable"), ("truncated", 502, "provider_unavailable"),
             ("status:500", 502, "provider_unavailable"), ("status:401", 422, "provider_auth_failed"),
             ("status:429", 429, "provider_rate_limited"), ("redirect", 502, "provider_unavailable")]
    with gateway() as g, FakeUpstream() as up:
        for behaviour, status, code in cases:
            up.behave(behaviour)
            got, answer = ask(g, up.url)
            assert answer.get("code") == code or (behaviour == "redirect" and got in (422, 502)), (behaviour, got, answer)
            assert "<html" not in str(answer).lower()
            others_go_on(g)


def test_retry_after_is_passed_on():
    with gateway() as g, FakeUpstream() as up:
        up.behave("status:429", headers={"Retry-After": "17"})
        answer = refused(ask(g, up.url), 429, "provider_rate_limited")
        assert answer["retry_after"] == 17, answer


def test_wrong_certificate():
    with gateway() as g, FakeUpstream(tls=True) as up:
        refused(ask(g, up.url), 502, "provider_unavailable")
        others_go_on(g)


def test_slow_provider_holds_up_nobody():
    with gateway() as g, FakeUpstream() as up:
        up.behave("silent")
        handle, done = make(g, up.url), []
        started = time.monotonic()
        threads = [threading.Thread(target=lambda: done.append(
            g.post("/get_zones", {"integration_handle": handle}, timeout=60))) for _ in range(50)]
        for t in threads:
            t.start()
        for _ in range(20):
            others_go_on(g)
        assert time.monotonic() - started < 15, "the others waited"
        assert not done
        for t in threads:
            t.join()
        assert len(done) == 50
        for result in done:
            refused(result, 504, "provider_timeout")
        assert 25 < time.monotonic() - started < 40


def test_addresses_that_are_not_listed():
    """--dev lists loopback only."""
    with gateway() as g:
        for host in ("10.0.0.1", "192.168.1.1", "169.254.169.254", "[fe80::1]", "100.64.0.1", "0.0.0.0", "224.0.0.1",
                     "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]"):
            status, answer = ask(g, "https://%s" % host)
            assert (status, answer["code"]) in ((422, "provider_rejected"), (400, "invalid_request")), (host, answer)


def test_urls_that_are_none():
    with gateway() as g:
        for url in ("ftp://127.0.0.1", "http://user:pw@127.0.0.1", "http://127.0.0.1/?a=b", "http://127.0.0.1/#f", "//x",
                    "http://", "http://127.0.0.1:0", "http://127.0.0.1:99999", "http://127.0.0.1/..", "http://127.0.0.1/a b",
                    "http://127.0.0.1\r\nX: y", "javascript:1"):
            answer = refused(g.post("/make_integration", {
                "provider": "powerdns", "credentials": {"url": url, "api_key": "k"}}), 400, "invalid_request")
            assert answer["field"].startswith("credentials"), answer


def test_lost_answer_after_a_change():
    """The change was made and the answer was lost: an error, and trying again finds the record."""
    with gateway() as g, FakeUpstream(proxy=P.api_url) as up:
        status, answer = g.post("/make_integration", {
            "provider": "powerdns", "credentials": {"url": up.url, "api_key": P.api_key}})
        assert status == 200, answer
        handle = answer["integration_handle"]
        name = "_acme-challenge.lost." + ZONE
        up.lose_answers_to("PATCH")
        status, answer = add(g, handle, name, "v")
        up.lose_answers_to(None)
        assert status == 502, (status, answer)
        # The answer does not wait for its outcome's line.
        outcomes = wait_for(lambda: [l for l in g.audit() if l["event"] == "add_record.outcome"])
        assert outcomes[-1]["result"] == "unknown", outcomes
        rh = added(g, handle, name, "v")
        assert remove(g, handle, rh) == (200, {"removed": True})


class Impostor(FakeUpstream):
    """A server that gives a zone the id of another one."""

    def answer(self, request):
        status, headers, body = super().answer(request)
        if request.method == "GET":
            body = body.replace(b'"id": "%s."' % ZONE.encode(), b'"id": "other.faults.example."')
        return status, headers, body


def test_zone_with_the_id_of_another():
    """What may be changed is said by id: an id that is not the zone's own is none."""
    P.ensure_zone("other.faults.example")
    with gateway() as g, Impostor(proxy=P.api_url) as up:
        status, answer = g.post("/make_integration", {
            "provider": "powerdns", "credentials": {"url": up.url, "api_key": P.api_key}})
        assert status == 200 and any("other.faults.example." == z["id"] for z in answer["zones"] if z["name"] == ZONE), answer
        refused(add(g, answer["integration_handle"], "_acme-challenge.id." + ZONE, "v"), 422, "zone_not_found",
                "record.fqdn")
        assert not [r for r in up.requests if r.method != "GET"]


if __name__ == "__main__":
    tap.main(globals())
