# SPDX-License-Identifier: ISC
"""A program under a terminal (pty), and what it writes there."""
import contextlib
import os
import pty
import select
import subprocess


class Shown:
    """Its exit status, and the bytes on standard output and standard error, each a terminal or a pipe."""

    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr


def drain(fds):
    """All that comes from the descriptors, until each has ended."""
    got = {fd: b"" for fd in fds}
    left = set(fds)
    while left:
        for fd in select.select(left, [], [])[0]:
            try:
                chunk = os.read(fd, 65536)
            except OSError:  # a terminal whose other side is closed
                chunk = b""
            got[fd] += chunk
            if not chunk:
                left.discard(fd)
    return [got[fd] for fd in fds]


def show(args, terminals=("stdout", "stderr"), env=None):
    """Run ARGS with those of its outputs at terminals, $TERM as most have it, and ENV beside it."""
    with contextlib.ExitStack() as stack:
        ends = {}
        for name in "stdout", "stderr":
            ends[name] = pty.openpty() if name in terminals else os.pipe()
            stack.callback(os.close, ends[name][0])
        every = {**os.environ, "TERM": "xterm", **(env or {})}
        every.pop("NO_COLOR", None) if "NO_COLOR" not in (env or {}) else None
        process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=ends["stdout"][1], stderr=ends["stderr"][1], env=every)
        for _, theirs in ends.values():
            os.close(theirs)
        out, err = drain([ends["stdout"][0], ends["stderr"][0]])
        return Shown(process.wait(), out.replace(b"\r\n", b"\n"), err.replace(b"\r\n", b"\n"))
