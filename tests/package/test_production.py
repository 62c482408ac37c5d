#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""docs/production.md, followed literally: its commands are typed, in order, on machines that are made for that, and one sees what it says.

Of its hosts, `gateway` and `witness` are machines of their own, and `backend`, `monitor` and `ca` are one; a second gateway is the new host of chapter 9. They are booted by systemd-nspawn and
wired to each other, and to nothing else: what the commands install was downloaded before. What the document takes for granted is there too: names (in /etc/hosts), the media for the backup, a PowerDNS with
TLS before it whose authority the gateway's system knows, and its key in a file.

A comment before a block says what is otherwise: `not here: WHY` is not run, `may fail: WHY` may have another status than 0, `until seen` is repeated until it shows what stands below it, `again: N M` runs
these chapters' commands for that host once more.

Needs root, debootstrap, systemd-container and a mirror of Debian 12; takes minutes. With POSTERN_DEB=FILE that package is installed, and none is built.
"""
import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import document
import machine
from machine import ROOT
from test_package import make_next

sys.path.insert(0, ROOT + "/tests/e2e")
import tap  # noqa: E402
from servers import CA  # noqa: E402

DOC = ROOT + "/docs/production.md"
PLAYED_BY = {"gateway": "gateway", "witness": "witness", "backend": "backend", "monitor": "backend", "ca": "backend"}
ADDRESSES = {"gateway": "192.0.2.10", "backend": "192.0.2.20", "witness": "192.0.2.50"}
DNS = "10.20.0.9"
HOSTS = "".join("%s %s\n" % pair for pair in [(ADDRESSES["gateway"], "gateway.example"), (DNS, "dns.example")])
BACKEND_PACKAGES = ("python3", "pdns-server", "pdns-backend-sqlite3", "haproxy")
SECONDS = 90

PROXY = """\
defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
frontend dns
	bind {dns}:8443 ssl crt /root/dns/tls.pem
	bind {backend}:8443 ssl crt /root/dns/tls.pem
	default_backend pdns
backend pdns
	server pdns {api}
"""

TRY = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"

BLOCKS = document.blocks(DOC)
machines = {}
now = {}  # what one step saw, for later ones


# ---- the machines ----

def built():
    """The package's file."""
    if "POSTERN_DEB" in os.environ:
        return os.path.abspath(os.environ["POSTERN_DEB"])
    out = machine.CACHE + "/production-deb"
    machine.said(["nice", "env", "DEB_BUILD_OPTIONS=nocheck", ROOT + "/scripts/deb", out])
    deb, = [os.path.join(out, f) for f in os.listdir(out) if re.fullmatch(r"postern_.*\.deb", f)]
    return deb


def prepare(name, *there):
    """A system in a directory. What it will be told to install is in apt's cache."""
    path = machine.fresh("production-" + name, *there)
    subprocess.run(["cp", now["deb"], path + "/root/for-apt.deb"], check=True)
    hosts = [host for host, player in PLAYED_BY.items() if player == name.split("-")[0]]
    machine.apt(path, "install", "--download-only", "/root/for-apt.deb", *document.packages(BLOCKS, hosts))
    os.unlink(path + "/root/for-apt.deb")
    with open(path + "/etc/hosts", "a") as f:
        f.write(HOSTS)
    return path


def boot(name, path):
    m = machines[name] = machine.Machine(path)
    atexit.register(m.stop)
    return m


def on_host(*command):
    machine.said(list(command))


def wire(a, b):
    """A cable between two machines, each with its address."""
    on_host("ip", "link", "add", b, "netns", machines[a].leader, "type", "veth", "peer", "name", a, "netns", machines[b].leader)
    for near, far in ((a, b), (b, a)):
        enter = ["nsenter", "-n", "-t", machines[near].leader, "ip"]
        on_host(*enter, "addr", "add", ADDRESSES[near], "peer", ADDRESSES[far], "dev", far)
        on_host(*enter, "link", "set", far, "up")
    if b == "backend":
        on_host("nsenter", "-n", "-t", machines[a].leader, "ip", "route", "add", DNS, "dev", b, "src", ADDRESSES[a])


def prepare_gateway(name):
    path = prepare(name)
    for medium in ("backup-1", "backup-2"):
        os.makedirs(path + "/media/" + medium)
    # Like those of the authorities that every Debian knows.
    os.makedirs(path + "/usr/local/share/ca-certificates", exist_ok=True)
    shutil.copy(now["ca"].file, path + "/usr/local/share/ca-certificates/providers.crt")
    return path


def start_dns(m):
    """PowerDNS, and TLS before it."""
    shutil.copy(ROOT + "/scripts/pdns", m.path("/root/pdns"))
    m.run("systemctl", "mask", "--now", "pdns")
    out = m.run("python3", "pdns", "start", "/root/dns", "trial.example")
    now["pdns"] = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    on_host("nsenter", "-n", "-t", m.leader, "ip", "addr", "add", DNS, "dev", "lo")
    cert, key = now["ca"].issue("dns.example")
    m.write("/root/dns/tls.pem", open(cert).read() + open(key).read(), 0o600)
    m.write("/etc/haproxy/haproxy.cfg", PROXY.format(dns=DNS, backend=ADDRESSES["backend"], api=now["pdns"]["PDNS_API_URL"].split("//")[1]))
    m.run("systemctl", "restart", "haproxy")


def test_the_machines():
    now["deb"] = built()
    now["ca"] = CA()
    atexit.register(now["ca"].close)
    gateway, backend, witness = prepare_gateway("gateway"), prepare("backend", *BACKEND_PACKAGES), prepare("witness")
    now["spare"] = prepare_gateway("gateway-2")
    make_next(now["deb"], now["spare"])
    for name, path in (("gateway", gateway), ("backend", backend), ("witness", witness)):
        boot(name, path)
    wire("gateway", "backend")
    wire("gateway", "witness")
    start_dns(machines["backend"])


def exchange_gateways():
    """The host is lost, with all that is on it but a medium of the backup."""
    now["kept"] = issue("add_record", {"record": {"fqdn": "_acme-challenge.kept.trial.example", "type": "TXT", "value": "kept"}})["record_handle"]
    machines["gateway"].kill()
    medium = machines["gateway"].path("/media/backup-1")
    shutil.copytree(medium, now["spare"] + "/media/backup-1", dirs_exist_ok=True)
    boot("gateway", now["spare"])
    wire("gateway", "backend")
    wire("gateway", "witness")


# ---- following ----

def file_of(host, path):
    if host == "build":
        return now["deb"] if "_0.1.0_" in path else now["spare"] + "/root/postern-next.deb"
    return machines[PLAYED_BY[host]].path(path)


def carry(block):
    for source, target in document.carried(block):
        if source == ("gateway", "/root/webapp.token") and "old token" not in now:
            now["old token"] = open(file_of(*source)).read().strip()
        # The owner is who carries: root.
        shutil.copy(file_of(*source), file_of(*target))


def typed(block):
    """(status, what it said)"""
    m = machines[PLAYED_BY[block.host]]
    m.write("/root/.typed", block.text, 0o600)
    # Not where the last one was: no block may count on that.
    return m.try_run("sh", "-c", "cd / && exec sh -eu /root/.typed")


def follow_block(block):
    """What it said, once it is what the document says."""
    said = ""

    def once():
        nonlocal said
        status, said = typed(block)
        return (status == 0 or document.has_mark(block, "may fail")) and document.is_seen(block.seen, said)

    where = "%s:\n%s\nsaid:\n" % (block.host, block.text)
    if document.has_mark(block, "until seen"):
        try:
            machines["backend"].wait(once, SECONDS, "")
        except AssertionError:
            raise AssertionError("never seen on " + where + said) from None
    else:
        assert once(), "not seen on " + where + said
    return said


def step(block, host):
    """What it said; None where nothing was typed."""
    if document.has_mark(block, "not here"):
        tap.comment("not here: %s ..." % block.text.splitlines()[0])
    elif block.kind == "again":
        for number in block.text.split():
            steps(int(number), block.host)
    elif block.kind == "carry" and host is None:
        carry(block)
    elif block.kind == "sh":
        said = follow_block(block)
        look(block)
        return said
    return None


def steps(chapter, host=None):
    """The blocks of a chapter, or those that HOST is told; what each said, by its text."""
    return {block.text: step(block, host) for block in BLOCKS if block.chapter == chapter and host in (None, block.host)}


def follow(chapter):
    assert not now.get("stopped"), "stopped in an earlier chapter"
    now["stopped"] = True
    said = {text: out for text, out in steps(chapter).items() if out is not None}
    now["stopped"] = False
    return said


def look(block):
    """What a person would look at besides, elsewhere, after some of the blocks."""
    for part, fn in LOOKS.items():
        if part in block.text:
            fn()


def said_by(said, part):
    """What the one block with PART said."""
    (text,) = [s for t, s in said.items() if part in t]
    return text


def txt(name):
    """The values that PowerDNS has there."""
    out = machines["backend"].run("curl", "-s", "-H", "X-API-Key: " + now["pdns"]["PDNS_API_KEY"],
                                  now["pdns"]["PDNS_API_URL"] + "/api/v1/servers/localhost/zones/trial.example.")
    return [r["content"].strip('"') for rrset in json.loads(out)["rrsets"] if rrset["name"] == name + "." for r in rrset["records"]]


def record_is_there():
    assert txt("_acme-challenge.www.trial.example") in (["a-first-value"], ["after-the-loss"])


def record_is_gone():
    assert txt("_acme-challenge.www.trial.example") == []


def issue(endpoint, body):
    """What the issuer is answered."""
    m = machines["backend"]
    handle = m.run("jq", "-r", ".integration_handle", "/etc/backend/integration.json").strip()
    m.write("/root/body", json.dumps({"integration_handle": handle, "customer": "customer-1", **body}), 0o600)
    return json.loads(m.run("curl", "-sS", "--cert", "/etc/backend/issuer.pem", "--key", "/etc/backend/issuer.key", "-H",
                            "Content-Type: application/json", "-d", "@/root/body", "https://gateway.example:8443/" + endpoint))


def as_postern(*command):
    return machines["gateway"].run("runuser", "-u", "postern", "--", *command)


def old_key_is_gone():
    assert not os.path.exists(machines["gateway"].path("/etc/postern/keys/root-2026.key"))
    handle = machines["backend"].run("jq", "-r", ".integration_handle", "/etc/backend/integration.json").strip()
    m = machines["gateway"]
    m.write("/root/handle", handle)
    m.run("cp", "/root/handle", "/run/handle")
    new_id = as_postern("postern", "keygen", "--id", "/etc/postern/keys/root-2027.key").strip()
    assert new_id in as_postern("postern", "inspect", "@/run/handle")


LOOKS = {"-o record.json": record_is_there}


# ---- the chapters ----

def test_before():
    """The package is brought."""
    follow(None)


def test_where():
    follow(0)


def test_package():
    follow(1)
    state = machines["gateway"].try_run("systemctl", "is-active", "postern")[1].strip()
    assert state == "inactive", state


def test_keys():
    said = follow(2)
    ids = said_by(said, "keygen --id /etc").split()
    assert len(ids) == 3 and len(set(ids)) == 1, ids


def test_tls():
    follow(3)


def test_callers():
    follow(4)


def test_start():
    machines["backend"].write("/etc/backend/dns.key", now["pdns"]["PDNS_API_KEY"] + "\n", 0o600)
    said = follow(5)
    record_is_gone()
    doctor = said_by(said, "postern doctor")
    tap.comment(doctor)
    wrong = re.findall(r"(?m)^(?:FAIL|warn) +(?!clock:)\S.*", doctor)
    assert not wrong, wrong
    told = machines["gateway"].run("journalctl", "--no-pager", "-o", "cat", "-u", "postern")
    assert "cannot take away" not in told, told


def test_firewall():
    follow(6)
    backend = ADDRESSES["backend"]
    assert machines["backend"].try_run("python3", "-c", TRY, ADDRESSES["gateway"], "22")[0] != 0, "SSH is open to the backend"
    m = machines["gateway"]
    m.run("python3", "-c", TRY, backend, "8443")
    m.run("runuser", "-u", "postern", "--", "python3", "-c", TRY, DNS, "8443")
    assert m.try_run("runuser", "-u", "postern", "--", "python3", "-c", TRY, backend, "8443")[0] != 0, "postern reaches anything"


def test_watching():
    follow(7)
    witness = machines["witness"]
    timers = witness.run("systemctl", "list-timers", "--no-pager", "--all")
    assert "postern-witness@copy.timer" in timers and "postern-witness@verify.timer" in timers, timers
    # What is not as it was signed fails the unit.
    segment, = witness.run("sh", "-c", "echo /srv/witness/log/*.jsonl").split()
    text = witness.read(segment)
    # Its first line: a checkpoint covers that one already.
    witness.write(segment, text.replace('"time":"20', '"time":"19', 1))
    status, out = witness.try_run("systemctl", "start", "postern-witness@verify")
    told = witness.run("journalctl", "--no-pager", "-o", "cat", "-u", "postern-witness@verify")
    assert status != 0 and "BAD: line " in told, (out, told)
    witness.write(segment, text)
    witness.run("systemctl", "start", "postern-witness@verify")
    # The key is good for nothing else.
    ssh = ["runuser", "-u", "witness", "--", "ssh", "-i", "/srv/witness/id", "-o", "UserKnownHostsFile=/srv/witness/known_hosts",
           "-o", "BatchMode=yes", "root@gateway.example"]
    assert witness.try_run(*ssh, "cat", "/etc/postern/keys/root-2026.key")[0] != 0
    archive = machines["gateway"].run("tar", "-tzf", "/media/backup-2/postern-config.tgz")
    assert "etc/postern/callers" in archive and "keys" not in archive.replace("authorized_keys", ""), archive


def test_changing():
    follow(8)
    backend = machines["backend"]
    backend.write("/root/old.curl", 'header = "Authorization: Bearer %s"\n' % now["old token"], 0o600)
    out = backend.run("curl", "-sS", "-K", "/root/old.curl", "-H", "Content-Type: application/json", "-d", "{}", "https://gateway.example:8443/get_zones")
    assert "unauthenticated" in out, out
    old_key_is_gone()


def test_the_host_is_lost():
    exchange_gateways()
    said = follow(9)
    assert issue("remove_record", {"record_handle": now["kept"]})["removed"] is True, "a record handle of before"
    tap.comment(said_by(said, "mv log log-1"))


def test_upgrades():
    follow(10)
    version = machines["gateway"].run("dpkg-query", "-W", "-f", "${Version}", "postern")
    assert version.endswith("+next"), version


def test_when_it_goes_wrong():
    follow(11)
    alerts = set(re.findall(r"alert: (\w+)", open(ROOT + "/examples/prometheus-rules.yml").read()))
    table = set(re.findall(r"`(Postern[A-Z]\w+)`", open(DOC, encoding="utf-8").read()))
    assert alerts == table, alerts ^ table
    tap.comment(as_postern("postern", "audit", "verify"))


def test_no_secret_was_left():
    """Neither key nor token lies outside of its place on the gateway."""
    path = machines["gateway"].directory
    found = [os.path.join(d, f) for d, _, files in os.walk(path + "/root") for f in files if f.endswith((".token", ".key"))]
    assert not found, found


if __name__ == "__main__":
    why = machine.what_is_missing() or (None if shutil.which("ip") and shutil.which("openssl") else "needs the packages iproute2 openssl")
    if why:
        print("1..1\nok 1 - docs/production.md in clean systems # SKIP " + why)
        sys.exit(0)
    tap.main(globals())
