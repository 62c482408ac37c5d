#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The Debian package: built, installed, used, upgraded, removed and purged in clean systems, one test after the other.

Needs root, debootstrap, systemd-container, lintian and a mirror of Debian 12; takes minutes. What is made is in build-roots, and can be deleted.
With POSTERN_DEB=FILE that one is tested, and none is built.
"""
import atexit
import glob
import json
import os
import re
import subprocess
import sys
import time

import machine
from machine import ROOT

sys.path.insert(0, ROOT + "/tests/e2e")
import tap  # noqa: E402

KEY = "/etc/postern/keys/root.key"
LOG = "/var/log/postern"
CONF = "/etc/postern/postern.conf"
UNIT_D = "/etc/systemd/system/postern.service.d/"
EXPOSURE_MAX = 1.5
SECONDS = 30

now = {}  # what earlier tests made, for later ones
if "POSTERN_DEB" in os.environ:
    now["deb"] = os.path.abspath(os.environ["POSTERN_DEB"])


def needs(*names):
    missing = [n for n in names if n not in now]
    assert not missing, "an earlier test did not make: " + " ".join(missing)
    return [now[n] for n in names]


def wait_for(fn, what, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not fn():
        assert time.monotonic() < end, what
        time.sleep(0.05)


# ---- building ----

def test_build_in_clean_root():
    """With nothing but what debian/control asks for, and without a network."""
    if "POSTERN_DEB" in os.environ:
        raise tap.Skip("POSTERN_DEB is set")
    path = machine.fresh("build", "build-essential")
    machine.said([ROOT + "/scripts/export-tree", path + "/src"])
    machine.apt(path, "build-dep", "--no-install-recommends", "/src")
    machine.inside(path, "/src/scripts/deb", "/out", network=False)
    now["debs"] = path + "/out"
    now["deb"], = [f for f in glob.glob(path + "/out/*.deb") if "dbgsym" not in f]


def test_lintian():
    """No errors and no warnings, nor pedantic ones."""
    if "POSTERN_DEB" in os.environ:
        raise tap.Skip("POSTERN_DEB is set")
    directory, = needs("debs")
    changes, = glob.glob(directory + "/*.changes")
    status, out = machine.said(["lintian", "--pedantic", "--allow-root", "--fail-on", "error,warning,pedantic", changes], check=False)
    assert status == 0 and not out.strip(), out


def test_nothing_is_missing():
    """What is opened at run time comes with the package, into a system that has little else."""
    deb, = needs("deb")
    path = machine.fresh("small")
    subprocess.run(["cp", deb, path + "/root/postern.deb"], check=True)
    machine.apt(path, "install", "--no-install-recommends", "/root/postern.deb")
    sources = [open(f).read() for f in glob.glob(ROOT + "/src/**/*.c", recursive=True)]
    opened = {name for text in sources for name in re.findall(r'library_open\("([^"]+)"', text)}
    assert len(opened) >= 6, opened
    there = machine.inside(path, "/sbin/ldconfig", "-p")
    assert not [name for name in opened if name + " " not in there], (opened, there)
    # There is no key yet, which it says too.
    out = machine.inside(path, "sh", "-c", "postern doctor || test $? = 1")
    assert "sandbox: given up by every process: system calls, files" in out, out
    machine.delete("small")


# ---- the machine that all else happens on ----

def booted():
    """With a PowerDNS beside, and the package as a file; not installed."""
    if "machine" not in now:
        deb, = needs("deb")
        path = machine.fresh("machine", "python3", "procps", "curl", "pdns-server", "pdns-backend-sqlite3")
        subprocess.run(["cp", deb, path + "/root/postern.deb"], check=True)
        make_next(deb, path)
        # There, it has no network.
        machine.apt(path, "install", "--no-install-recommends", "--download-only", "/root/postern.deb")
        subprocess.run(["cp", ROOT + "/scripts/pdns", path + "/root/pdns"], check=True)
        m = now["machine"] = machine.Machine(path)
        atexit.register(m.stop)
        m.run("systemctl", "mask", "--now", "pdns")
        out = m.run("python3", "pdns", "start", "/root/dns", "example.com")
        now["pdns"] = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    return now["machine"]


def make_next(deb, path):
    """The same package as a higher version, whose configuration differs."""
    tree = path + "/root/next"
    machine.said(["dpkg-deb", "-R", deb, tree])
    for name, change in (("DEBIAN/control", lambda t: re.sub(r"(?m)^(Version: .*)$", r"\1+next", t)),
                         (CONF[1:], lambda t: t + "# as the next version ships it\n")):
        with open(os.path.join(tree, name)) as f:
            text = f.read()
        with open(os.path.join(tree, name), "w") as f:
            f.write(change(text))
    machine.said(["dpkg-deb", "--root-owner-group", "-b", tree, path + "/root/postern-next.deb"])
    subprocess.run(["rm", "-r", tree], check=True)


def show(m, name, unit="postern.service"):
    return m.run("systemctl", "show", "-P", name, unit).strip()


def journal(m):
    return m.run("journalctl", "--no-pager", "-o", "cat", "-u", "postern")


def is_ready(m):
    return m.try_run("curl", "-sf", "http://127.0.0.1:8080/readyz")[0] == 0


def call(m, endpoint, body, token=None):
    """(status, answer); the body does not stand in an argument."""
    m.write("/root/headers", "Content-Type: application/json\nAuthorization: Bearer %s\n" % (token or now["token"]), 0o600)
    m.write("/root/body", json.dumps(body), 0o600)
    out = m.run("curl", "-sS", "-H", "@headers", "-d", "@body", "-w", "\n%{http_code}", "http://127.0.0.1:8080/" + endpoint)
    answer, status = out.rsplit("\n", 1)
    return int(status), json.loads(answer)


def record(name, value="gfj9Xq-Rg85nM"):
    return {"fqdn": "_acme-challenge.%s.example.com" % name, "type": "TXT", "value": value}


def add(m, name):
    return call(m, "add_record", {"integration_handle": now["handle"], "customer": "c-1", "record": record(name)})


def remove(m, handle):
    return call(m, "remove_record", {"integration_handle": now["handle"], "customer": "c-1", "record_handle": handle})


def works(m, name):
    """A record comes and goes."""
    status, answer = add(m, name)
    assert status == 200, answer
    status, answer = remove(m, answer["record_handle"])
    assert status == 200 and answer["removed"] is True, answer


def edit(m, old, new):
    text = m.read(CONF)
    assert old in text, old
    m.write(CONF, text.replace(old, new))


def owner(m, path):
    return m.run("stat", "-c", "%U:%G %a", path).strip()


def as_postern(m, *command):
    return m.run("runuser", "-u", "postern", "--", "postern", *command)


def token_of(m, *args):
    """(a token, its line)"""
    out = m.run("postern", "keygen", "--token", *args)
    return re.search(r"(?m)^ptk1_\S+$", out)[0], re.search(r"(?m)^\S+ sha256:.*$", out)[0]


# ---- a package's life ----

def test_install():
    """It is enabled, and waits for a key; nobody makes one, and nothing failed."""
    m = booted()
    m.apt("install", "./postern.deb")
    assert m.run("systemctl", "is-enabled", "postern").strip() == "enabled"
    assert m.try_run("systemctl", "is-enabled", "postern.socket")[1].strip() == "disabled"
    assert m.try_run("systemctl", "is-active", "postern")[1].strip() == "inactive"
    assert show(m, "ConditionResult") == "no"
    assert not m.run("ls", "-A", "/etc/postern/keys")
    assert owner(m, "/etc/postern/keys") == "postern:postern 700"
    assert owner(m, LOG) == "postern:postern 700"
    assert owner(m, CONF) == owner(m, "/etc/postern/callers") == "root:root 644"
    assert m.run("getent", "passwd", "postern").strip().endswith("/usr/sbin/nologin")


def test_first_start():
    """As README.Debian has it."""
    m = booted()
    readme = m.read("/usr/share/doc/postern/README.Debian")
    for command in ("runuser -u postern -- postern keygen " + KEY, "postern keygen --token backend",
                    "runuser -u postern -- postern check-config", "systemctl start postern"):
        assert "\n  " + command in readme, command
    as_postern(m, "keygen", KEY)
    # Not of the first four, but of any log that shall be good for something.
    as_postern(m, "keygen", "/etc/postern/keys/checkpoint.key")
    edit(m, '#origin = "gateway.example/audit"', 'origin = "gateway.example/audit"')
    edit(m, '#checkpoint_keys = {', 'checkpoint_keys = {')
    now["token"], line = token_of(m, "backend")
    m.write("/etc/postern/callers", m.read("/etc/postern/callers") + line + "\n")
    edit(m, '#plain_http = {"127.0.0.1"}', 'plain_http = {"127.0.0.1"}')
    edit(m, "#integration_rate = 20", "integration_rate = none")
    edit(m, "#caller_rate = 200", "caller_rate = none")
    as_postern(m, "check-config")
    m.run("systemctl", "start", "postern")
    assert is_ready(m), "started, and not ready"
    assert "serving" in show(m, "StatusText"), show(m, "StatusText")
    assert owner(m, KEY) == "postern:postern 600"
    told = journal(m)
    assert "cannot take away" not in told, told


def test_processes():
    """Six until a customer's own server or a name is asked for; of the user postern, without a capability."""
    m = booted()
    pids = m.run("pgrep", "^postern")
    seen = {}
    for pid in pids.split():
        status = m.run("cat", "/proc/%s/status" % pid)
        seen[re.search(r"Name:\s+(\S+)", status)[1]] = status
    assert len(pids.split()) == 6, seen.keys()
    uid = m.run("id", "-u", "postern").strip()
    for name, status in seen.items():
        assert re.search(r"Uid:\s+%s\s+%s\s+%s\s+%s\n" % ((uid,) * 4), status), (name, status)
        for which in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"):
            assert re.search(r"%s:\s+0+\n" % which, status), (name, status)
        assert re.search(r"NoNewPrivs:\s+1", status) and re.search(r"Seccomp:\s+2", status), (name, status)


def test_doctor():
    """Asked as README.Debian has it, of the service that runs: nothing fails."""
    m = booted()
    out = m.try_run("runuser", "-u", "postern", "--", "postern", "doctor")[1]
    tap.comment(out)
    assert "FAIL" not in out, out
    for line in ("ok    service: runs in postern.service", "all processes are of one user", "sandbox: given up by every process"):
        assert line in out, out


def exposure(m):
    out = m.run("systemd-analyze", "security", "--no-pager", "postern.service")
    return float(re.search(r"Overall exposure level for postern.service: ([\d.]+)", out)[1])


def test_exposure():
    found = exposure(booted())
    tap.comment("systemd-analyze security: %.1f" % found)
    assert found <= EXPOSURE_MAX, found


def test_requests():
    m = booted()
    status, answer = call(m, "make_integration", {"provider": "powerdns", "customer": "c-1", "credentials": {
        "url": now["pdns"]["PDNS_API_URL"], "api_key": now["pdns"]["PDNS_API_KEY"]}})
    assert status == 200, answer
    now["handle"] = answer["integration_handle"]
    status, answer = add(m, "www")
    assert status == 200, answer
    now["record"] = answer["record_handle"]


def test_reload():
    """A caller more, and the same process."""
    m = booted()
    before = show(m, "MainPID")
    token, line = token_of(m, "second", "--verbs", "get_zones")
    body = {"integration_handle": now["handle"], "customer": "c-1"}
    assert call(m, "get_zones", body, token)[0] == 401
    m.write("/etc/postern/callers", m.read("/etc/postern/callers") + line + "\n")
    m.run("systemctl", "reload", "postern")
    wait_for(lambda: call(m, "get_zones", body, token)[0] == 200, "the second caller is not known")
    assert show(m, "MainPID") == before and show(m, "ActiveState") == "active"


def test_stop_drains():
    """A call whose provider hangs is answered, though the service was told to stop."""
    m = booted()
    pdns = now["pdns"]["PDNS_PID"]
    m.write("/root/headers", "Content-Type: application/json\nAuthorization: Bearer %s\n" % now["token"], 0o600)
    m.write("/root/body", json.dumps({"integration_handle": now["handle"], "customer": "c-1", "record": record("slow")}), 0o600)
    m.run("kill", "-STOP", pdns)
    try:
        caller = m.start("curl", "-sS", "-H", "@headers", "-d", "@body", "http://127.0.0.1:8080/add_record")
        wait_for(lambda: "8080" in m.run("sh", "-c", "cat /proc/net/tcp | grep ' 01 ' | grep -ci :1F90 && echo 8080 || true"), "no call")
        stopping = m.start("systemctl", "stop", "postern")
        wait_for(lambda: show(m, "ActiveState") == "deactivating", "it does not stop")
        assert caller.poll() is None
    finally:
        m.run("kill", "-CONT", pdns)
    out = caller.communicate(timeout=SECONDS)[0]
    assert "record_handle" in out, out
    assert stopping.wait(SECONDS) == 0
    assert show(m, "Result") == "success" and show(m, "ExecMainStatus") == "0", journal(m)
    m.run("systemctl", "start", "postern")
    assert remove(m, json.loads(out)["record_handle"])[1]["removed"] is True


def test_upgrade():
    """The service restarts; configuration, handles and log go on."""
    m = booted()
    before, conf = show(m, "MainPID"), m.read(CONF)
    m.apt("install", "./postern-next.deb")
    assert m.run("dpkg-query", "-W", "-f", "${Version}", "postern").endswith("+next")
    assert show(m, "MainPID") not in (before, "0") and is_ready(m)
    assert m.read(CONF) == conf
    assert "as the next version ships it" in m.read(CONF + ".dpkg-dist")
    status, answer = remove(m, needs("record")[0])
    assert status == 200 and answer["removed"] is True, answer
    works(m, "upgraded")


def test_remove():
    """The service ends; configuration, keys and log stay."""
    m = booted()
    m.apt("remove", "postern")
    assert not m.run("sh", "-c", "pgrep postern || true")
    for path in (KEY, LOG, CONF, "/etc/postern/callers"):
        assert os.path.exists(m.path(path)), path
    m.apt("install", "./postern.deb")
    wait_for(lambda: is_ready(m), "not there again")
    works(m, "again")


def test_purge():
    """Takes configuration and callers; leaves keys and log, and says so. With them all handles are good again."""
    m = booted()
    conf, callers = m.read(CONF), m.read("/etc/postern/callers")
    out = m.apt("purge", "postern")
    for kept in ("/etc/postern/keys", LOG):
        assert "postern: %s is left in place" % kept in out, out
        assert os.listdir(m.path(kept)), kept
    assert os.listdir(m.path("/etc/postern")) == ["keys"]
    assert owner(m, KEY) == "postern:postern 600"
    m.apt("install", "./postern.deb")
    wait_for(lambda: is_ready(m), "not there again")
    m.write(CONF, conf)
    m.write("/etc/postern/callers", callers)
    m.run("systemctl", "restart", "postern")
    works(m, "purged")


# ---- what may be chosen ----

LOOP = """\
while [ ! -e /root/enough ]; do
	curl -sS --max-time 60 -o /dev/null -H @headers -d @body http://127.0.0.1:8080/get_zones -w '%{http_code}\\n' >>/root/said 2>&1
done
"""


def test_socket_activation():
    """Restarts under load, each request on a new connection, and none fails."""
    m = booted()
    m.run("systemctl", "stop", "postern")
    m.run("systemctl", "enable", "--now", "postern.socket")
    assert call(m, "get_zones", {"integration_handle": now["handle"], "customer": "c-1"})[0] == 200, "a connection did not start it"
    loops = [m.start("sh", "-c", LOOP) for _ in range(4)]
    try:
        for _ in range(3):
            answers = m.path("/root/said")
            wait_for(lambda: os.path.exists(answers), "no answers")
            size = os.path.getsize(answers)
            m.run("systemctl", "restart", "postern")
            wait_for(lambda: os.path.getsize(answers) > size + 100, "no answers after a restart")
        m.apt("install", "./postern-next.deb")
        wait_for(lambda: os.path.getsize(answers) > size + 200, "no answers after an upgrade")
    finally:
        m.write("/root/enough", "")
        for loop in loops:
            loop.wait(SECONDS)
    said = m.read("/root/said").split("\n")
    tap.comment("%d requests" % (len(said) - 1))
    assert set(said) == {"200", ""}, sorted(set(said))
    m.run("systemctl", "disable", "--now", "postern.socket")
    m.run("systemctl", "restart", "postern")
    works(m, "unsocketed")


def test_unix_socket():
    """A caller known by the uid; opened by the service, then by systemd."""
    m = booted()
    sock = "/run/postern/postern.sock"
    edit(m, '#unix_socket = ', 'unix_socket = ')
    m.write("/etc/postern/callers", m.read("/etc/postern/callers") + "local  uid:0  get_zones\n")

    def asks():
        m.write("/root/body", json.dumps({"integration_handle": now["handle"], "customer": "c-1"}), 0o600)
        return m.run("curl", "-sS", "--unix-socket", sock, "-H", "Content-Type: application/json", "-d", "@body", "-o", "/dev/null",
                     "-w", "%{http_code}", "http://localhost/get_zones").strip()

    m.run("systemctl", "restart", "postern")
    assert asks() == "200"
    m.write("/etc/systemd/system/postern.socket.d/unix.conf", "[Socket]\nListenStream=%s\n" % sock)
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "stop", "postern")
    m.run("systemctl", "start", "postern.socket")
    for _ in range(2):
        assert asks() == "200"
        # Its directory is not the service's to take away.
        m.run("systemctl", "stop", "postern.service")
    m.run("systemctl", "stop", "postern.socket")
    m.run("systemctl", "restart", "postern")
    works(m, "tcp-again")


def use_credential(m, *lines):
    text = m.read("/usr/share/doc/postern/examples/systemd/credentials.conf")
    for old, new in lines:
        assert old in text, old
        text = text.replace(old, new)
    m.write(UNIT_D + "credentials.conf", text)
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "restart", "postern")
    works(m, "credential")


def test_credentials():
    """The root key where only root can read it; then encrypted."""
    m = booted()
    edit(m, '"%s"' % KEY, '"root.key"')
    plain, encrypted = "LoadCredential=", "LoadCredentialEncrypted="
    m.run("install", "-D", "-m", "400", KEY, "/etc/credstore/postern-root.key")
    m.run("rm", "-r", "/etc/postern/keys/root.key")
    use_credential(m, ("\n" + encrypted, "\n#" + encrypted), ("\n#" + plain, "\n" + plain))
    m.run("mkdir", "-p", "/etc/credstore.encrypted")
    m.run("systemd-creds", "encrypt", "--with-key=host", "--name=root.key", "/etc/credstore/postern-root.key",
          "/etc/credstore.encrypted/postern-root.key")
    m.run("mv", "/etc/credstore/postern-root.key", KEY)
    m.run("chown", "postern:", KEY)
    use_credential(m)
    m.run("rm", UNIT_D + "credentials.conf")
    edit(m, '"root.key"', '"%s"' % KEY)
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "restart", "postern")
    works(m, "file")


def test_log_is_good():
    """All of it, over starts, upgrades and a purge: no intent is open, and every line is as it was signed."""
    m = booted()
    assert not as_postern(m, "audit", "unresolved").strip()
    tap.comment(as_postern(m, "audit", "verify"))


def test_own_uids():
    """A user for each process, by the drop-in, after its commands."""
    m = booted()
    m.run("systemctl", "stop", "postern")
    text = m.read("/usr/share/doc/postern/examples/systemd/own-uids.conf")
    commands = re.findall(r"(?m)^#\t(ch.*)$", text)
    assert len(commands) == 3, commands
    for command in commands:
        m.run("sh", "-ec", command)
    m.write(UNIT_D + "own-uids.conf", text)
    m.run("systemctl", "daemon-reload")
    m.run("systemctl", "start", "postern")
    works(m, "uids")
    uids = m.run("ps", "-o", "uid=,comm=", "-p", ",".join(m.run("pgrep", "^postern-").split()))
    assert len(set(re.findall(r"19000000\d\d", uids))) == 7, uids  # nobody needed the resolver
    tap.comment("systemd-analyze security: %.1f" % exposure(m))
    # One that hangs can be ended, though it is somebody else's.
    m.run("systemctl", "restart", "postern")
    works(m, "uids-again")
    m.run("systemctl", "stop", "postern")
    assert show(m, "Result") == "success", journal(m)
    tap.comment(m.run("postern", "audit", "verify"))


if __name__ == "__main__":
    why = machine.what_is_missing()
    if why:
        print("1..1\nok 1 - the package in clean systems # SKIP " + why)
        sys.exit(0)
    tap.main(globals())
