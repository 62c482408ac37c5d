# SPDX-License-Identifier: ISC
"""Under a service manager: sockets that are handed over, what it is told, roles that hang, and the end."""
import concurrent.futures
import http.client
import os
import signal
import socket
import stat
import tempfile
import time
import urllib.parse

import tap
from common import add, added, everyone, file_size_limit, gateway, integrate, pdns, refused, together
from servers import FakeUpstream, has_symbol, wait_for
from service import Notified, listener, manager

ZONE = "service.example"
P = pdns(ZONE)
OTHERS = ["postern-front", "postern-vault", "postern-planner", "postern-planner-self", "postern-courier", "postern-courier-self",
          "postern-resolver"]


def ask(address, path="/readyz", family=socket.AF_INET):
    """The status of a GET on a new connection."""
    with socket.socket(family) as s:
        s.settimeout(30)
        s.connect(address)
        s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
        return int(s.makefile("rb").readline().split()[1])


# ---- sockets ----

def test_sockets_are_taken():
    """TCP over IPv4 and IPv6, and Unix; they stay as they were, and listen when the gateway is gone."""
    v6 = listener("tcp6")
    with manager(open=[lambda d: listener(), lambda d: v6, lambda d: listener(path=d + "/sock")],
                 more='unix_socket = "{d}/sock"\n') as m:
        m.listen.append("[::1]:%d" % v6.getsockname()[1])
        m.write()
        path = m.dir + "/sock"
        os.chmod(path, 0o640)
        before = os.stat(path)
        for _ in range(2):
            with m.running() as g:
                assert g.get("/readyz")[0] == 200
                assert ask(v6.getsockname(), family=socket.AF_INET6) == 200
                assert ask(path, family=socket.AF_UNIX) == 200
            after = os.stat(path)
            assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode) and stat.S_ISSOCK(after.st_mode)
            for s in m.sockets:
                assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
                with socket.socket(s.family) as waits:  # in the backlog
                    waits.connect(s.getsockname())


def test_some_are_taken():
    """An address that has no socket is opened as ever."""
    with manager(more='unix_socket = "{d}/sock"\n') as m, m.running() as g:
        assert g.get("/readyz")[0] == 200
        assert ask(m.dir + "/sock", family=socket.AF_UNIX) == 200
        assert stat.S_IMODE(os.stat(m.dir + "/sock").st_mode) == 0o666


def mistake(what, words, **kw):
    with manager(**kw) as m:
        words = words.replace("{d}", m.dir)
        status, said = m.try_start()
        assert status == 1 and words in said, (what, status, said)


def test_mistakes_are_named():
    one, unwanted, silent = listener(), listener(), socket.socket()
    silent.bind(("127.0.0.1", 0))
    address = "%s:%d" % silent.getsockname()
    mistake("nobody's", "descriptor 4, 127.0.0.1:%d, was handed over: no such address is configured" % unwanted.getsockname()[1],
            sockets=[one, unwanted], listen=["%s:%d" % one.getsockname()])
    mistake("port 0", ", was handed over: no such address is configured", sockets=[listener()], listen=["127.0.0.1:0"])
    mistake("does not listen", "descriptor 3, %s, was handed over: not a stream socket that listens" % address,
            sockets=[silent], listen=[address])
    packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packets.bind(("127.0.0.1", 0))
    mistake("datagrams", "not a stream socket that listens", sockets=[packets], listen=["%s:%d" % packets.getsockname()])
    with tempfile.TemporaryDirectory() as d:
        mistake("Unix", "descriptor 3, %s/other, was handed over: no such address is configured" % d,
                sockets=[listener(path=d + "/other")], listen=["127.0.0.1:0"])
        mistake("longer", "descriptor 3, %s/socket, was handed over: no such" % d, sockets=[listener(path=d + "/socket")],
                listen=["127.0.0.1:0"], more='unix_socket = "%s/sock"\n' % d)
    mistake("abstract", "descriptor 3, @postern-none, was handed over", sockets=[listener(path="\0postern-none")], listen=["127.0.0.1:0"])
    v6 = listener("tcp6")
    mistake("IPv6", "descriptor 3, [::1]:%d, was" % v6.getsockname()[1], sockets=[v6], listen=["127.0.0.1:0"])
    twice = listener()
    mistake("twice", "descriptor 4, 127.0.0.1:%d, was handed over twice" % twice.getsockname()[1],
            sockets=[twice, twice.dup()], listen=["%s:%d" % twice.getsockname()])
    mistake("has no address", "not a stream socket that listens", sockets=[socket.socket()], listen=["127.0.0.1:0"])


def test_variables_of_others():
    """A LISTEN_PID that is not ours, one that is none, and more descriptors than are open."""
    with manager(sockets=[listener()]) as m:
        m.sockets.pop().close()
        with m.running(env={"LISTEN_PID": "1", "LISTEN_FDS": "3"}) as g:
            assert g.get("/readyz")[0] == 200
        status, said = m.try_start(env={"LISTEN_PID": "x", "LISTEN_FDS": "1"})
        assert status == 1 and "LISTEN_FDS: Invalid argument" in said, said


# ---- what the manager is told ----

def told(path):
    with manager(notify_path=path) as m:
        with m.running() as g:
            m.notified.take("STATUS=serving")
            for _ in range(3):
                os.kill(g.pid, signal.SIGHUP)
                m.notified.take("RELOADING=1")
                usec = int(m.notified.take("MONOTONIC_USEC=…").partition("=")[2])
                assert abs(usec / 1e6 - time.monotonic()) < 60, usec
                m.notified.take("READY=1")
            m.put("callers", "nonsense\n")
            os.kill(g.pid, signal.SIGHUP)
            m.notified.take("RELOADING=1")
            m.notified.take("READY=1")
            assert "callers:1" in m.notified.take("STATUS=serving; the last reload was refused: …")
            m.put("callers", m.line + "\n")
            os.kill(g.pid, signal.SIGHUP)
            m.notified.take("STATUS=serving")
            g.terminate()
            m.notified.take("STOPPING=1")
            m.notified.take("EXTEND_TIMEOUT_USEC=45000000")
            m.notified.take("STATUS=stopping")


def test_told_by_path():
    told(True)


def test_told_by_abstract_name():
    told(False)


def test_nobody_to_tell():
    with manager() as m:
        for name in "relative", "/" + "x" * 200, "/", "vsock:1:2":
            status, said = m.try_start(env={"NOTIFY_SOCKET": name})
            assert status == 1 and "NOTIFY_SOCKET: Invalid argument" in said, said
        m.notified.close()
        g = m.start(wait=False)  # the socket is there no more
        try:
            wait_for(lambda: "cannot be told READY=1" in g.stderr_text())
            assert g.get("/readyz")[0] == 200
        finally:
            g.stop()
            m.notified = Notified()


def test_told_why_it_is_degraded():
    if os.geteuid() != 0:
        raise tap.Skip("needs root to limit the scribe")
    with manager() as m, m.running() as g:
        m.notified.take("STATUS=serving")
        os.kill(g.pids()["postern-courier"], signal.SIGKILL)
        m.notified.take("STATUS=degraded: postern-courier is started again")
        m.notified.take("STATUS=serving")
        scribe, handle = g.pids()["postern-scribe"], integrate(g, P)
        file_size_limit(scribe, "1")
        refused(add(g, handle, "_acme-challenge.degraded." + ZONE, "v"), 503, "audit_unavailable")
        m.notified.take("STATUS=degraded: …")
        file_size_limit(scribe, "unlimited")
        m.notified.take("STATUS=serving")


def test_watchdog():
    with manager() as m:
        with m.running(env={"WATCHDOG_USEC": "200000"}) as g:
            for _ in range(5):
                m.notified.take("WATCHDOG=1")
            os.kill(g.pid, signal.SIGSTOP)
            wait_for(lambda: stopped(g.pid))
            said = len(m.notified.lines)
            with m.notified.changed:
                assert not m.notified.changed.wait_for(lambda: len(m.notified.lines) > said + 1, 1), m.notified.lines
            os.kill(g.pid, signal.SIGCONT)
            m.notified.take("WATCHDOG=1")
        m.notified.take("STOPPING=1")
        m.notified.lines.clear()
        for env in {"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "x"}:
            with m.running(env=env):
                pass
            m.notified.take("STOPPING=1")
            assert "WATCHDOG=1" not in m.notified.lines


def stopped(pid):
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rpartition(")")[2].split()[0] == "T"


# ---- roles that hang ----

def hang(role):
    with gateway() as g:
        handle = integrate(g, P)
        old = everyone(g)[role]
        os.kill(old, signal.SIGSTOP)
        wait_for(lambda: g.pids().get(role, old) != old, 60)
        wait_for(lambda: g.get("/readyz")[0] == 200, 20)
        added(g, handle, "_acme-challenge.%s.%s" % (role, ZONE), "v")
        wait_for(lambda: [l for l in g.audit() if l["event"] == "role.restart"], 5)
        return role, [l["value"] for l in g.audit() if l["event"] == "role.restart"], g.stderr_text()


def test_role_that_hangs():
    for role, restarts, said in together(hang, OTHERS):
        assert restarts[0] == role + " did not answer any more, and was ended", (role, restarts)
        assert len(restarts) == 1 and "warning: %s does not answer: ended" % role in said, (restarts, said)


def test_scribe_that_hangs():
    """Its rule is the vault's: a call that waits for it. It is in the log's own tests; here, that there is no second one before."""
    with gateway() as g:
        handle = integrate(g, P)
        old = g.pids()["postern-scribe"]
        os.kill(old, signal.SIGSTOP)
        status, _ = add(g, handle, "_acme-challenge.hangs." + ZONE, "v")
        assert status == 503
        wait_for(lambda: g.pids().get("postern-scribe", old) != old, 20)
        wait_for(lambda: add(g, handle, "_acme-challenge.hangs." + ZONE, "v")[0] == 200, 20)
        assert "postern-scribe does not answer" not in g.stderr_text()


def test_machine_that_stands_still():
    """All of it, for longer than a role may be silent: nobody has hung."""
    with manager() as m, m.running(env={"WATCHDOG_USEC": "1000000"}) as g:
        before = g.pids()
        for pid in [g.pid, *before.values()]:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: all(map(stopped, before.values())))
        time.sleep(12)
        for pid in [g.pid, *before.values()]:
            os.kill(pid, signal.SIGCONT)
        m.notified.lines.clear()
        for _ in range(8):
            m.notified.take("WATCHDOG=1")
        assert g.pids() == before and "does not answer" not in g.stderr_text()


# ---- the end ----

class Slow(FakeUpstream):
    """PowerDNS, whose answers to changes are held until .release()."""

    def __init__(self):
        super().__init__(proxy=P.api_url)

    def integrate(self, g):
        return integrate(g, P, credentials={"url": self.url, "api_key": P.api_key})

    def begin(self, pool, g, name):
        """A call in flight, whose change is made and whose answer is held."""
        handle = self.integrate(g)
        self.hold_answers_to("PATCH")
        call = pool.submit(add, g, handle, name, "v")
        assert self.holding.wait(20)
        return call


def test_call_in_flight_is_finished():
    with manager() as m, Slow() as up, concurrent.futures.ThreadPoolExecutor(1) as pool:
        g = m.start()
        try:
            call = up.begin(pool, g, "_acme-challenge.finished." + ZONE)
            g.terminate()
            m.notified.take("STOPPING=1")
            m.notified.take("STATUS=stopping: 1 call in flight")
            # Whoever comes now waits for the next instance.
            waits = pool_submit_get(m)
            up.release()
            assert call.result(30)[0] == 200
            assert g.process.wait(30) == 0
            lines = g.audit()
            assert [l["result"] for l in lines if l["event"] == "add_record.outcome"] == ["ok"]
            assert lines[-1]["event"] == "gateway.stop"
            assert not waits.done()
            with m.running():
                assert waits.result(30) == 200
        finally:
            g.kill()


def pool_submit_get(m):
    pool = concurrent.futures.ThreadPoolExecutor(1)
    try:
        return pool.submit(ask, m.sockets[0].getsockname())
    finally:
        pool.shutdown(wait=False)


def cut(m, up, pool, name, end):
    """END(g) while a call hangs: what the caller gets, what is said, and the log, at the end."""
    g = m.start()
    try:
        call = up.begin(pool, g, name)
        g.terminate()
        m.notified.take("STATUS=stopping: 1 call in flight")
        end(g)
        assert g.process.wait(30) == 0
        got = call.exception(30) or call.result()
        return got, g.stderr_text(), g.audit()
    finally:
        g.kill()
        up.release()


def test_call_that_hangs_is_cut_off():
    with manager(more="limits { drain_seconds = 2 }\n") as m, Slow() as up, concurrent.futures.ThreadPoolExecutor(1) as pool:
        (status, problem), said, lines = cut(m, up, pool, "_acme-challenge.cut." + ZONE, lambda g: None)
        assert (status, problem["code"]) == (503, "overloaded") and "not known" in problem["detail"], problem
        assert "not finished in time: ended, with 1 call in flight" in said, said
        # The scribe has closed the log even so.
        assert [l["result"] for l in lines if l["event"] == "add_record.outcome"] == ["unknown"], lines[-3:]
        assert lines[-1]["event"] == "gateway.stop"
        with m.running() as g:
            assert g.cli("audit", "unresolved", "--config", m.dir + "/postern.conf").stdout == ""
            assert g.cli("audit", "verify", "--config", m.dir + "/postern.conf").returncode == 0


def test_second_signal_ends_at_once():
    with manager(more="limits { drain_seconds = 600 }\n") as m, Slow() as up, concurrent.futures.ThreadPoolExecutor(1) as pool:
        got, said, lines = cut(m, up, pool, "_acme-challenge.twice." + ZONE, lambda g: g.terminate())
        # All are ended one after the other: some may still hear of it.
        assert isinstance(got, (OSError, http.client.HTTPException)) or got[1]["code"] == "overloaded", got
        assert "told to stop twice: ended, with 1 call in flight" in said, said
        assert lines[-1]["event"] != "gateway.stop"
        with m.running() as g:
            outcomes = wait_for(lambda: [l for l in g.audit() if l["event"] == "add_record.outcome"], 10)
            assert [l["result"] for l in outcomes] == ["unknown"], outcomes


def connection(g):
    c = http.client.HTTPConnection(urllib.parse.urlsplit(g.url).netloc, timeout=30)
    c.connect()
    return c


def get(c):
    """The status, and whether the connection ends with that."""
    c.request("GET", "/healthz")
    answer = c.getresponse()
    answer.read()
    return answer.status, answer.will_close


def test_idle_connections():
    """They are closed a moment after; a request that comes before that is served, and told that it is the last."""
    with manager() as m:
        g = m.start()
        try:
            used, idle, fresh = connection(g), connection(g), connection(g)
            assert get(used) == get(idle) == (200, False)
            g.terminate()
            status, last = get(used)
            while not last:
                status, last = get(used)
                assert status == 200
            assert get(fresh) == (200, True)
            assert idle.sock.recv(1) == b""
            assert g.process.wait(30) == 0
        finally:
            g.kill()


def test_half_a_request():
    """What has begun is waited for."""
    with manager() as m:
        g = m.start()
        try:
            c = connection(g)
            c.sock.sendall(b"GET /healthz HTTP/1.1\r\n")
            idle = connection(g)
            g.terminate()
            assert idle.sock.recv(1) == b""
            c.sock.sendall(b"Host: x\r\n\r\n")
            answer = c.sock.makefile("rb").read().lower()
            assert answer.startswith(b"http/1.1 200") and b"connection: close" in answer, answer
            assert g.process.wait(30) == 0
        finally:
            g.kill()


# ---- the next one beside one that stops ----

def test_next_one_waits_for_the_log():
    """Without a manager's sockets: those of the one that stops are gone at once. The next one says what it waits for, and serves when it may."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = "127.0.0.1:%d" % free.getsockname()[1]
    with manager(sockets=[listener()], listen=[address], more='unix_socket = "{d}/sock"\n') as m, Slow() as up, \
            concurrent.futures.ThreadPoolExecutor(1) as pool:
        m.sockets.pop().close()
        m.url = "http://" + address
        old = m.start()
        new = None
        try:
            call = up.begin(pool, old, "_acme-challenge.beside." + ZONE)
            old.terminate()
            m.notified.take("STATUS=stopping: 1 call in flight")
            assert not os.path.exists(m.dir + "/sock")
            new = m.start(wait=False)
            m.notified.take("STATUS=starting: another gateway has the log open")
            assert "another gateway has the log open" in new.stderr_text()
            seen = len(new.audit())
            up.release()
            assert call.result(30)[0] == 200
            assert old.process.wait(30) == 0
            m.notified.take("READY=1")
            assert new.get("/readyz")[0] == 200
            events = wait_for(lambda: (lambda e: e.count("gateway.start") == 2 and e)([l["event"] for l in new.audit()]), 10)
            # The first one's, to its end, and nothing of the second's before.
            assert events[seen - 1] == "add_record.intent" and "gateway.start" not in events[seen:events.index("gateway.stop")], events
            assert ask(m.dir + "/sock", family=socket.AF_UNIX) == 200
            assert new.stop() == 0 and not os.path.exists(m.dir + "/sock")
        finally:
            old.kill()
            if new:
                new.kill()


def test_log_that_stays_locked():
    """One that cannot begin says why to who asks, though it tells nobody that it serves."""
    with manager() as m, gateway(state_dir=m.dir + "/other") as first:
        with open(m.dir + "/postern.conf") as f:
            text = f.read()
        m.put("postern.conf", text.replace(m.dir + "/audit", first.audit_dir))
        g = m.start(wait=False)
        try:
            status, problem = g.get("/readyz")
            assert status == 503 and "another gateway has the log open" in str(problem), problem
            assert "READY=1" not in m.notified.lines
        finally:
            g.stop()


if __name__ == "__main__":
    tap.main(globals())
