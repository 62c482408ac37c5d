# SPDX-License-Identifier: ISC
"""`postern hook` killed, or failed by the kernel, at each of its system calls in turn: nothing is left in DNS that `sweep` does not take away.

It runs under tests/tools/inject. With POSTERN_FAULTS=all at every call, else at one in some.
"""
import os
import socket
import subprocess

import tap
from acme_clients import acme_gateway, host
from common import integrate, pdns
from injected import ALL, STEP, TOOL
from servers import BINARY, SANITIZER, has_symbol

ZONE = "hook-faults.example"
NAME = "_acme-challenge." + ZONE
P = pdns(ZONE)
SAMPLE = 12 * STEP  # each action begins at another one


def hook(h, nth, action, *args):
    """(status, what it said, how many calls there were)"""
    ours, its = socket.socketpair()
    with ours, its:
        ours.sendall(b"arm postern * %d %s" % (nth, action.encode()))
        done = subprocess.run([TOOL, str(its.fileno()), BINARY, "hook", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=h.env, pass_fds=[its.fileno()], timeout=170)
        its.close()
        lines = ours.makefile("r").read().splitlines()
    return done.returncode, done.stderr, int(lines[1].split()[0])


def scenario(prepare, args, settle, actions):
    """PREPARE(host), then the hook with ARGS, disturbed; SETTLE(host, its status); then a sweep, and nothing is left. For ACTIONS at each call, or some."""
    if not os.path.exists(TOOL) or os.geteuid() != 0:
        raise tap.Skip("needs root and x86-64")
    if has_symbol("__gcov_dump"):
        raise tap.Skip("what gcov does with its files is no business of the hook's")
    if has_symbol("__asan_init"):
        actions = [a for a in actions if a != "fail"]  # its own calls, which are many, end it when they fail
    with acme_gateway(P) as g, host(g, integrate(g, P)) as h:
        prepare(h)
        status, said, calls = hook(h, 1, "count", *args)
        assert status == 0 and calls > 100, (status, said, calls)
        h.hook("sweep", "--older-than", "0s", check=True)
        tried = 0
        for offset, action in enumerate(actions):
            for nth in range(1 + 5 * offset % SAMPLE, calls + 1, 1 if ALL else SAMPLE):
                prepare(h)
                status, said, _ = hook(h, nth, action, *args)
                assert not SANITIZER.search(said), said
                assert action != "fail" or status != 0 or said == "", (nth, said)
                settle(h, status)
                swept = h.hook("sweep", "--older-than", "0s")
                left = os.listdir(h.state)
                assert (swept.returncode, swept.stderr, P.all_txt(ZONE), left) == (0, "", [], []), (action, nth, status, said, swept, P.all_txt(ZONE), left)
                tried += 1
        print("# %d of %d × %d" % (tried, calls, len(actions)))


def added(h, status):
    """Success is said only when it is there, and can be removed."""
    if status == 0:
        assert P.txt(NAME) == [b"value"] and len(h.entries()[0]["record_handles"]) == 1


def removed(h, status):
    if status == 0:
        assert P.txt(NAME) == []


def test_add():
    scenario(lambda h: None, ["add", NAME, "value"], added, ["kill", "killed", "fail"])


def test_remove():
    scenario(lambda h: h.hook("add", NAME, "value", check=True), ["remove", NAME, "value"], removed, ["kill", "killed", "fail"])


if __name__ == "__main__":
    tap.main(globals())
