# SPDX-License-Identifier: ISC
"""A role that breaks the rules of an edge is ended and restarted; the one that it spoke to goes on, and so does the service."""
import ctypes
import os
import socket

import tap
from common import add, added, gateway, integrate, pdns
from servers import wait_for

ZONE = "edges.example"
P = pdns(ZONE)
PIDFD_OPEN, PIDFD_GETFD = 434, 438
libc = ctypes.CDLL(None, use_errno=True)


def sockets(pid):
    """Copies of all SOCK_SEQPACKET sockets of a process but its edge to the supervisor, which is its descriptor 3."""
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    found = []
    for name in os.listdir("/proc/%d/fd" % pid):
        if name == "3" or not os.readlink("/proc/%d/fd/%s" % (pid, name)).startswith("socket:"):
            continue
        fd = libc.syscall(PIDFD_GETFD, pidfd, int(name), 0)
        if fd < 0:
            raise tap.Skip("the kernel gives no copies of other processes' sockets")
        s = socket.socket(fileno=fd)
        if s.type == socket.SOCK_SEQPACKET:
            found.append(s)
        else:
            s.close()
    os.close(pidfd)
    return found


def misbehave(sender, message):
    """Say MESSAGE on every edge of SENDER, in its name."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to speak in another process's name")
    with gateway() as g:
        handle = integrate(g, P)
        before = g.pids()
        for s in sockets(before[sender]):
            try:
                s.send(message)
            except OSError:
                pass
            s.close()
        after = wait_for(lambda: g.pids() if g.pids().get(sender, before[sender]) != before[sender] and
                         len(g.pids()) == len(before) else None, 5)
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {sender}, changed
        assert any(l["event"] == "role.restart" and sender in l["value"] for l in
                   wait_for(lambda: [l for l in g.audit() if l["event"] == "role.restart"], 5))
        wait_for(lambda: add(g, handle, "_acme-challenge.after." + ZONE, "v")[0] == 200, 5)
        assert "malformed" in g.stderr_text() or "must not" in g.stderr_text()


def test_front():
    misbehave("postern-front", b"\xff\xff")


def test_front_too_short():
    misbehave("postern-front", b"\0\1\0\0")


def test_planner():
    misbehave("postern-planner-self", b"\xff")


def test_courier():
    misbehave("postern-courier-self", b"\xff")


def test_scribe():
    misbehave("postern-scribe", b"\0\0")


def test_vault():
    """What it may not say: a scribe's answer."""
    misbehave("postern-vault", b"\0\2" + b"\0" * 80)


def test_back_off():
    """One that breaks again and again is started more and more slowly, and nothing else suffers."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to speak in another process's name")
    with gateway() as g:
        handle = integrate(g, P)
        for _ in range(4):
            pid = wait_for(lambda: g.pids().get("postern-planner"), 5)
            for s in sockets(pid):
                try:
                    s.send(b"\xff")
                except OSError:
                    pass
                s.close()
            wait_for(lambda: g.pids().get("postern-planner", pid) != pid, 5)
            added(g, handle, "_acme-challenge.meanwhile." + ZONE, "v")
        assert "started again in 100 ms" in g.stderr_text() and "started again in 200 ms" in g.stderr_text()


if __name__ == "__main__":
    tap.main(globals())
