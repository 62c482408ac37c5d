# SPDX-License-Identifier: ISC
"""Providers that mean harm: they say whatever bytes the test wants, for as long as it wants."""
import contextlib
import os
import threading

from servers import Connection, FakeUpstream

MIB = 1024 * 1024


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
        self.g, self.pids = g, g.pids()
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
