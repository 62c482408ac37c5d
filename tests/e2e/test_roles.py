# SPDX-License-Identifier: ISC
"""Roles that are started when somebody needs them: whoever needs them first is served, and what is refused, restarted or reloaded meanwhile stays as it is elsewhere."""
import os
import signal

import tap
from common import add, added, everyone, gateway, gateway_of, integrate, pdns, refused, together
from injected import Injected
from servers import exchange, wait_for
from service import manager

ZONE = "roles.example"
P = pdns(ZONE)
FIRST = {"postern-front", "postern-vault", "postern-scribe", "postern-planner", "postern-courier"}
SELF = {"postern-planner-self", "postern-courier-self"}
SELF_HOSTED = 'self_hosted { plain_http = {"127.0.0.1"} }\n'


def with_metrics(g):
    """The roles that the metrics know."""
    status, page, _ = exchange(g.url, "GET", "/metrics", headers={"Authorization": "Bearer " + g.token})
    assert status == 200, page
    lines = [l for l in page.decode().splitlines() if l.startswith("postern_role_up{")]
    assert all(l.endswith(" 1") for l in lines), lines
    sandboxed = {l.split('"')[1] for l in page.decode().splitlines() if l.startswith("postern_sandbox{")}
    up = {l.split('"')[1] for l in lines}
    assert up == sandboxed, (up, sandboxed)
    return up


def test_started_when_needed():
    with gateway_of(SELF_HOSTED) as g:
        first = g.pids()
        assert set(first) == FIRST == with_metrics(g)
        handle = integrate(g, P)
        assert set(g.pids()) == FIRST | SELF == with_metrics(g)
        assert add(g, handle, "_acme-challenge.a." + ZONE, "v", follow_cname=True)[0] in (200, 502)  # whatever DNS says here
        assert with_metrics(g) == set(g.pids()) == FIRST | SELF | {"postern-resolver"}
        added(g, handle, "_acme-challenge.b." + ZONE, "v")
        assert {name: pid for name, pid in g.pids().items() if name in FIRST} == first
        assert not [l for l in g.audit() if l["event"] == "role.restart"]


def test_nothing_is_wrong_meanwhile():
    """It is no degradation, and READY=1 came long before."""
    with manager() as m, m.running() as g:
        m.notified.take("STATUS=serving")
        assert set(g.pids()) == FIRST
        added(g, integrate(g, P), "_acme-challenge.told." + ZONE, "v")
        everyone(g)
        assert m.notified.lines == [], m.notified.lines


def test_many_come_first():
    with gateway_of(SELF_HOSTED) as g:
        body = {"provider": "powerdns", "credentials": {"url": P.api_url, "api_key": P.api_key}}
        answers = together(lambda i: g.post("/make_integration", body)[0], range(200))
        assert set(answers) == {200}, answers
        assert not [l for l in g.audit() if l["event"] == "role.restart"]


def test_vault_dies_before():
    """The edges that wait are the vault's of today."""
    with gateway_of(SELF_HOSTED) as g:
        vault = g.pids()["postern-vault"]
        os.kill(vault, signal.SIGKILL)
        wait_for(lambda: g.pids().get("postern-vault", vault) != vault and g.get("/readyz")[0] == 200)
        assert set(g.pids()) == FIRST
        added(g, integrate(g, P), "_acme-challenge.before." + ZONE, "v")
        assert [l["value"] for l in g.audit() if l["event"] == "role.restart"] == ["postern-vault ended by signal 9"]


def test_one_of_two_dies():
    """Its peer was needed, and it was not, or the other way round."""
    for role in sorted(SELF):
        with gateway_of(SELF_HOSTED) as g:
            handle = integrate(g, P)
            old = g.pids()[role]
            os.kill(old, signal.SIGKILL)
            wait_for(lambda: g.pids().get(role, old) != old and g.get("/readyz")[0] == 200)
            added(g, handle, "_acme-challenge.one." + ZONE, "v")


def test_first_start_fails():
    """Whoever needed it is told, once; whoever comes then is served."""
    for role in sorted(SELF | {"postern-resolver"}):
        g = Injected()
        try:
            handle = None if role in SELF else integrate(g, P)
            g.arm(role, "epoll_create1", 1, "fail")
            body = {"provider": "powerdns", "credentials": {"url": P.api_url, "api_key": P.api_key}}
            if handle:
                answer = add(g, handle, "_acme-challenge.fails." + ZONE, "v", follow_cname=True)
            else:
                answer = g.post("/make_integration", body)
            assert "restart" in refused(answer, 502, "provider_unavailable")["detail"], answer
            assert g.disarm()[1] == 1
            wait_for(lambda: g.get("/readyz")[0] == 200)
            wait_for(lambda: role in g.pids())
            added(g, integrate(g, P), "_acme-challenge.again." + ZONE, "v")
            restarts = [l["value"] for l in g.audit() if l["event"] == "role.restart"]
            assert len(restarts) == 1 and restarts[0].startswith(role + " ended"), restarts
        finally:
            g.stop()


def test_reload_before():
    """It is told what holds when it is started."""
    with gateway_of("") as g:
        with open(g.dir + "/postern.conf", "a") as f:
            f.write(SELF_HOSTED)
        g.reload()
        assert set(g.pids()) == FIRST
        added(g, integrate(g, P), "_acme-challenge.reload." + ZONE, "v")
        g.reload()
        added(g, integrate(g, P), "_acme-challenge.reload." + ZONE, "w")


def test_ends_before():
    with gateway() as g:
        assert set(g.pids()) == FIRST
        assert g.stop() == 0, g.stderr_text()
        assert g.audit()[-1]["event"] == "gateway.stop"


if __name__ == "__main__":
    tap.main(globals())
