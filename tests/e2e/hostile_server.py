# SPDX-License-Identifier: ISC
"""Providers that mean harm: they say whatever bytes the test wants, for as long as it wants."""
import base64
import contextlib
import os
import socket
import threading
import time

import tap
from common import everyone, integrate, pdns
from servers import Connection, FakeUpstream

MIB = 1024 * 1024
ZONE = "hostile.example"
KEY = "CANARYq7Zk2Vb9Xw4Lt8Rm1Ns5Hd3Gf6"
P = pdns(ZONE)


class RawConnection(Connection):
    def respond(self):
        self.server.count(1)
        try:
            self.server.say(self.socket, self.asked)
        finally:
            self.server.count(-1)


class Hostile(FakeUpstream):
    """.say(socket, request) answers each request, and the connection is closed after it. .open: connections that it holds now."""

    def __init__(self, say=None, **kw):
        self.open, self.counting = 0, threading.Lock()
        self.say = say
        super().__init__(**kw)
        self.RequestHandlerClass = RawConnection

    def count(self, n):
        with self.counting:
            self.open += n

    def stop(self):
        self.say = lambda socket, request: None
        super().stop()


def head(status="200 OK", length=None, **headers):
    """The head of an answer; names of HEADERS have "_" for "-"."""
    lines = ["HTTP/1.1 " + status] + ["%s: %s" % (k.replace("_", "-"), v) for k, v in headers.items()]
    if length is not None:
        lines.append("Content-Length: %d" % length)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def whole(body, status="200 OK", **headers):
    """A .say that gives BODY."""
    raw = head(status, len(body), **{"Content_Type": "application/json", "Connection": "close", **headers}) + body
    return lambda socket, request: socket.sendall(raw)


class Roles:
    """The gateway's processes as they are now, against what they are later."""

    def __init__(self, g):
        self.g, self.pids = g, everyone(g)
        self.fds = {name: self.count_fds(pid) for name, pid in self.pids.items()}

    @staticmethod
    def count_fds(pid):
        """None when we may not look."""
        with contextlib.suppress(PermissionError):
            return len(os.listdir("/proc/%d/fd" % pid))

    def peak(self, name):
        """MiB that the process ever had in memory."""
        with open("/proc/%d/status" % self.pids[name]) as f:
            return int([line for line in f if line.startswith("VmHWM")][0].split()[1]) // 1024

    def peaks(self):
        return {name.removeprefix("postern-"): self.peak(name) for name in self.pids}

    def all_alive(self):
        now = self.g.pids()
        assert now == self.pids, ("restarted", {n for n in now if now[n] != self.pids.get(n)}, self.g.stderr_text()[-2000:])


# MiB that the worst of it may ever take; docs/hostile.md has what was measured.
PEAK = {"postern-planner-self": 120, "postern-courier-self": 300, "postern-vault": 80, "postern-front": 80, "postern-scribe": 20,
        "postern-planner": 20, "postern-courier": 40, "postern-resolver": 20}


def sanitized(g):
    """With a sanitizer, whose shadow memory is huge, memory and time are not what they are."""
    with open("/proc/%d/maps" % g.pid) as f:
        spans = [line.split()[0].split("-") for line in f]
    return any(int(end, 16) - int(begin, 16) > 1 << 36 for begin, end in spans)


def make(g, up, key=KEY, **kw):
    status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": up.url, "api_key": key},
                                                  "verify": False, **kw})
    assert status == 200, answer
    return answer["integration_handle"]


def zones(g, handle):
    return g.post("/get_zones", {"integration_handle": handle}, timeout=90)


class Others:
    """Somebody with an honest provider, who asks all the time."""

    def __init__(self, g):
        self.g, self.handle, self.worst, self.count, self.over = g, integrate(g, P), 0, 0, False
        self.failed = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over and not self.failed:
            began = time.monotonic()
            status, answer = zones(self.g, self.handle)
            self.worst, self.count = max(self.worst, time.monotonic() - began), self.count + 1
            if status != 200:
                self.failed = status, answer

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.over = True
        self.thread.join()

    def served(self, seconds):
        """All of them, and none waited longer."""
        tap.comment("others: %d calls, the longest %.2f s" % (self.count, self.worst))
        assert not self.failed, self.failed
        assert self.count > 0 and self.worst < seconds, (self.count, self.worst)


def bounded(g, roles):
    roles.all_alive()
    tap.comment("peaks in MiB: %s" % roles.peaks())
    if not sanitized(g):
        for name, most in PEAK.items():
            assert roles.peak(name) < most, (name, roles.peaks())


def listen():
    """Something that takes connections and never speaks: for TLS, a handshake that does not end; for DNS, no answer."""
    return socket.create_server(("127.0.0.1", 0), backlog=64)


def update_server(g, port):
    """The answer to an integration of an RFC 2136 server there, not verified."""
    return g.post("/make_integration", {"provider": "rfc2136", "verify": False, "credentials": {
        "server": "127.0.0.1:%d" % port, "zones": ZONE, "tsig_name": "k", "tsig_algorithm": "hmac-sha256",
        "tsig_secret": base64.b64encode(KEY.encode()).decode()}})
