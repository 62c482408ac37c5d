# SPDX-License-Identifier: ISC
"""The Nth call of a role to the kernel, or to malloc, fails, for N = 1, 2, 3… until a record was added and removed without meeting it.

Each time: every change was on record before it was made, an answer of 200 is true, the next call is served; in the end the log verifies, and each intent has its outcome.
"""
import contextlib
import errno
import os
import tempfile
import time

import tap
from common import add, refused, wake
from injected import ALL, ROLES, STEP, Injected, Lab, call, check_end, soon
from servers import has_symbol
from service import Notified

ZONE = "injected.example"
INTERRUPTED = "epoll_wait,recvmsg,sendmsg,pwrite64,recvfrom,sendto,accept4,poll"


def each(tag, role, calls, action, step, harmless=False):
    """Let one call after the other fail: a fresh gateway over the same log whenever one was hurt. HARMLESS: nobody may notice."""
    with tempfile.TemporaryDirectory() as d, Lab(tag + "." + ZONE, d) as lab:
        g, nth, met = None, 1, True
        while met:
            if g is None:
                g = Injected(state_dir=d)
                handle, pids = lab.integrate(g), g.pids()
            g.arm(role, calls, nth, action)
            before = lab.statuses[200]
            wrong = lab.add_and_remove(g, handle)
            if harmless and lab.statuses[200] != before + 2:
                wrong.append("it was noticed")
            _, met, name = g.disarm()
            if nth == 1 and not met:
                g.stop()
                raise tap.Skip("it makes no such call")  # AddressSanitizer has allocators of its own
            lab.injected[name] += met
            if not soon(lambda: lab.serves(g, handle)):
                wrong.append("does not serve afterwards: " + g.stderr_text()[-1000:])
            if wrong or g.pids() != pids or not met:
                wrong += check_end(g, lab)
                g = None
            lab.wrong += ["%s %s %d: %s" % (role, name, nth, w) for w in wrong]
            nth += step


def make(tag, role, calls, action, step, **kw):
    return lambda: each(tag, role, calls, action, 1 if ALL else step * STEP, **kw)


for _role in ROLES:
    _tag = _role.replace("postern-", "").replace("-self", "")
    globals()["test_call_fails_" + _tag] = make("call-" + _tag, _role, "*", "fail", 23)
    globals()["test_allocation_fails_" + _tag] = make("malloc-" + _tag, _role, "malloc", "fail", 61)

    globals()["test_interrupted_" + _tag] = make("eintr-" + _tag, _role, INTERRUPTED, "error=%d" % errno.EINTR, 17,
                                                 harmless=True)


def test_one_byte_at_a_time():
    """Every read and write is short, for all roles."""
    with tempfile.TemporaryDirectory() as d, Lab("short." + ZONE, d) as lab:
        g = Injected(state_dir=d, first=("*", "pwrite64,recvfrom,sendto", 1, "short+"))
        lab.wrong += lab.add_and_remove(g, lab.integrate(g))
        assert lab.statuses == {200: 2}, lab.statuses
        lab.injected["short"] += g.disarm()[1]
        lab.wrong += check_end(g, lab)


def refused_while(tag, calls, error):
    """The disk fails from one moment on, and is well again later."""
    with tempfile.TemporaryDirectory() as d, Lab(tag + "." + ZONE, d) as lab:
        g = Injected(state_dir=d)
        handle = lab.integrate(g)
        del lab.upstream.requests[:]
        g.arm("postern-scribe", calls, 1, "error+=%d" % error)
        for _ in range(3):
            refused(add(g, handle, lab.name(), "v"), 503, "audit_unavailable")
            assert not [r for r in lab.upstream.requests if r.method == "PATCH"]
            assert g.get("/readyz")[0] == 503
        _, met, name = g.disarm()
        lab.injected[name] += met
        assert met and soon(lambda: g.get("/readyz")[0] == 200) and lab.serves(g, handle)
        lab.wrong += check_end(g, lab)


def test_full_disk():
    refused_while("full", "pwrite64,fallocate", errno.ENOSPC)
    refused_while("quota", "pwrite64", errno.EDQUOT)


def test_disk_that_fails():
    refused_while("eio", "pwrite64", errno.EIO)
    refused_while("sync", "fdatasync", errno.EIO)


def test_clock_jumps():
    """A year ahead, and back: calls go on, the log verifies, what expires goes by the clock."""
    year, hour = 365 * 86400, 3600
    with tempfile.TemporaryDirectory() as d, Lab("clock." + ZONE, d) as lab:
        g = Injected(state_dir=d)
        handle = lab.integrate(g)
        soon_over = lab.integrate(g, expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + hour)))
        for jump in (0, year, -year, 0, 60 * year, 2 * hour):
            g.set_clock(jump)
            lab.wrong += lab.add_and_remove(g, handle)
            status = add(g, soon_over, lab.name(), "v")[0]
            assert status == (422 if jump > hour else 200), (jump, status)
        assert lab.statuses == {200: 12}, lab.statuses
        lab.wrong += check_end(g, lab)


def starts(process, nth, lab, env):
    """It serves although a call failed at its start, or it ends and says why. Whether one failed, and what is wrong."""
    with tempfile.TemporaryDirectory() as d:
        lab.upstream.audit_dir = d + "/audit"
        try:
            g = Injected(state_dir=d, first=(process, "*", nth, "fail"), env=env)
        except AssertionError as e:
            said = str(e)
            return True, [] if "ended with status" in said and "status 0" not in said else [said]
        call(lambda: wake(g))
        _, met, name = g.disarm()
        lab.injected[name] += met
        # A role that fails once it serves is started again, and a call that meets that is told so.
        serves = soon(lambda: call(lambda: lab.try_integrate(g))[0] == 200 and lab.serves(g, lab.integrate(g)))
        wrong = lab.upstream.take() + ([] if serves else ["does not serve"])
        return met, wrong + check_end(g, lab)


def at_start(process, step):
    if has_symbol("__asan_init"):
        raise tap.Skip("AddressSanitizer asks for memory first, and ends the program without it")
    with tempfile.TemporaryDirectory() as d, Lab("start-%s.%s" % (process, ZONE), d) as lab, contextlib.closing(Notified()) as told:
        nth, met = 1, True
        env = {**os.environ, "NOTIFY_SOCKET": told.name, "WATCHDOG_USEC": "500000"}
        while met:
            met, wrong = starts(process, nth, lab, env)
            lab.wrong += ["%s %d: %s" % (process, nth, w) for w in wrong]
            nth += step if not ALL else 1


def test_start_of_the_supervisor():
    at_start("postern", 61)


def test_start_of_roles():
    for role in [*ROLES, "postern-resolver"]:
        at_start(role, 41)


if __name__ == "__main__":
    tap.main(globals())
