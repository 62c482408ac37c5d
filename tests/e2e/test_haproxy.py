# SPDX-License-Identifier: ISC
"""Two gateways behind HAProxy, as examples/haproxy.cfg has it: one killed under load, one that cannot write its log, one customer's calls to one."""
import contextlib
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import tap
from common import NO_LIMITS, credentials, pdns, together
from servers import BINARY, CA, ROOT, Postern, wait_for

P = pdns()
CLIENTS = 12

CONF = """
audit_dir = "{d}/audit"
callers = "{shared}/callers"
root_key "a" {{ file = "{shared}/root.key" }}
self_hosted {{ plain_http = {{"127.0.0.1"}} }}
audit {{ origin = "gateway.example/{name}" checkpoint_keys = {{"{d}/checkpoint.key"}} }}
tls {{
	listen = {{"127.0.0.1:{port}"}}
	certificate = "{shared}/server.pem"
	key = "{shared}/server.key"
}}
"""


def put(path, text):
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(text)


def listening():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(256)
    return s


class Replica(Postern):
    """One gateway: its own log, origin and checkpoint key; root key, callers and certificate are shared."""

    def __init__(self, shared, name, token, context, port=0):
        self.context, self.dir = context, "%s/%s" % (shared, name)
        if not port:
            os.mkdir(self.dir)
            subprocess.run([BINARY, "keygen", self.dir + "/checkpoint.key"], check=True, capture_output=True)
        put(self.dir + "/postern.conf", CONF.format(shared=shared, d=self.dir, name=name, port=port) + NO_LIMITS)
        super().__init__(config=self.dir + "/postern.conf", token=token, audit_dir=self.dir + "/audit")

    def wait_until_ready(self):
        wait_for(lambda: self.is_ready(), 20)

    def is_ready(self):
        return Client(self.port, self.context, self.token).once("GET", "/readyz")[0] == 200

    def kill_all(self):
        """Its machine is gone, as far as processes are."""
        for pid in [self.pid, *self.pids().values()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kill()

    def verify(self):
        done = self.cli("audit", "verify", "--config", self.dir + "/postern.conf")
        assert done.returncode == 0 and done.stdout.startswith("good: "), done


class Client:
    """A client as it should be: it keeps its connection, and sends a call again, on a new one, when there is no answer or the answer
    says that this may help. Calls are safe to send again."""

    AGAIN = (429, 502, 503, 504)

    def __init__(self, port, context, token, name="gateway.example"):
        self.port, self.context, self.token, self.name = port, context, token, name
        self.connection, self.broken, self.sent_again = None, 0, 0

    def connect(self):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        c.connect()
        try:
            c.sock = self.context.wrap_socket(c.sock, server_hostname=self.name)
        except BaseException:
            c.close()
            raise
        self.connection = c

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def on_connection(self, method, path, body=None):
        if self.connection is None:
            self.connect()
        self.connection.request(method, path, body, {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        said = json.loads(answer.read())
        if answer.will_close:
            self.close()
        return answer.status, said

    def once(self, method, path, body=None):
        """(status, answer), or (None, why): no answer."""
        try:
            return self.on_connection(method, path, body)
        except (OSError, http.client.HTTPException) as e:
            self.close()
            return None, repr(e)

    def post(self, path, body):
        end = time.monotonic() + 30
        while True:
            status, answer = self.once("POST", path, json.dumps(body))
            if (status is not None and status not in self.AGAIN) or time.monotonic() > end:
                return status, answer
            self.broken += status is None
            self.sent_again += 1
            time.sleep(0.02)


class Load:
    """CLIENTS at once that add records, take every other one away, and note all that failed for good."""

    def __init__(self, place, handle, zone):
        self.handle, self.zone = handle, zone
        self.over, self.failed, self.kept, self.done = threading.Event(), [], [], [0] * CLIENTS
        self.clients = [place.client() for _ in range(CLIENTS)]
        self.threads = [threading.Thread(target=self.run, args=c) for c in enumerate(self.clients)]
        for t in self.threads:
            t.start()

    def good(self, status, answer):
        if status != 200:
            self.failed.append((status, answer))
        return status == 200

    def run(self, n, client):
        turn = 0
        while not self.over.is_set():
            turn += 1
            name = "_acme-challenge.c%d-%d.%s" % (n, turn, self.zone)
            status, answer = client.post("/add_record", {"integration_handle": self.handle,
                                                         "record": {"fqdn": name, "type": "TXT", "value": "v%d" % turn}})
            if not self.good(status, answer):
                continue
            if turn % 2:
                self.kept.append(name)
            else:
                self.good(*client.post("/remove_record", {"integration_handle": self.handle, "record_handle": answer["record_handle"]}))
            self.done[n] += 1
        client.close()

    def more(self, n=5):
        """Wait until each client has done so many more rounds."""
        target = [done + n for done in self.done]
        wait_for(lambda: self.failed or all(d >= t for d, t in zip(self.done, target)), 30)
        assert not self.failed, self.failed[:3]

    def end(self):
        self.over.set()
        for t in self.threads:
            t.join()
        assert not self.failed, self.failed[:3]

    def tell(self):
        tap.comment("%d rounds, %d calls sent again, %d of them as the connection broke" % (
            sum(self.done), sum(c.sent_again for c in self.clients), sum(c.broken for c in self.clients)))


class Place:
    """Two replicas and HAProxy before them."""

    def __init__(self, d):
        self.dir, self.ca = d, CA()
        os.chmod(d, 0o755)
        self.context = ssl.create_default_context(cafile=self.ca.file)
        subprocess.run([BINARY, "keygen", d + "/root.key"], check=True, capture_output=True)
        self.token, line = subprocess.run([BINARY, "keygen", "--token", "backend", "--verbs", "all"], check=True,
                                          capture_output=True, text=True).stdout.splitlines()[:2]
        put(d + "/callers", line + "\n")
        for path, name in zip(self.ca.issue("gateway.example", "*.gateway.example"), ("server.pem", "server.key")):
            put("%s/%s" % (d, name), open(path).read())
        self.replicas = {}

    def start(self):
        for name in "ab":
            self.start_replica(name)
        self.start_haproxy()

    def start_replica(self, name):
        port = self.replicas[name].port if name in self.replicas else 0
        self.replicas[name] = Replica(self.dir, name, self.token, self.context, port)

    def start_haproxy(self):
        """With the example's text, all of it but for places."""
        with listening() as any_port, listening() as sharded:
            self.port, self.sharded_port = (s.getsockname()[1] for s in (any_port, sharded))
            with open(ROOT + "/examples/haproxy.cfg") as f:
                text = f.read()
            for old, new in (("maxconn 20000", "maxconn 1000"), ("log /dev/log", "log stderr format short"), ("bind :8443", "bind fd@%d" % any_port.fileno()),
                             ("bind :9443", "bind fd@%d" % sharded.fileno()), ("/etc/haproxy/postern-ca.pem", self.ca.file),
                             ("gateway-a.internal:8443", "127.0.0.1:%d" % self.replicas["a"].port),
                             ("gateway-b.internal:8443", "127.0.0.1:%d" % self.replicas["b"].port)):
                assert old in text, old
                text = text.replace(old, new)
            put(self.dir + "/haproxy.cfg", text)
            self.log = open(self.dir + "/haproxy.log", "w+")
            self.haproxy = subprocess.Popen(["haproxy", "-db", "-f", self.dir + "/haproxy.cfg"], stdin=subprocess.DEVNULL,
                                            stdout=self.log, stderr=self.log, pass_fds=[any_port.fileno(), sharded.fileno()])
        wait_for(lambda: self.client().once("GET", "/readyz")[0] == 200)

    def haproxy_says(self, text):
        with open(self.dir + "/haproxy.log") as f:
            return re.findall(text, f.read())

    def client(self):
        return Client(self.port, self.context, self.token)

    def integrate(self, client, **more):
        status, answer = client.post("/make_integration", {"provider": "powerdns", "credentials": credentials(P), **more})
        assert status == 200, answer
        return answer["integration_handle"]

    def stop(self):
        if hasattr(self, "haproxy"):
            self.haproxy.terminate()
            self.haproxy.wait()
            self.log.close()
        for g in self.replicas.values():
            g.stop()
        self.ca.close()


@contextlib.contextmanager
def place():
    assert shutil.which("haproxy"), "haproxy is not installed"
    with tempfile.TemporaryDirectory() as d:
        p = Place(d)
        try:
            p.start()
            yield p
        except BaseException:
            tap.comment("".join(p.haproxy_says(r"(?m)^(?!.*Layer7 check passed).*\n"))[-3000:])
            raise
        finally:
            p.stop()


@contextlib.contextmanager
def load_on(p, handle, zone):
    load = Load(p, handle, zone)
    try:
        yield load
    finally:
        load.end()


def intents(g):
    return [line for line in g.audit() if line["event"] == "add_record.intent"]


def check_logs(p, zone, kept):
    """What is in DNS is what clients were told, each with an intent in one of the logs; the logs are as signed."""
    written = {(l["fqdn"], l["value"]) for g in p.replicas.values() for l in intents(g)}
    found = P.all_txt(zone)
    assert not set(found) - written, set(found) - written
    assert sorted(name for name, _ in found) == sorted(kept)
    for g in p.replicas.values():
        assert g.cli("audit", "unresolved", "--config", g.dir + "/postern.conf").stdout == ""
        g.verify()


def test_one_killed_under_load():
    """No call fails for good, nothing is in DNS without its line, and the killed one joins again."""
    zones = ["killed.haproxy.example", "joined.haproxy.example"]
    pdns(*zones)
    with place() as p:
        handle = p.integrate(p.client())
        with load_on(p, handle, zones[0]) as load:
            load.more()
            assert all(intents(g) for g in p.replicas.values()), "both serve"
            p.replicas["a"].kill_all()
            load.more()
            wait_for(lambda: p.haproxy_says("Server any/a is DOWN"))
            load.more()
            p.start_replica("a")
            wait_for(lambda: p.haproxy_says("Server any/a is UP"))
            before = len(intents(p.replicas["a"]))
            with load_on(p, handle, zones[1]) as joined:
                joined.more()
            assert len(intents(p.replicas["a"])) > before, "it joined again"
        assert sum(c.broken for c in load.clients), "the kill was noticed"
        load.tell()
        check_logs(p, zones[0], load.kept)
        check_logs(p, zones[1], joined.kept)


def test_one_that_cannot_write_its_log():
    """It is alive and takes connections; its clients leave it, those that keep their connections too, and come back when it is cured."""
    zone = "log.haproxy.example"
    pdns(zone)
    with place() as p:
        handle = p.integrate(p.client())
        a = p.replicas["a"]
        with load_on(p, handle, zone) as load:
            load.more()
            segment = glob.glob(a.audit_dir + "/audit-*.jsonl")[0]
            os.chmod(a.audit_dir, 0o500)
            os.rename(segment, p.dir + "/away")
            wait_for(lambda: p.haproxy_says("Server any/a is DOWN"))
            load.more()
            assert a.process.poll() is None
            os.rename(p.dir + "/away", segment)
            os.chmod(a.audit_dir, 0o700)
            wait_for(lambda: p.haproxy_says("Server any/a is UP"))
        load.tell()
        check_logs(p, zone, load.kept)


def test_one_customer_on_one_replica():
    """By the name that the client asks TLS for: each shard's calls are in one log, both have some, and values at one name survive each other."""
    zone = "sharded.haproxy.example"
    pdns(zone)
    with place() as p:
        handle = p.integrate(p.client(), zones=[zone])
        shards = ["s%02x.gateway.example" % (16 * n) for n in range(16)]
        wait_for(lambda: all(Client(p.sharded_port, p.context, p.token, s).once("GET", "/readyz")[0] == 200 for s in shards))

        def write(item):
            shard, value = item
            client = Client(p.sharded_port, p.context, p.token, shard)
            answer = client.post("/add_record", {"integration_handle": handle, "record": {
                "fqdn": "_acme-challenge.%s.%s" % (shard[:3], zone), "type": "TXT", "value": value}})
            client.close()
            return answer[0]

        jobs = [(shard, "v%d" % n) for n in range(6) for shard in shards]
        assert together(write, jobs, 32) == [200] * len(jobs)
        where = {name: {l["fqdn"] for l in intents(g)} for name, g in p.replicas.items()}
        assert where["a"] and where["b"] and not where["a"] & where["b"], where
        assert len(P.all_txt(zone)) == len(jobs)
        # Case is the client's own.
        assert Client(p.sharded_port, p.context, p.token, shards[0].upper()).once("GET", "/healthz")[0] == 200


def test_what_is_not_tls_gets_nowhere():
    with place() as p:
        with socket.create_connection(("127.0.0.1", p.sharded_port), timeout=20) as s:
            s.sendall(b"POST /add_record HTTP/1.1\r\nHost: x\r\n\r\n")
            assert s.recv(100) == b""


if __name__ == "__main__":
    tap.main(globals())
