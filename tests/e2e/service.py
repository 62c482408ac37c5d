# SPDX-License-Identifier: ISC
"""The test plays the service manager: it holds the sockets that the gateway listens on, hears what it says of itself, and starts, reloads and stops it.

Run as a program it is what stands between fork and exec there: `service.py FD[,FD…] PROGRAM ARGS…` has these descriptors from 3 on, and sd_listen_fds(3)'s variables.
"""
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading


def hand_over(numbers, argv):
    """Become ARGV, with the descriptors NUMBERS from 3 on."""
    high = [os.dup2(n, 100 + i) for i, n in enumerate(numbers)]  # none is in another's place
    for i, n in enumerate(high):
        os.dup2(n, 3 + i)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)), LISTEN_FDNAMES=":".join("n" * len(numbers)))
    os.execv(argv[0], argv)


if __name__ == "__main__":
    hand_over([int(n) for n in filter(None, sys.argv[1].split(","))], sys.argv[2:])

from servers import BINARY, Postern  # noqa: E402: the program above needs none of it


class Notified:
    """NOTIFY_SOCKET, and all that came there."""

    def __init__(self, directory=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = directory + "/notify" if directory else "\0postern-test-%d-%d" % (os.getpid(), id(self))
        self.socket.bind(name)
        self.name = name.replace("\0", "@")
        self.lines, self.changed = [], threading.Condition()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            text = self.socket.recv(4096).decode()
            if not text:
                return
            with self.changed:
                self.lines += text.splitlines()
                self.changed.notify_all()

    def take(self, line, seconds=30):
        """Wait until LINE has come, or one that it is the begin of if it ends in "…"; forget it and all before. The line."""
        def found():
            return next((i for i, l in enumerate(self.lines) if l == line or (line[-1] == "…" and l.startswith(line[:-1]))), None)
        with self.changed:
            assert self.changed.wait_for(lambda: found() is not None, seconds), (line, self.lines)
            at = found()
            line, self.lines = self.lines[at], self.lines[at + 1:]
            return line

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


def listener(kind="tcp", path=None):
    """A socket that listens, as systemd opens it."""
    if path:
        s = socket.socket(socket.AF_UNIX)
        s.bind(path)
    else:
        s = socket.socket(socket.AF_INET6 if kind == "tcp6" else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::1" if kind == "tcp6" else "127.0.0.1", 0))
    s.listen(4096)
    return s


class Instance(Postern):
    """One run of the gateway below a Manager."""

    def __init__(self, manager, wait=True, env=None):
        self.manager, self.wait = manager, wait
        fds = [s.fileno() for s in manager.sockets]
        if fds:
            self.wrapper, self.pass_fds = (sys.executable, __file__, ",".join(map(str, fds))), tuple(fds)
        super().__init__(config=manager.dir + "/postern.conf", token=manager.token, audit_dir=manager.dir + "/audit",
                         env={**os.environ, "NOTIFY_SOCKET": manager.notified.name, **(env or {})})

    def read_start(self):
        """READY=1 says more."""
        if self.wait:
            self.manager.notified.take("READY=1")

    def wait_until_ready(self):
        pass

    def terminate(self):
        self.process.terminate()


class Manager:
    """A directory with a configuration, and the sockets: by default one for plain HTTP at .url, and what notifies."""

    def __init__(self, directory, more="", sockets=None, listen=None, notify_path=False):
        self.dir = directory
        os.chmod(directory, 0o755)
        self.sockets = [listener()] if sockets is None else sockets
        addresses = ["%s:%d" % s.getsockname()[:2] for s in self.sockets if s.family == socket.AF_INET]
        self.listen = listen if listen is not None else addresses
        self.url = "http://" + addresses[0] if addresses else None
        self.token, self.line = subprocess.run([BINARY, "keygen", "--token", "all", "--verbs", "all"], check=True,
                                               capture_output=True, text=True).stdout.splitlines()[:2]
        for name in "root.key", "checkpoint.key":
            subprocess.run([BINARY, "keygen", directory + "/" + name], check=True, capture_output=True)
        self.put("callers", self.line + "\n")
        self.more = more
        self.write()
        self.notified = Notified(directory if notify_path else None)

    def put(self, name, text):
        """Whole or not at all."""
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        os.rename(path + ".new", path)

    def write(self):
        listen = "listen = {%s}\n" % ", ".join('"%s"' % a for a in self.listen) if self.listen else ""
        limits = "" if "limits {" in self.more else "limits { caller_rate = none caller_zones = none integration_rate = none }\n"
        self.put("postern.conf", listen + limits + ('audit_dir = "{d}/audit"\ncallers = "{d}/callers"\nroot_key "a" {{ file = "{d}/root.key" }}\n'
                 'self_hosted {{ plain_http = {{"127.0.0.1"}} }}\n'
                 'audit {{ origin = "test" checkpoint_keys = {{"{d}/checkpoint.key"}} }}\n').format(d=self.dir) + self.more.replace("{d}", self.dir))

    def start(self, **kw):
        g = Instance(self, **kw)
        g.url = self.url
        return g

    @contextlib.contextmanager
    def running(self, **kw):
        g = self.start(**kw)
        try:
            yield g
        finally:
            g.stop()

    def try_start(self, env=None):
        """(exit status, standard error) of one that ends by itself; it is given a while."""
        g = Instance(self, wait=False, env=env)
        try:
            g.process.wait(20)
            return g.process.returncode, g.stderr_text()
        finally:
            g.kill()

    def close(self):
        self.notified.close()
        for s in self.sockets:
            s.close()


@contextlib.contextmanager
def manager(**kw):
    with tempfile.TemporaryDirectory() as d:
        made = [f(d) for f in kw.pop("open", [])]
        m = Manager(d, sockets=made or kw.pop("sockets", None), **kw)
        try:
            yield m
        finally:
            m.close()
