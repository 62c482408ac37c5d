# SPDX-License-Identifier: ISC
"""Clean Debian systems in directories (debootstrap), and such a one booted (systemd-nspawn)."""
import fcntl
import os
import shutil
import signal
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = ROOT + "/build-roots"
RELEASE = "bookworm"
BOOT_SECONDS = 60
TOOLS = {"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "dpkg-deb": "dpkg"}
APT = ["apt-get", "-q", "-y", "-o", "APT::Sandbox::User=root", "-o", "Dpkg::Use-Pty=0"]
# What systemd 252's own list for containers lacks.
NSPAWN = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--console=pipe",
          "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self"]
# Nothing of who runs the tests goes in.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def what_is_missing():
    """Why no machine can be made here; None when it can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = sorted(package for tool, package in TOOLS.items() if not shutil.which(tool))
    if missing:
        return "needs the packages " + " ".join(missing)
    if not mirrors():
        return "apt has no source of Debian 12 here"
    return None


def mirrors():
    """The lines of a sources.list: of Debian's own sources that this machine has, and no others."""
    out = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(SITE)|$(CODENAME)|$(RELEASE)|$(COMPONENT)",
                          "Created-By: Packages"], stdout=subprocess.PIPE, text=True).stdout
    rows = sorted({tuple(line.split("|")) for line in out.splitlines()})
    return ["deb %s %s main" % (site, release) for origin, site, codename, release, component in rows
            if origin == "Debian" and component == "main" and release.startswith(RELEASE) and site.startswith("http")]


def inside(directory, *command, network=True, bind=(), **kw):
    """COMMAND in the system that lies in DIRECTORY, which is not booted."""
    args = [*NSPAWN, "-D", directory, "--as-pid2"]
    args += ["--bind=%s:%s" % pair for pair in bind]
    args += ["--setenv=%s=%s" % pair for pair in ENVIRONMENT.items()]
    args += [] if network else ["--private-network"]
    return said(args + ["--", *command], **kw)


def said(args, check=True, input=None):
    """(what it said), or an error that has all of it."""
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", input=input,
                          stdin=subprocess.DEVNULL if input is None else None)
    if check and done.returncode:
        raise AssertionError("%s: status %d\n%s" % (args, done.returncode, "\n".join(done.stdout.splitlines()[-60:])))
    return done.stdout if check else (done.returncode, done.stdout)


def base():
    """What debootstrap makes; kept for the next time."""
    os.makedirs(CACHE + "/archives/partial", exist_ok=True)
    path = CACHE + "/base"
    with open(CACHE + "/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(path):
            return path
        shutil.rmtree(path + ".new", ignore_errors=True)
        lines = mirrors()
        said(["debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", RELEASE, path + ".new",
              next(line.split()[1] for line in lines if line.split()[2] == RELEASE)])
        with open(path + ".new/etc/apt/sources.list", "w") as f:
            f.write("\n".join(lines) + "\n")
        with open(path + ".new/etc/hosts", "w") as f:
            f.write("127.0.0.1 localhost\n::1 localhost\n")
        os.rename(path + ".new", path)
    return path


def fresh(name, *packages):
    """A new directory CACHE/NAME with a system that has PACKAGES too; what was there is gone."""
    path = CACHE + "/" + name
    delete(name)
    subprocess.run(["cp", "-a", "--reflink=auto", base(), path], check=True)
    with open(path + "/etc/resolv.conf", "wb") as f, open("/etc/resolv.conf", "rb") as ours:
        f.write(ours.read())
    with open(path + "/usr/sbin/policy-rc.d", "w", opener=lambda p, f: os.open(p, f, 0o755)) as f:
        f.write("#!/bin/sh\nexit 101\n")
    apt(path, "update")
    if packages:
        apt(path, "install", "--no-install-recommends", *packages)
    os.unlink(path + "/usr/sbin/policy-rc.d")
    return path


def apt(path, *args):
    return inside(path, *APT, *args, bind=[(CACHE + "/archives", "/var/cache/apt/archives")])


def delete(name):
    subprocess.run(["rm", "-rf", "--one-file-system", CACHE + "/" + name], check=True)


class Machine:
    """A booted one, without a network."""

    def __init__(self, directory):
        self.directory = directory
        self.leader = None
        with open(directory + ".console", "wb") as console:
            self.process = subprocess.Popen(
                [*NSPAWN, "-D", directory, "--private-network", "--bind=%s:/var/cache/apt/archives" % (CACHE + "/archives"), "-b"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            self.wait(self.is_up, BOOT_SECONDS, "the system does not come up")
        except BaseException:
            self.kill()
            raise

    def wait(self, fn, seconds, what):
        end = time.monotonic() + seconds
        while True:
            result = fn()
            if result:
                return result
            if self.process.poll() is not None or time.monotonic() > end:
                with open(self.directory + ".console", errors="replace") as f:
                    raise AssertionError("%s:\n%s" % (what, f.read()[-3000:]))
            time.sleep(0.05)

    def is_up(self):
        # Its first child may be one that only prepares the second.
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
            self.leader = next(iter(f.read().split()), None)
        return self.leader and self.try_run("systemctl", "is-system-running")[1].strip() in ("running", "degraded")

    def command(self, *command):
        env = ["%s=%s" % pair for pair in ENVIRONMENT.items()]
        return ["nsenter", "-t", self.leader, "-a", "--", "env", "-i", "-C", "/root", *env, *command]

    def run(self, *command, **kw):
        return said(self.command(*command), **kw)

    def try_run(self, *command):
        """(status, what it said)"""
        return said(self.command(*command), check=False)

    def start(self, *command):
        """The process; it must be waited for."""
        return subprocess.Popen(self.command(*command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def apt(self, *args):
        """From what was downloaded before."""
        return self.run(*APT, "--no-install-recommends", "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold", *args)

    def path(self, inside_path):
        """Where a file of it is for us."""
        return self.directory + inside_path

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", opener=lambda p, f: os.open(p, f, mode)) as f:
            f.write(text)

    def read(self, path):
        with open(self.path(path)) as f:
            return f.read()

    def stop(self):
        self.try_run("systemctl", "poweroff", "--no-block")
        try:
            self.process.wait(BOOT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """As if the power failed."""
        # Its end is systemd-nspawn's end; not so the other way round.
        if self.leader and self.process.poll() is None:
            os.kill(int(self.leader), signal.SIGKILL)
        try:
            self.process.wait(BOOT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
