# SPDX-License-Identifier: ISC
"""The gateway is stopped and started again, and reloaded, while clients call without a pause: no request fails, and the log has it all."""
import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading

import tap
from common import integrate, pdns
from servers import BINARY, CA, wait_for
from service import listener, manager

ZONE = "upgrade.example"
P = pdns(ZONE)
TLS = """
unix_socket = "{d}/sock"
tls {
	listen = {"%s"}
	certificate = "{d}/server.pem"
	key = "{d}/server.key"
}
"""


class OverUnix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Load:
    """Clients that add records and ask for their health, from several threads; each does what a good HTTP client does, and never tries again.

    WAYS: functions that give a connection. On each there is one client that connects for each request, and one that keeps its connection until an answer says that it was the last, or
    it sees before it asks that the other side has closed.
    """

    def __init__(self, tag, g, handle, ways):
        self.tag, self.token, self.handle = tag, g.token, handle
        self.over, self.failed, self.values = threading.Event(), [], []
        self.done = {}
        self.threads = [threading.Thread(target=self.run, args=(name, way, keep)) for name, way in ways.items() for keep in (False, True)]
        for t in self.threads:
            t.start()

    def run(self, name, way, keep):
        me, n, connection = (name, "kept" if keep else "new"), 0, None
        while not self.over.is_set():
            n += 1
            try:
                if connection is None or gone(connection):
                    connection = way()
                value = "%s-%s-%s-%d" % (self.tag, *me, n)
                change = n % 3 == 0
                last = self.add(connection, value) if change else self.ask(connection)
                if change:
                    self.values.append(value)
                if last or not keep:
                    connection.close()
                    connection = None
                self.done[me] = n
            except Exception as e:  # noqa: BLE001: whatever it is, it must not happen
                self.failed.append((me, n, repr(e)))
                connection = None
        if connection:
            connection.close()

    def ask(self, connection):
        connection.request("GET", "/readyz")
        return self.answer(connection)

    def add(self, connection, value):
        body = json.dumps({"integration_handle": self.handle,
                           "record": {"fqdn": "_acme-challenge.%s.%s" % (value, ZONE), "type": "TXT", "value": value}})
        connection.request("POST", "/add_record", body, {"Content-Type": "application/json", "Authorization": "Bearer " + self.token})
        return self.answer(connection)

    def answer(self, connection):
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body)
        return answer.will_close

    def go_on(self, n=6):
        """Until each client has done N more."""
        before = dict(self.done)
        wait_for(lambda: self.failed or all(self.done.get(k, 0) >= before.get(k, 0) + n for k in self.names()), 60)

    def names(self):
        return [(name, how) for name in {k[0] for k in self.done} for how in ("new", "kept")]

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join()


def gone(connection):
    """The other side has closed: a good client looks before it asks."""
    connection.sock.setblocking(False)
    try:
        return connection.sock.recv(1) == b"" if not isinstance(connection.sock, ssl.SSLSocket) else connection.sock.read(1) == b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        connection.sock.settimeout(60)


def setup(m, d, ca):
    """With TLS and a Unix socket; the ways there."""
    secure = m.sockets[1].getsockname()
    for name, path in zip(("server.pem", "server.key"), ca.issue("127.0.0.1")):
        with open(path) as f:
            m.put(name, f.read())
    m.listen.pop()
    m.more = TLS % ("%s:%d" % secure)
    m.write()
    context = ssl.create_default_context(cafile=ca.file)
    plain = m.sockets[0].getsockname()
    return {"plain": lambda: connected(http.client.HTTPConnection(*plain, timeout=60)),
            "tls": lambda: connected(http.client.HTTPSConnection(*secure, context=context, timeout=60)),
            "unix": lambda: connected(OverUnix(m.dir + "/sock"))}


def connected(connection):
    connection.connect()
    return connection


@contextlib.contextmanager
def place():
    ca = CA()
    try:
        with manager(open=[lambda d: listener(), lambda d: listener(), lambda d: listener(path=d + "/sock")]) as m:
            yield m, setup(m, m.dir, ca), ca
    finally:
        ca.close()


def check_log(g, m, load):
    """Each change has its one intent and its one outcome, and the log is as it was signed."""
    lines = g.audit()
    intents = [l["value"] for l in lines if l["event"] == "add_record.intent"]
    outcomes = [(l["value"], l["result"]) for l in lines if l["event"] == "add_record.outcome"]
    assert sorted(intents) == sorted(load.values), set(intents) ^ set(load.values)
    assert sorted(outcomes) == sorted((v, "ok") for v in load.values), set(outcomes) ^ {(v, "ok") for v in load.values}
    done = subprocess.run([BINARY, "audit", "verify", "--config", m.dir + "/postern.conf"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_upgrade_under_load():
    """Old one stops, and when it has ended the new one starts; and the new one is started while the old one still stops."""
    with place() as (m, ways, _):
        g = m.start()
        load = Load("upgrade", g, integrate(g, P), ways)
        try:
            wait_for(lambda: load.failed or len(load.done) == 6, 30)
            for beside in (False, True) * 3:
                load.go_on()
                m.notified.lines.clear()
                old, old_pid = g, g.pid
                old.terminate()
                m.notified.take("STOPPING=1")
                if not beside:
                    assert old.process.wait(30) == 0
                g = m.start()
                assert old.process.wait(30) == 0 and g.pid != old_pid
                if not beside:
                    assert "another gateway" not in g.stderr_text()
                old.kill()
            load.go_on()
        finally:
            load.stop()
            tap.comment("%s; %d changes, 6 upgrades" % (load.done, len(load.values)))
            status = g.stop()
        assert status == 0 and not load.failed, load.failed[:5]
        check_log(g, m, load)


def test_reload_under_load():
    """Callers, root keys, the deny list, certificates: what was good before and is good after never fails."""
    with place() as (m, ways, ca):
        m.put("denied", "")
        with m.running() as g:
            handle = integrate(g, P)
            load = Load("reload", g, handle, ways)
            try:
                wait_for(lambda: load.failed or len(load.done) == 6, 30)
                for i in range(6):
                    other = change_everything(m, ca, i)
                    m.notified.lines.clear()
                    os.kill(g.pid, signal.SIGHUP)
                    m.notified.take("READY=1")
                    # It holds, everywhere.
                    assert status_of(ways["plain"](), other, handle) == 200
                    load.go_on()
            finally:
                load.stop()
                tap.comment("%s; %d changes, 6 reloads" % (load.done, len(load.values)))
            assert not load.failed, load.failed[:5]
            wait_for(lambda: [l["event"] for l in g.audit()].count("add_record.outcome") == len(load.values))
        check_log(g, m, load)


def change_everything(m, ca, i):
    """A new caller, whose token is returned; a new root key in front; one integration more that is denied; a new certificate."""
    token, line = subprocess.run([BINARY, "keygen", "--token", "c%d" % i], check=True, capture_output=True, text=True).stdout.splitlines()[:2]
    m.put("callers", m.line + "\n" + line + "\n")
    subprocess.run([BINARY, "keygen", "%s/new%d.key" % (m.dir, i)], check=True, capture_output=True)
    m.more = 'root_key "new%d" { file = "{d}/new%d.key" }\n' % (i, i) + m.more
    if i == 0:
        m.more += 'denied = "{d}/denied"\n'
    m.put("denied", "".join("%032x\n" % n for n in range(i + 1)))
    for name, path in zip(("server.pem", "server.key"), ca.issue("127.0.0.1")):
        with open(path) as f:
            m.put(name, f.read())
    m.write()
    return token


def status_of(connection, token, handle):
    with contextlib.closing(connection):
        connection.request("POST", "/get_zones", json.dumps({"integration_handle": handle}),
                           {"Content-Type": "application/json", "Authorization": "Bearer " + token})
        answer = connection.getresponse()
        answer.read()
        return answer.status


if __name__ == "__main__":
    tap.main(globals())
