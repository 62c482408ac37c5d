# SPDX-License-Identifier: ISC
"""A gateway whose system calls and allocations fail when a test says so: it runs under tests/tools/inject, which has the words.

With POSTERN_FAULTS=all each call fails in turn, else one in some.
"""
import collections
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading

import tap
from common import add, credentials, pdns, remove
from servers import BINARY, ROOT, FakeUpstream, Postern, has_symbol, wait_for

TOOL = os.environ.get("INJECT_TOOL", ROOT + "/build/tests/tools/inject")
ALL = os.environ.get("POSTERN_FAULTS") == "all"
# Of a run of `make check` it takes one in STEP times what the test says: the sanitized build is slower, and each place is looked at in the other one too.
STEP = 3 if has_symbol("__asan_init") else 1
ROLES = ["postern-front", "postern-vault", "postern-scribe", "postern-planner-self", "postern-courier-self"]


class Injected(Postern):
    """With FIRST, (process, calls, nth, action): armed from the first system call on."""

    def __init__(self, first=None, **kw):
        if not os.path.exists(TOOL) or os.geteuid() != 0:
            raise tap.Skip("needs root and x86-64")
        if has_symbol("__gcov_dump"):
            raise tap.Skip("what gcov does with its files is no business of the gateway's")
        ours, its = socket.socketpair()
        self.first = first
        self.control, self.lines = ours, ours.makefile("r")
        self.wrapper, self.pass_fds = (TOOL, str(its.fileno())), (its.fileno(),)
        self.send("arm %s %s %d %s" % (first or ("*", "*", 1, "count")))
        try:
            with its:
                super().__init__(**kw)
        except BaseException:
            self.close()
            raise

    def failed_to_start(self):
        """Where a test makes it fail, that is what the test looks at."""
        if self.first is None:
            super().failed_to_start()

    def wait_until_ready(self):
        """The connection that asks may be the one that fails."""
        wait_for(lambda: call(lambda: self.get("/readyz"))[0] == 200, 20)

    def send(self, line):
        self.control.sendall(line.encode())

    def read_start(self):
        assert self.lines.readline() == "armed\n"
        super().read_start()
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
            self.pid = int(f.read())

    def ask(self, line):
        with contextlib.suppress(BrokenPipeError):  # its last words are still to be read
            self.send(line)
        return self.lines.readline().rstrip("\n")

    def arm(self, process, calls, nth, action):
        assert self.ask("arm %s %s %d %s" % (process, calls, nth, action)) == "armed"

    def disarm(self):
        """(how many calls there were, how many failed, the last of these)"""
        seen, done, last = self.ask("disarm").split()
        return int(seen), int(done), last

    def set_clock(self, seconds):
        """It is that much later from now on."""
        assert self.ask("clock %d" % seconds) == "set"

    def durable(self):
        """Once all has ended: path -> (bytes that were synced, whether the name was)."""
        while self.lines.readline() != "ended\n":
            pass
        lines = iter(lambda: self.lines.readline().rstrip("\n"), "")
        found = {}
        for size, named, path in (line.split(" ", 2) for line in lines):
            found[path] = int(size), named == "1"
        return found

    def close(self):
        self.lines.close()
        self.control.close()

    def kill(self):
        """The tool ends all that it runs once nobody is at the other end."""
        with contextlib.suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        self.process.wait(20)
        self.process.stdout.close()
        self.close()

    def stop(self, seconds=20):
        """The gateway's own end: when the tool ends before, it takes everybody along."""
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        return super().stop(seconds)


class Lab:
    """A zone at a real server, and on the way to it somebody who looks whether each change is on record before it is made."""

    def __init__(self, zone, state_dir):
        self.zone = zone
        self.p = pdns(zone)
        self.upstream = Watch(self.p, state_dir + "/audit")
        self.number = 0
        self.injected = collections.Counter()
        self.statuses = collections.Counter()
        self.wrong = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.upstream.stop()
        tap.comment("%d faults: %s" % (sum(self.injected.values()), dict(self.injected.most_common())))
        tap.comment("answers: %s" % dict(self.statuses))
        if kind is None:
            assert not self.wrong, "\n".join(self.wrong[:20])

    def try_integrate(self, g, **kw):
        body = {"provider": "powerdns", "credentials": {**credentials(self.p), "url": self.upstream.url}, **kw}
        return g.post("/make_integration", body)

    def integrate(self, g, **kw):
        status, answer = self.try_integrate(g, **kw)
        assert status == 200, (status, answer)
        return answer["integration_handle"]

    def name(self):
        self.number += 1
        return "_acme-challenge.n%d.%s" % (self.number, self.zone)

    def has(self, name):
        return any(n == name for n, _ in self.p.all_txt(self.zone))

    def clean(self):
        """What calls that failed have left: the server's answers would grow, and with them what there is to fail."""
        left = {n for n, _ in self.p.all_txt(self.zone)}
        self.p.patch(self.zone, *({"name": n + ".", "type": "TXT", "changetype": "DELETE"} for n in left))

    def add_and_remove(self, g, handle):
        """The record comes and goes. [] or what an answer said that is not so; 0 is a connection that broke."""
        self.clean()
        name, wrong = self.name(), []
        status, answer = call(lambda: add(g, handle, name, "v"))
        self.statuses[status] += 1
        if status == 200 and not self.has(name):
            wrong.append("no record though the answer was 200")
        if status not in (0, 200, 502, 503, 504):
            wrong.append("add: %s %s" % (status, answer))
        if status == 200:
            status, answer = call(lambda: remove(g, handle, answer["record_handle"]))
            self.statuses[status] += 1
            if status == 200 and self.has(name):
                wrong.append("removed, and there")
            if status not in (0, 200, 502, 503, 504):
                wrong.append("remove: %s %s" % (status, answer))
        return wrong + self.upstream.take()

    def serves(self, g, handle):
        return call(lambda: add(g, handle, self.name(), "after"))[0] == 200


class Watch(FakeUpstream):
    """PowerDNS, where each change is on record before it is made."""

    def __init__(self, p, audit_dir):
        super().__init__(proxy=p.api_url)
        self.audit_dir, self.changes, self.wrong, self.lock = audit_dir, set(), [], threading.Lock()

    def answer(self, request):
        if request.method == "PATCH":
            with self.lock:
                self.look_at(request)
        return super().answer(request)

    def look_at(self, request):
        try:
            change = change_of(json.loads(request.body))
        except ValueError:
            self.wrong.append("half a change: %r" % request.body)
            return
        self.changes.add(change)
        if change not in self.on_record():
            self.wrong.append("a change without an intent: %s %s" % change)

    def on_record(self):
        found = set()
        for file in (n for n in os.listdir(self.audit_dir) if n.endswith(".jsonl")):
            with open(os.path.join(self.audit_dir, file), "rb") as f:
                lines = [json.loads(line) for line in f if b'.intent"' in line and line.endswith(b"\n")]
            found |= {(l["event"], l["fqdn"]) for l in lines}
        return found

    def look_back(self):
        """All that was ever changed is still on record, whatever happened to the disk."""
        with self.lock:
            self.wrong += ["a change without its intent: %s %s" % c for c in self.changes - self.on_record()]

    def take(self):
        with self.lock:
            wrong, self.wrong = self.wrong, []
        return wrong


def change_of(body):
    """(event, name) of the intent that a PATCH must have."""
    rrset, = body["rrsets"]
    removes = rrset["changetype"] in ("PRUNE", "DELETE") or not rrset["records"]
    return ("remove_record.intent" if removes else "add_record.intent"), rrset["name"].rstrip(".")


def call(fn):
    try:
        return fn()
    except OSError:
        return 0, None


def soon(predicate, seconds=10):
    """Whether it comes true within that time."""
    try:
        return bool(wait_for(predicate, seconds))
    except AssertionError:
        return False


def unpaired(lines):
    """Intents without an outcome, or with outcomes that differ: after a failed sync one may stand twice."""
    outcomes = collections.defaultdict(set)
    for l in lines:
        if l["event"].endswith(".outcome"):
            outcomes[l["request_id"]].add((l["result"], l["code"]))
    return [l["request_id"] for l in lines if l["event"].endswith(".intent") and len(outcomes[l["request_id"]]) != 1]


def audit_verify(g):
    """[] or what is wrong with the log."""
    key = next(l["value"] for l in g.audit() if l["event"] == "checkpoint.key")
    done = subprocess.run([BINARY, "audit", "verify", "--dir", g.audit_dir, "--key", key], capture_output=True, text=True)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def check_end(g, lab):
    """Nothing fails any more: the log is whole, and stays so over the stop. What is wrong."""
    soon(lambda: not unpaired(g.audit()), 5)
    wrong = ["an intent without an outcome: %s" % i for i in unpaired(g.audit())]
    said = g.stderr_text()
    g.stop()
    if lab.p.api_key in said:
        wrong.append("the provider's key on standard error")
    return wrong + audit_verify(g)
