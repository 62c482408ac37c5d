# SPDX-License-Identifier: ISC
"""kill -9 of each role in turn, under load: errors for what was in flight, service back in two seconds, no change without an intent."""
import concurrent.futures
import os
import signal
import tempfile
import threading
import time

import tap
from common import add, everyone, gateway, integrate, pdns, remove
from servers import FakeUpstream, Postern, wait_for

P = pdns()
ROLES = ["postern-front", "postern-vault", "postern-scribe", "postern-planner", "postern-planner-self",
         "postern-courier", "postern-courier-self", "postern-resolver"]


class Load:
    """Adds and removes without end, from several threads, until stopped. Remembers what was told."""

    def __init__(self, g, handle, zone, threads=8):
        self.g, self.handle, self.zone = g, handle, zone
        self.halt = threading.Event()
        self.results, self.lock = [], threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]
        for t in self.threads:
            t.start()

    def run(self, i):
        n = 0
        while not self.halt.is_set():
            name = "_acme-challenge.l%d-%d.%s" % (i, n, self.zone)
            n += 1
            try:
                status, answer = add(self.g, self.handle, name, "load")
                if status == 200 and n % 3 == 0:
                    remove(self.g, self.handle, answer["record_handle"])
            except OSError:
                status = 0  # the connection broke
            with self.lock:
                self.results.append(status)

    def count(self, status):
        with self.lock:
            return self.results.count(status)

    def stop(self):
        self.halt.set()
        for t in self.threads:
            t.join()


def serves(g, handle, name):
    try:
        return add(g, handle, name, "after")[0] == 200
    except OSError:
        return False


def fresh_zone(tag):
    """A zone that no other test has written to: whatever is in it has an intent in this test's log."""
    zone = tag + ".crash.example"
    P.ensure_zone(zone)
    return zone


def check_promise(g, zone):
    intents = {(l["fqdn"], l["value"]) for l in g.audit() if l["event"] == "add_record.intent"}
    in_dns = [(n, v) for n, v in P.all_txt(zone) if n.startswith("_acme-challenge")]
    assert in_dns
    for record in in_dns:
        assert record in intents, ("a record without an intent", record)


def paired(g):
    """Every intent has its one outcome, if only "unknown". (An answer does not wait for its outcome's line.)"""
    lines = g.audit()
    intents = [l["request_id"] for l in lines if l["event"].endswith(".intent")]
    outcomes = [l["request_id"] for l in lines if l["event"].endswith(".outcome") and l["request_id"] in set(intents)]
    return sorted(intents) == sorted(outcomes)


def kill_under_load(role):
    zone = fresh_zone(role)
    with gateway() as g:
        handle = integrate(g, P)
        old = everyone(g)[role]
        load = Load(g, handle, zone)
        try:
            wait_for(lambda: load.count(200) >= 10, 20)
            os.kill(old, signal.SIGKILL)
            killed = time.monotonic()
            wait_for(lambda: g.pids().get(role, old) != old, 2)
            wait_for(lambda: serves(g, handle, "_acme-challenge.after." + zone), 5)
            back = time.monotonic() - killed
            assert back < 2, "back after %.2f s" % back
            before = load.count(200)
            wait_for(lambda: load.count(200) >= before + 10, 20)
        finally:
            load.stop()
        assert set(load.results) <= {0, 200, 502, 503}, set(load.results)
        assert g.get("/readyz")[0] == 200
        check_promise(g, zone)
        wait_for(lambda: paired(g), 5)
        lines = g.audit()
        assert [l["seq"] for l in lines] == list(range(len(lines)))
        assert any(l["event"] == "role.restart" and role in l["value"] for l in lines)


def make(role):
    def test():
        kill_under_load(role)
    return test


for _role in ROLES:
    globals()["test_kill_" + _role.replace("postern-", "").replace("-", "_")] = make(_role)


def lose_in_the_middle(role):
    """A replace is made at the provider, its answer is on the way, and ROLE dies: the log says that nobody knows, and what was there before."""
    zone, name = "lost.crash.example", "_acme-challenge.%s.lost.crash.example" % role
    P.ensure_zone(zone)
    P.set_records(zone, name, "TXT", 60, ['"before"'])
    with gateway() as g, FakeUpstream(proxy=P.api_url) as upstream:
        status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials":
                                                      {"url": upstream.url, "api_key": P.api_key}})
        assert status == 200, answer
        upstream.hold_answers_to("PATCH")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(add, g, answer["integration_handle"], name, "after", mode="replace")
            assert upstream.holding.wait(10)
            os.kill(g.pids()[role], signal.SIGKILL)
            status, answer = call.result(20)
        assert (status, answer["code"]) == (502, "provider_unavailable"), answer
        outcome = wait_for(lambda: [l for l in g.audit() if l["event"] == "add_record.outcome"], 5)
        assert [l["result"] for l in outcome] == ["unknown"], outcome
        assert outcome[0]["replaced"] == [name + '. 60 TXT "before"'], outcome
        assert P.txt(name) == [b"after"]


def test_planner_lost_in_the_middle():
    lose_in_the_middle("postern-planner-self")


def test_courier_lost_in_the_middle():
    lose_in_the_middle("postern-courier-self")


def test_kill_everything():
    """The supervisor too: the next start closes what was open."""
    zone = fresh_zone("everything")
    with tempfile.TemporaryDirectory() as d:
        with gateway(state_dir=d) as g:
            handle = integrate(g, P)
            load = Load(g, handle, zone)
            try:
                wait_for(lambda: load.count(200) >= 20, 20)
                g.kill()
            finally:
                load.stop()
        with gateway(state_dir=d) as g:
            assert serves(g, handle, "_acme-challenge.again." + zone)
            wait_for(lambda: paired(g), 5)
            check_promise(g, zone)


def test_roles_end_with_their_supervisor():
    with gateway() as g:
        pids = everyone(g)
        os.kill(g.pid, signal.SIGKILL)
        wait_for(lambda: not any(os.path.exists("/proc/%d/exe" % p) and alive(p) for p in pids.values()), 5)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def stop_under_load(tag, stop):
    zone = fresh_zone(tag)
    with gateway() as g:
        handle = integrate(g, P)
        load = Load(g, handle, zone, threads=4)
        wait_for(lambda: load.count(200) >= 10, 20)
        stop(g)
        load.stop()
        assert set(load.results) <= {0, 200, 503}, set(load.results)
        lines = g.audit()
        assert lines[-1]["event"] == "gateway.stop", lines[-1]
        assert paired(g)
        assert not [l for l in lines if l["event"].endswith(".outcome") and l["result"] not in ("ok", "found")]
        check_promise(g, zone)


def test_stop_lets_calls_finish():
    stop_under_load("drain", lambda g: g.stop())


def test_stop_of_the_whole_unit():
    """As systemd does it: SIGTERM to every process of the service at once."""
    def stop(g):
        for pid in g.pids().values():
            os.kill(pid, signal.SIGTERM)
        g.stop()
    stop_under_load("drain-all", stop)


def test_stop_while_a_role_starts():
    """SIGTERM finds the scribe started again, and held up, a moment ago: it hears of its begin before it hears of its end."""
    for _ in range(5):
        g = Postern()
        old = g.pids()["postern-scribe"]
        os.kill(old, signal.SIGKILL)
        new = wait_for(lambda g=g, old=old: (g.pids().get("postern-scribe", old) != old) and g.pids()["postern-scribe"], 5)
        os.kill(new, signal.SIGSTOP)
        g.process.terminate()
        wait_for(lambda g=g: set(g.pids()) == {"postern-scribe"}, 10)
        os.kill(new, signal.SIGCONT)
        g.process.wait(20)  # a second SIGTERM would end all at once
        assert g.stop() == 0, g.stderr_text()
        assert g.audit()[-1]["event"] == "gateway.stop", g.audit()[-1]


if __name__ == "__main__":
    tap.main(globals())
