# SPDX-License-Identifier: ISC
"""A day's requests in minutes: no process grows, no descriptor is left over, no request fails that the plan does not account for.

An issuer with a million certificates of 47 days renews each when two thirds are over: 32,000 a day. Two names each, every one validated
anew, one record added and removed again: 128,000 calls, and some for new customers and by mistake. That is what is sent here, as fast as it
goes. Only the requests are compressed: what goes by the clock (a checkpoint each ten minutes, a heartbeat) is as often as it is in minutes.

SOAK_REQUESTS: another number of calls.
"""
import contextlib
import http.client
import json
import os
import random
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

import tap
from cloudflare_server import cloudflare
from common import NO_LIMITS, credentials, pdns
from dns_answers import NS, A, NameServer, Question, record
from servers import BINARY, CA, ROOT, Postern, exchange, has_symbol, wait_for

DAY = 130000
CALLS = int(os.environ.get("SOAK_REQUESTS", DAY))
ZONES, CUSTOMERS = 60, 300
CLIENTS = 12  # the first of them at a real PowerDNS, the others at a provider in memory, which is quicker
RELOADS = 24
ROLES = ["front", "vault", "scribe", "planner", "planner-self", "courier", "courier-self", "resolver"]
WARM = 0.4   # of all calls; the roles are killed before
GROWTH_KIB = 256  # by a day's calls: one small allocation in sixteen calls that nobody frees

CONF = """
listen = {{"127.0.0.1:0"}}
tls {{
	listen = {{"127.0.0.1:0"}}
	certificate = "{d}/server.pem"
	key = "{d}/server.key"
}}
audit_dir = "{d}/audit"
callers = "{d}/callers"
ca_file = "{ca}"
root_key "a" {{ file = "{d}/a.key" }}
self_hosted {{ plain_http = {{"127.0.0.1"}} }}
resolver {{ servers = {{"127.0.0.1:{dns}"}} allow = {{"127.9.9.9"}} }}
provider "cloudflare" {{ base = "https://127.0.0.1:{port}/client/v4" }}
audit {{ segment_size = 8 origin = "soak.example/log" checkpoint_keys = {{"{d}/checkpoint.key"}} }}
"""


class Gateway(Postern):
    """With .secure and .plain, its addresses with TLS and without, and .greedy, the token of a caller that may do little."""

    def __init__(self, d, ca, port, dns):
        self.dir, self.secure, self.plain = d, None, None
        for key in ("a", "checkpoint"):
            subprocess.run([BINARY, "keygen", "%s/%s.key" % (d, key)], check=True, capture_output=True)
        token, line = self.caller("issuer")
        self.greedy, greedy_line = self.caller("greedy")
        self.put("callers", "%s rate=none zones=none\n%s rate=20 burst=20\n" % (line, greedy_line))
        for name, path in zip(("server.pem", "server.key"), ca.issue("127.0.0.1")):
            with open(path) as f:
                self.put(name, f.read())
        self.put("postern.conf", CONF.format(d=d, ca=ca.file, port=port, dns=dns) + NO_LIMITS)
        super().__init__(config=d + "/postern.conf", token=token, audit_dir=d + "/audit")

    def caller(self, name):
        return subprocess.run([BINARY, "keygen", "--token", name], check=True, capture_output=True, text=True).stdout.splitlines()[:2]

    def put(self, name, text):
        with open(os.path.join(self.dir, name), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)

    def read_start(self):
        while not (self.secure and self.plain):
            line = self.process.stdout.readline()
            assert line.startswith("listen="), line
            parts = urllib.parse.urlsplit(line.strip()[7:])
            if parts.scheme == "https":
                self.secure = parts.hostname, parts.port
            else:
                self.plain, self.url = (parts.hostname, parts.port), line.strip()[7:]


def private_kib(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(("Private_Clean", "Private_Dirty")))


class Soak:
    """What all know of each other: how far it is, what may go wrong just now, and what did."""

    def __init__(self, g, context):
        self.g, self.context = g, context
        self.done, self.lock, self.over = 0, threading.Lock(), threading.Event()
        self.trouble = 0.0   # until then calls may fail: a role was killed
        self.sent_again, self.errors = 0, []
        self.abandoned = set()  # (name, value) of records whose client did not wait
        self.samples = {}    # process id -> (name, [(calls done, KiB, descriptors)])

    def count(self):
        with self.lock:
            self.done += 1
            return self.done

    def wait_for_share(self, share):
        """Until that share of the calls is done. False: it is over."""
        return wait_for(lambda: self.done >= share * CALLS or self.over.is_set(), 3600) and not self.over.is_set()

    def excused(self):
        return time.monotonic() < self.trouble

    def guard(self, fn, *args):
        try:
            fn(*args)
        except Exception as e:  # noqa: BLE001: it ends the test, from whichever thread
            self.errors.append(e)
            self.over.set()


class Client:
    """Keeps its connection; sends a call again where the plan says that it may have failed."""

    def __init__(self, soak, number):
        self.soak, self.connection, self.random = soak, None, random.Random(number)
        self.repeated = False  # may the last call have been carried out before?
        if number % 2:
            self.connect = lambda: http.client.HTTPSConnection(*soak.g.secure, context=soak.context, timeout=60)
        else:
            self.connect = lambda: http.client.HTTPConnection(*soak.g.plain, timeout=60)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def send(self, path, body, token):
        if self.connection is None:
            self.connection = self.connect()
        self.connection.request("POST", path, json.dumps(body), {"Authorization": "Bearer " + token, "Content-Type": "application/json"})

    def once(self, path, body, token):
        try:
            self.send(path, body, token)
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException) as e:
            self.close()
            return None, repr(e)

    def go_away(self, path, body):
        """Send the call and do not wait for the answer."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            self.send(path, body, self.soak.g.token)
        self.close()
        if "record" in body:
            self.soak.abandoned.add((body["record"]["fqdn"], body["record"]["value"]))

    def post(self, path, body, want=200):
        """The answer; one call of the day's."""
        self.repeated = self.random.random() < 0.005
        if self.repeated:
            self.go_away(path, body)
        while True:
            status, answer = self.once(path, body, self.soak.g.token)
            if status == want:
                self.soak.count()
                return answer
            if not (status in (None, 502, 503, 504) and self.soak.excused()):
                raise AssertionError("not in the plan: %s %s" % (status, answer))
            self.repeated = True
            with self.soak.lock:
                self.soak.sent_again += 1
            time.sleep(0.05)


class Worker(Client):
    def __init__(self, soak, number, handles):
        """HANDLES: of the customers that are this one's, (zone, customer, handle)."""
        super().__init__(soak, number)
        self.handles, self.number = handles, number

    def run(self):
        turn = 0
        while self.soak.done < CALLS and not self.soak.over.is_set():
            self.renew(turn, *self.handles[turn % len(self.handles)])
            turn += 1
        self.close()

    def renew(self, turn, zone, customer, handle):
        """Two names: both records are there before the first goes, as while a certificate authority looks."""
        common = {"integration_handle": handle, "customer": customer}
        records = []
        for name in ("_acme-challenge", "_acme-challenge.w%d-%d" % (self.number, turn % 50)):
            record = {"fqdn": "%s.%s" % (name, zone), "type": "TXT", "value": "%s-%d-%d-%030x" % (customer, self.number, turn, turn),
                      "follow_cname": turn % 10 == 0}
            records.append(self.post("/add_record", dict(common, record=record))["record_handle"])
        if turn % 100 == 0:
            self.post("/get_zones", common)
            self.post("/inspect_handle", {"handle": records[0], "customer": customer})
            checked = self.post("/check_record", dict(common, record_handle=records[0]))
            assert [s["problem"] for s in checked["servers"]] == ["no_answer"], checked
            self.post("/add_record", dict(common, record={"fqdn": "_dmarc." + zone, "type": "TXT", "value": "v=DMARC1"}), want=403)
            self.post("/get_zones", {"integration_handle": handle, "customer": "another"}, want=422)
        for record in records:
            removed = self.post("/remove_record", dict(common, record_handle=record))["removed"]
            assert removed or self.repeated, "gone already, though nobody took it away"


def greedy(soak):
    """A caller that asks for far more than it may. It is no part of the day."""
    client, statuses = Client(soak, 0), {}
    while not soak.over.wait(0.01):
        status, _ = client.once("/inspect_handle", {"handle": "pti1_x"}, soak.g.greedy)
        assert status in (422, 429) or soak.excused(), status
        statuses[status] = statuses.get(status, 0) + 1
    client.close()
    assert statuses.get(429, 0) > statuses.get(422, 0), statuses
    tap.comment("the greedy caller: %s" % statuses)


def reload(soak):
    """Each hour."""
    for hour in range(RELOADS):
        if not soak.wait_for_share((hour + 0.5) / RELOADS):
            return
        soak.g.reload()


def kill_roles(soak):
    """Each role once. Until it is back, and a little longer for answers on the way, calls may fail."""
    for n, role in enumerate(ROLES):
        if not soak.wait_for_share((n + 1) * WARM / (len(ROLES) + 2)):
            return
        name = "postern-" + role
        old = wait_for(lambda name=name: soak.g.pids().get(name), 30)  # some are there when somebody needs them
        soak.trouble = float("inf")
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: soak.g.pids().get(name, old) != old and ready(soak.g), 30)
        soak.trouble = time.monotonic() + 2


def ready(g):
    with contextlib.suppress(OSError):
        return exchange(g.url, "GET", "/readyz")[0] == 200


def sample(soak):
    while not soak.over.wait(1):
        for name, pid in dict(soak.g.pids(), postern=soak.g.pid).items():
            with contextlib.suppress(OSError):  # it was killed just now
                now = soak.done, private_kib(pid), len(os.listdir("/proc/%d/fd" % pid))
                soak.samples.setdefault(pid, (name, []))[1].append(now)


def slope(points):
    """Of the line through POINTS, by least squares."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    return sum((x - mx) * (y - my) for x, y in points) / (sum((x - mx) ** 2 for x, _ in points) or 1)


def check_growth(soak):
    problems = []
    for name, pid in sorted(dict(soak.g.pids(), postern=soak.g.pid).items()):
        points = [p for p in soak.samples[pid][1] if p[0] >= WARM * CALLS]
        assert len(points) >= 10, "too few samples"
        kib, fds = (sorted(p[i] for p in points) for i in (1, 2))
        growth = slope([(x, y) for x, y, _ in points]) * CALLS
        more = slope([(x, fds_then) for x, _, fds_then in points]) * CALLS
        tap.comment("%-20s %6d KiB (%d to %d), by all calls %+5.0f KiB; %d to %d descriptors, %+.1f" % (
            name, kib[len(kib) // 2], kib[0], kib[-1], growth, fds[0], fds[-1], more))
        if growth > GROWTH_KIB or more > 5:
            problems.append(name)
    assert not problems, "these grow: %s" % problems


def check_log(g):
    lines = g.audit()
    counts = {}
    for line in lines:
        counts[line["event"]] = counts.get(line["event"], 0) + 1
    tap.comment("the log: %d lines in %d segments; %s" % (len(lines), len([n for n in os.listdir(g.audit_dir) if n.endswith(".jsonl")]), {
        e: counts[e] for e in ("add_record.intent", "remove_record.intent", "role.restart", "calls.refused")}))
    assert counts["role.restart"] == len(ROLES)
    assert g.cli("audit", "unresolved", "--config", g.dir + "/postern.conf").stdout == ""
    done = g.cli("audit", "verify", "--config", g.dir + "/postern.conf")
    assert done.returncode == 0 and done.stdout.startswith("good: "), done.stdout


class DNS(NameServer):
    """What the resolver asks: no name is a CNAME, and each zone has a server at an address where none is."""

    def reply(self, message, tcp):
        q = Question(message, tcp)
        said = {NS: [record(None, NS, "ns.soak.example")], A: [record(None, A, "127.9.9.9")]}
        return q.answer(*said.get(q.type, []))


def left(port, context):
    """The (name, content) of the records that Cloudflare has."""
    with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", port, context=context)) as c:
        c.request("GET", "/left")
        return {(name, content.strip('"')) for name, content in json.loads(c.getresponse().read())}


def integrations(g, p):
    """For each client those of its customers: (zone, customer, handle)."""
    def integrate(name, body):
        status, answer = g.post("/make_integration", dict(body, customer=name, verify=False))
        assert status == 200, answer
        return answer["integration_handle"]

    cloud = {"provider": "cloudflare", "credentials": {"api_token": "t" * 40}}
    own = {"provider": "powerdns", "credentials": credentials(p)}
    handles = [[] for _ in range(CLIENTS)]
    for n in range(CUSTOMERS):
        turn, name = n % CLIENTS, "customer-%d" % n
        zone = "z%d.soak.example" % (n % ZONES)
        handles[turn].append((zone, name, integrate(name, own if turn == 0 else cloud)))
    return handles


def run(g, context, p):
    soak = Soak(g, context)
    workers = [Worker(soak, n, handles) for n, handles in enumerate(integrations(g, p))]
    others = [threading.Thread(target=soak.guard, args=(fn, soak)) for fn in (sample, greedy, reload, kill_roles)]
    threads = [threading.Thread(target=soak.guard, args=(w.run,)) for w in workers]
    began = time.monotonic()
    for t in others + threads:
        t.start()
    for t in threads:
        t.join()
    seconds = time.monotonic() - began
    soak.over.set()
    for t in others:
        t.join()
    tap.comment("%d calls, %.1f hours' worth, in %.0f s: %.0f a second; %d sent again, all of them while a process was being started" % (
        soak.done, soak.done / DAY * 24, seconds, soak.done / seconds, soak.sent_again))
    if soak.errors:
        raise soak.errors[0]
    return soak


def test_a_day():
    if has_symbol("__asan_init"):
        raise tap.Skip("AddressSanitizer keeps what was freed")
    ca = CA()
    context = ssl.create_default_context(cafile=ca.file)
    p = pdns(*("z%d.soak.example" % n for n in range(0, ZONES, CLIENTS)))
    with tempfile.TemporaryDirectory() as d, cloudflare(ca, ZONES) as port, DNS("127.0.0.1", 0) as dns:
        os.chmod(d, 0o755)
        g = Gateway(d, ca, port, dns.port)
        try:
            soak = run(g, context, p)
            wait_for(lambda: not g.cli("audit", "unresolved", "--config", d + "/postern.conf").stdout)
            check_log(g)
            check_growth(soak)
            # An add whose client went away may be carried out behind all that the client did next. Nothing else is left.
            there = left(port, context) | {r for n in range(0, ZONES, CLIENTS) for r in p.all_txt("z%d.soak.example" % n)}
            assert not there - soak.abandoned, there - soak.abandoned
            tap.comment("clients went away from %d adds; %d of their records are left" % (len(soak.abandoned), len(there)))
        finally:
            g.stop()
    ca.close()


if __name__ == "__main__":
    tap.main(globals())
