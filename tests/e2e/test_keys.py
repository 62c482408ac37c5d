# SPDX-License-Identifier: ISC
"""docs/keys.md, followed literally: each of its commands is run, in order, against a gateway that serves.

Only these are not what they seem: paths are below a directory of the test's, `systemctl` is played by the test, and systemd's secret of the host is
another one (systemd-creds runs where /var/lib/systemd is the test's own).
"""
import contextlib
import itertools
import os
import re
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading

import tap
from common import NO_LIMITS, add, added, integrate, make_token, pdns, refused, remove
from servers import BINARY, ROOT, Postern, wait_for

DOC = ROOT + "/docs/keys.md"
ZONE = "keys.example"
P = pdns(ZONE)

CONF = """listen = {"127.0.0.1:0"}
audit_dir = "/var/log/postern"
callers = "/etc/postern/callers"
self_hosted { plain_http = {"127.0.0.1"} }
""" + NO_LIMITS + """
audit {
	origin = "gateway.example/keys"
	checkpoint_keys = {"/etc/postern/checkpoint.key"}
}
root_key "2026" { file = "/etc/postern/root-2026.key" }
"""

PATHS = re.compile(r"(?<![\w.{}/-])/(etc|run|media|var)/")


def sections():
    """{heading: [(language, text)]}, in the document's order."""
    found, heading = {}, ""
    with open(DOC, encoding="utf-8") as f:
        for m in re.finditer(r"^## ([^\n]+)|^```(\w+)\n(.*?)^```", f.read(), re.M | re.S):
            if m[1]:
                heading = m[1]
            else:
                found.setdefault(heading, []).append((m[2], m[3]))
    return found


class Systemctl(socketserver.ThreadingUnixStreamServer):
    """What the `systemctl` of the commands asks for. The last word is the service's name."""

    daemon_threads = True

    def __init__(self, host):
        self.host = host
        super().__init__(host.dir + "/systemctl.socket", SystemctlRequest)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class SystemctlRequest(socketserver.StreamRequestHandler):
    def handle(self):
        verb, service = self.rfile.readline().decode().split()
        assert service == "postern", service
        try:
            {"reload": self.server.host.reload, "restart": self.server.host.restart}[verb]()
            self.wfile.write(b"done")
        except Exception as e:
            self.wfile.write(repr(e).encode())


SHIMS = {
    "systemctl": """#!{python}
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("{d}/systemctl.socket")
s.sendall((" ".join(sys.argv[1:]) + "\\n").encode())
answer = s.makefile().read()
sys.exit(0 if answer == "done" else "systemctl: " + answer)
""",
    # Where there is no other configuration than that of /etc.
    "postern": """#!/bin/sh
case $1 in
check-config) exec {binary} check-config {d}/etc/postern/postern.conf ;;
audit) sub=$2; shift 2; exec {binary} audit "$sub" --config {d}/etc/postern/postern.conf "$@" ;;
esac
exec {binary} "$@"
""",
    "systemd-creds": """#!/bin/sh
exec unshare -m sh -c 'mount --bind {d}/systemd /var/lib/systemd && exec /usr/bin/systemd-creds "$@"' sh "$@"
""",
}


class Host:
    """A machine that the document is followed on."""

    def __init__(self, d):
        self.dir, self.env, self.said = d, {}, ""
        os.chmod(d, 0o755)
        for name in "etc/postern", "run", "media/backup", "var/log", "systemd", "bin", "run/credentials/postern.service":
            os.makedirs(d + "/" + name)
        for name, text in SHIMS.items():
            with open(d + "/bin/" + name, "w", opener=lambda p, f: os.open(p, f, 0o755)) as f:
                f.write(text.replace("{d}", d).replace("{binary}", BINARY).replace("{python}", sys.executable))
        for name in "root-2026", "checkpoint":
            subprocess.run([BINARY, "keygen", d + "/etc/postern/%s.key" % name], check=True, capture_output=True)
        self.token, line = make_token("backend")
        self.put("etc/postern/callers", line + "\n")
        self.put("etc/postern/postern.conf", self.here(CONF))
        self.put("token", self.token)
        self.server = Systemctl(self)
        self.now = None
        self.start()

    def put(self, name, text):
        with open(os.path.join(self.dir, name), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)

    def read(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()

    def here(self, text):
        return PATHS.sub(lambda m: self.dir + m[0], text)

    # ---- the service ----

    def start(self):
        """With the credentials that systemd would give it."""
        store = self.dir + "/etc/credstore.encrypted"
        env = dict(os.environ)
        if os.path.isdir(store):
            given = env["CREDENTIALS_DIRECTORY"] = self.dir + "/run/credentials/postern.service"
            for name in os.listdir(store):
                subprocess.run([self.dir + "/bin/systemd-creds", "decrypt", "--name=" + name, store + "/" + name, given + "/" + name],
                               check=True, capture_output=True)
        self.now = Postern(config=self.dir + "/etc/postern/postern.conf", token=self.token, audit_dir=self.dir + "/var/log/postern", env=env)

    def restart(self):
        self.said += self.now.stderr_text()
        self.now.stop()
        self.start()

    def reload(self):
        self.now.reload()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.now.stop()

    # ---- the document ----

    def follow(self, language, text):
        """Standard output of a block of commands; or the configuration has that root key now."""
        text = self.here(text)
        if language == "conf":
            old = re.sub(r"^root_key [^}]*\}\n", "", self.read("etc/postern/postern.conf"), flags=re.M)
            self.put("etc/postern/postern.conf", old + text)
            return ""
        if language != "sh":
            return ""
        done = subprocess.run(["sh", "-eu", "-c", text], cwd=self.dir, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env={
            **os.environ, "PATH": self.dir + "/bin:" + os.environ["PATH"], "POSTERN_URL": self.now.url, "POSTERN_TOKEN_FILE": self.dir + "/token"})
        assert done.returncode == 0, (text, done)
        return done.stdout


@contextlib.contextmanager
def host():
    with tempfile.TemporaryDirectory() as d:
        h = Host(d)
        try:
            yield h
        finally:
            h.stop()


class Load:
    """Requests without a pause, on all handles that there are, while the keys change. Each must succeed."""

    def __init__(self, gateway, handles):
        self.gateway, self.handles, self.failed, self.done = gateway, handles, [], 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        for i in itertools.count():
            if self.over.is_set():
                return
            name = "_acme-challenge.load-%d.%s" % (i % 7, ZONE)
            for customer, handle in list(self.handles.items()):
                for path, more in [("/get_zones", {}), ("/add_record", {"record": {"fqdn": name, "type": "TXT", "value": "v"}})]:
                    try:
                        answer = self.gateway.post(path, {"integration_handle": handle, "customer": customer, **more})
                    except OSError as e:
                        answer = (0, repr(e))
                    self.done += 1
                    if answer[0] != 200:
                        self.failed.append((path, customer, answer))

    def more(self, n):
        """Until N more were answered."""
        want = self.done + n
        wait_for(lambda: self.done >= want or self.failed, 60)
        assert not self.failed, self.failed[:3]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def key_of(g, handle, customer):
    status, answer = g.post("/inspect_handle", {"handle": handle, "customer": customer})
    assert status == 200, answer
    return answer["key_id"]


def stored(h):
    return [line.split("\t") for line in h.read("handles").splitlines()]


def expect_opens(h, handles):
    """Each handle is good."""
    for customer, handle in handles:
        if handle.startswith("pti1_"):
            status, answer = h.now.post("/get_zones", {"integration_handle": handle, "customer": customer})
            assert status == 200, (customer, answer)


def change_root_key(h, blocks):
    """The rotation under load. The conf and sh blocks are in pairs: add, activate; rewrap; idle; retire."""
    g = h.now
    first = integrate(g, P, customer="customer-1")
    record = added(g, first, "_acme-challenge.kept." + ZONE, "kept", customer="customer-1")
    forgotten = integrate(g, P, customer="forgotten")
    old_id, new_id = (h.follow("sh", "postern keygen --id /etc/postern/root-%d.key\n" % year).strip() for year in (2026, 2027))
    kinds = [language for language, _ in blocks]
    assert kinds == ["conf", "sh", "conf", "sh", "sh", "sh", "sh", "conf", "sh"], kinds
    handles = {"customer-1": first}
    with Load(g, handles) as load:
        load.more(20)
        h.follow(*blocks[0])
        assert h.follow(*blocks[1]).endswith("root keys: 2, callers: 1\n")
        load.more(20)
        during = integrate(g, P, customer="customer-2")
        assert key_of(g, during, "customer-2") == old_id, "the new key only opens"
        h.follow(*blocks[2])
        h.follow(*blocks[3])
        fresh = integrate(g, P, customer="customer-3")
        assert [key_of(g, handle, c) for handle, c in [(first, "customer-1"), (fresh, "customer-3")]] == [old_id, new_id]
        handles.update({"customer-2": during, "customer-3": fresh})
        load.more(20)
        h.put("handles", "".join("customer-%d\t%s\n" % pair for pair in [(1, first), (1, record), (2, during), (3, fresh)]))
        h.follow(*blocks[4])
        assert h.follow(*blocks[5]) == "0\n" and len(stored(h)) == 4
        assert {key_of(g, handle, customer) for customer, handle in stored(h)} == {new_id}
        expect_opens(h, stored(h))
        handles.update({customer: handle for customer, handle in stored(h) if handle.startswith("pti1_")})
        load.more(20)
        # Nothing uses the old key any more, however much is done.
        counts = h.follow(*blocks[6])
        assert re.search(r'key_id="%s",kind="integration"\} [1-9]' % old_id, counts), counts
        load.more(20)
        assert h.follow(*blocks[6]) == counts
        h.follow(*blocks[7])
        assert h.follow(*blocks[8]).endswith("root keys: 1, callers: 1\n")
        load.more(20)
        expect_opens(h, stored(h))
    assert not load.failed and load.done >= 120, load.failed[:3]
    assert not os.path.exists(h.dir + "/etc/postern/root-2026.key")
    refused(add(g, forgotten, "_acme-challenge.x." + ZONE, "v", customer="forgotten"), 422, "handle_invalid")
    kept = stored(h)[1][1]
    assert kept.startswith("ptr1_") and remove(g, stored(h)[0][1], kept, customer="customer-1") == (200, {"removed": True})


def make_and_keep(h, blocks):
    making, backing, restoring = blocks
    new_id = h.follow(*making).strip()
    assert re.fullmatch("[0-9a-f]{8}", new_id), new_id
    h.follow(*backing)
    # The backup of the key of before, and a handle that was made under it.
    h.follow("sh", backing[1].replace("2027", "2026"))
    h.put("known-handle", integrate(h.now, P, customer="customer-1"))
    said = h.follow(*restoring)
    assert "customer: customer-1\n" in said and "provider: powerdns\n" in said and P.api_key not in said, said
    assert said.startswith(h.follow("sh", "postern keygen --id /etc/postern/root-2026.key\n")), said
    assert not os.path.exists(h.dir + "/run/restored.key")


def whose_credentials(h, blocks):
    (block,) = blocks
    assert h.follow(*block) == "customer-1\tpowerdns\ncustomer-2\tpowerdns\ncustomer-3\tpowerdns\nforgotten\tpowerdns\n"


def checkpoint_keys(h, blocks):
    keeping, changing, ending = blocks
    h.follow(*keeping)
    h.follow(*changing)
    assert h.follow("sh", "postern audit keys\n").count("\n") == 2
    integrate(h.now, P, customer="customer-4")
    said = h.follow(*ending)
    assert "\ngood: " in said and "checkpoint.key" not in h.read("etc/postern/postern.conf"), said
    assert len(set(h.read("media/backup/log-keys.txt").splitlines())) == 2


def tls_keys(h, blocks):
    (block,) = blocks
    h.follow(*block)


def tokens(h, blocks):
    adding, ending = blocks
    h.follow(*adding)
    old, new = h.token, h.read("run/new-token").splitlines()[0]
    assert new.startswith("ptk1_") and new != old

    def status(token):
        h.now.token = token
        return h.now.post("/get_zones", {"integration_handle": stored(h)[0][1], "customer": "customer-1"})[0]

    assert (status(old), status(new)) == (200, 200)
    h.token = new
    h.put("token", new)
    h.follow(*ending)
    assert (status(old), status(new)) == (401, 200)


def sources(h, blocks):
    encrypting, unit, configuration, restarting, checking = blocks
    assert unit[0] == "ini" and "LoadCredentialEncrypted=root-2027:" in unit[1]
    new_id = h.follow("sh", "postern keygen --id /etc/postern/root-2027.key\n")
    if not shutil.which("systemd-creds") or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        print("# no systemd-creds, or no mounts of one's own: the last part of docs/keys.md was not run")
        return
    assert h.follow(*encrypting) == new_id and not os.path.exists(h.dir + "/etc/postern/root-2027.key")
    h.follow(*configuration)
    h.follow(*restarting)
    expect_opens(h, stored(h))
    assert key_of(h.now, stored(h)[0][1], "customer-1") == new_id.strip()
    said = h.follow(*checking)
    assert "root keys: 1, callers: 1\ngood: " in said, said


CHAPTERS = {
    "Making a root key, and keeping it": make_and_keep,
    "Changing the root key": change_root_key,
    "A root key was stolen": whose_credentials,
    "Checkpoint keys": checkpoint_keys,
    "TLS keys": tls_keys,
    "Callers' tokens": tokens,
    "Where keys come from": sources,
}


def test_the_document_can_be_followed():
    found = sections()
    assert list(found) == list(CHAPTERS), list(found)
    with host() as h:
        for heading, blocks in found.items():
            print("# " + heading, flush=True)
            CHAPTERS[heading](h, blocks)


if __name__ == "__main__":
    tap.main(globals())
