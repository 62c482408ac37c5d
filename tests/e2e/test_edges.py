# SPDX-License-Identifier: ISC
"""A role that breaks the rules of an edge is ended and restarted; the one that it spoke to goes on, and so does the service."""
import collections
import concurrent.futures
import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import struct

import tap
from common import add, added, everyone, gateway, gateway_of, integrate, pdns, refused
from servers import ROOT, FakeUpstream, wait_for

ROLES = ["postern-front", "postern-vault", "postern-scribe", "postern-planner", "postern-planner-self",
         "postern-courier", "postern-courier-self", "postern-resolver"]
PROCS = ["postern"] + ROLES  # in the order of PROC_LIST
ZONE = "edges.example"
P = pdns(ZONE)
EDGES = open(ROOT + "/src/ipc/edges.h").read()
PIDFD_OPEN, PIDFD_GETFD = 434, 438
libc = ctypes.CDLL(None, use_errno=True)


def number_of(message):
    """On the wire a message is its place in its edge's list."""
    for messages in re.findall(r"_MESSAGES\(M\)((?:.*\\\n)+.*)", EDGES):
        names = re.findall(r"\bM\((\w+),[\s\\]*[AB]\)", messages)
        if message in names:
            return names.index(message)
    raise KeyError(message)


def sockets(pid, kind=socket.SOCK_SEQPACKET):
    """Copies of all sockets of a kind that a process has, but its edge to the supervisor, which is its descriptor 3."""
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    found = []
    for name in os.listdir("/proc/%d/fd" % pid):
        if name == "3" or not os.readlink("/proc/%d/fd/%s" % (pid, name)).startswith("socket:"):
            continue
        fd = libc.syscall(PIDFD_GETFD, pidfd, int(name), 0)
        if fd < 0:
            raise tap.Skip("the kernel gives no copies of other processes' sockets")
        s = socket.socket(fileno=fd)
        if s.type == kind:
            found.append(s)
        else:
            s.close()
    os.close(pidfd)
    return found


def misbehave(sender, message, others=()):
    """Say MESSAGE on every edge of SENDER, in its name. OTHERS: who may be ended with it."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to speak in another process's name")
    with gateway() as g:
        handle = integrate(g, P)
        before = everyone(g)
        for s in sockets(before[sender]):
            try:
                s.send(message)
            except OSError:
                pass
            s.close()
        after = wait_for(lambda: g.pids() if g.pids().get(sender, before[sender]) != before[sender] and
                         len(g.pids()) == len(before) else None, 5)
        changed = {name for name in before if before[name] != after[name]}
        assert sender in changed and changed <= {sender, *others}, changed
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


def test_resolver():
    misbehave("postern-resolver", b"\xff")


def test_scribe():
    misbehave("postern-scribe", b"\0\0")


def test_vault():
    """What it may not say: a scribe's answer. Whoever meets the network and denounces the vault goes with it."""
    misbehave("postern-vault", struct.pack(">HQBQ", number_of("sv_written"), 1, 1, 1) + b"\0" * 32, set(ROLES) - {"postern-scribe"})


def to_supervisor(g, role, message):
    pidfd = libc.syscall(PIDFD_OPEN, g.pids()[role], 0)
    fd = libc.syscall(PIDFD_GETFD, pidfd, 3, 0)
    os.close(pidfd)
    if fd < 0:
        raise tap.Skip("the kernel gives no copies of other processes' sockets")
    with socket.socket(fileno=fd) as s:
        s.send(message)


def denounce(g, role, peer, edge):
    """In ROLE's name, to the supervisor."""
    to_supervisor(g, role, struct.pack(">HBQ", number_of("r_bad_peer"), PROCS.index(peer), edge))


def test_slander():
    """A role cannot have others ended: not who it does not know, not for an edge that is gone, and not the vault without going too."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to speak in another process's name")
    with gateway() as g:
        integrate(g, P)
        before = g.pids()
        denounce(g, "postern-courier", "postern-vault", 0)
        denounce(g, "postern-courier", "postern-vault", 1 << 40)
        denounce(g, "postern-courier", "postern-scribe", 1)
        wait_for(lambda: g.pids().get("postern-courier", before["postern-courier"]) != before["postern-courier"], 5)
        after = wait_for(lambda: g.pids() if len(g.pids()) == len(before) else None, 5)
        assert {n for n in before if before[n] != after[n]} == {"postern-courier"}
        for edge in range(1, 64):
            try:
                denounce(g, "postern-courier", "postern-vault", edge)
            except (OSError, KeyError):
                break
        wait_for(lambda: g.pids().get("postern-vault", before["postern-vault"]) != before["postern-vault"], 5)
        wait_for(lambda: g.pids().get("postern-courier", after["postern-courier"]) != after["postern-courier"], 5)


def test_supervisor():
    """Whoever says to it what he must not is ended; an answer to no question is none, whatever is in it."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to speak in another process's name")
    with gateway() as g:
        handle = integrate(g, P)
        before = everyone(g)
        for role in ROLES:
            to_supervisor(g, role, struct.pack(">HQI", number_of("r_pong"), (1 << 64) - 1, (1 << 32) - 1) + text("READY=1\nx"))
            to_supervisor(g, role, struct.pack(">HQI", number_of("r_pong"), 0, 0) + text(""))
        added(g, handle, "_acme-challenge.unasked." + ZONE, "v")
        assert g.pids() == before
        for role, bad in (("postern-front", struct.pack(">HQI", number_of("r_pong"), 1, 0) + text("x" * 161)),
                          ("postern-planner", struct.pack(">HQ", number_of("r_pong"), 1)),
                          ("postern-courier", struct.pack(">HQ", number_of("s_ping"), 1))):
            old = g.pids()[role]
            to_supervisor(g, role, bad)
            wait_for(lambda role=role, old=old: g.pids().get(role, old) != old, 10)
        wait_for(lambda: served(g) and add(g, handle, "_acme-challenge.unasked2." + ZONE, "v")[0] == 200, 10)


def text(s):
    return struct.pack(">I", len(s)) + s.encode()




def test_listener_shut_down():
    """A front that was broken into stops listening; the next one listens again."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to take another process's socket")
    # Linux lets go of a port that it chose itself.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with gateway(port=port) as g:
        pid = g.pids()["postern-front"]
        for s in sockets(pid, socket.SOCK_STREAM):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        os.kill(pid, signal.SIGKILL)
        assert wait_for(lambda: served(g), 10)


def served(g):
    try:
        return g.get("/readyz")[0] == 200
    except OSError:
        return False


def test_request_id_of_another_call():
    """A broken front reuses the id of a change under way, so that its own failure would stand in the log as that change's end."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to speak in another process's name")
    with gateway() as g, FakeUpstream(proxy=P.api_url) as upstream:
        status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials":
                                                      {"url": upstream.url, "api_key": P.api_key}})
        assert status == 200, answer
        handle = answer["integration_handle"]
        upstream.hold_answers_to("PATCH")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(add, g, handle, "_acme-challenge.mine." + ZONE, "v")
            assert upstream.holding.wait(10)
            intent = [l for l in g.audit() if l["event"] == "add_record.intent"][-1]
            for s in sockets(g.pids()["postern-front"]):
                s.send(struct.pack(">HQ", number_of("fv_add_record"), 1 << 60) + text(intent["request_id"]) + text("dev") + text("") +
                       text(handle) + text("_acme-challenge.in.no.zone.example") + text("TXT") + text("v") + text("") +
                       struct.pack(">BBI", 0, 0, 60))
                s.close()
            assert g.post("/get_zones", {"integration_handle": handle})[0] == 200  # it was heard before this
            of_it = [l for l in g.audit() if l["request_id"] == intent["request_id"]]
            assert [l["event"] for l in of_it] == ["add_record.intent"], of_it
            upstream.release()
            assert call.result(20)[0] == 200
        of_it = wait_for(lambda: [l for l in g.audit() if l["request_id"] == intent["request_id"]][1:], 5)
        assert [l["result"] for l in of_it] == ["ok"], of_it
        refused(add(g, handle, "_acme-challenge.in.an.other.example", "v"), 422, "zone_not_found")  # takes as long
        assert not [r.path for r in upstream.requests if "no.zone" in r.path]


def test_back_off():
    """One that breaks again and again is started more and more slowly, and nothing else suffers."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to speak in another process's name")
    with gateway() as g:
        handle = integrate(g, P)
        for _ in range(4):
            pid = wait_for(lambda: g.pids().get("postern-planner"), 5)
            for s in wait_for(lambda pid=pid: sockets(pid), 5):  # it gets them once it is in its sandbox
                try:
                    s.send(b"\xff")
                except OSError:
                    pass
                s.close()
            wait_for(lambda: g.pids().get("postern-planner", pid) != pid, 5)
            added(g, handle, "_acme-challenge.meanwhile." + ZONE, "v")
        assert "started again in 100 ms" in g.stderr_text() and "started again in 200 ms" in g.stderr_text()


def begin_inspect(g, handle):
    """A connection on which that was asked."""
    s = socket.create_connection((g.host, g.port), 30)
    body = json.dumps({"handle": handle})
    s.sendall(("POST /inspect_handle HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
               "Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (g.token, len(body), body)).encode())
    return s


def status_of(s):
    with s, s.makefile("rb") as f:
        return int(f.read().split(b" ", 2)[1])


def test_vault_that_does_not_listen():
    """What waits for it in the front has a bound: beyond, calls are refused; the front lives, and what waited is answered."""
    calls, long = 1800, 24000
    with gateway_of("") as g:
        before = g.pids()
        os.kill(before["postern-vault"], signal.SIGSTOP)
        try:
            asked = [begin_inspect(g, "pti1_" + "x" * long) for _ in range(calls)]
            assert status_of(asked.pop()) == 503
        finally:
            os.kill(before["postern-vault"], signal.SIGCONT)
        answers = collections.Counter(status_of(s) for s in asked)
        assert set(answers) == {422, 503} and answers[422] * long > 24 << 20, answers
        assert g.pids() == before and g.get("/readyz")[0] == 200


if __name__ == "__main__":
    tap.main(globals())
