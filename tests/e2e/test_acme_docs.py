# SPDX-License-Identifier: ISC
"""docs/acme.md and the pages of the clients, followed literally: each command is run, in order, with the real clients, against Pebble.

Only these are not what they seem: paths are below a directory of the test's; the zone has another name; the gateway, its certificate and PowerDNS are where the test has them; the clients are told, by a
wrapper, which authority to ask and where their files are; `systemctl` is played by the test. acme.sh is not in Debian: its script is called by a
harness that has the functions it expects.
"""
import os
import re
import shutil
import subprocess
import tempfile

import tap
from acme_clients import acme_gateway, write
from acme_servers import Pebble, installed
from common import pdns, together
from servers import BINARY, CA, ROOT, free_port, wait_for

KINDS = "certbot", "dehydrated", "lego", "acme-sh"
ZONES = {kind: kind + ".example" for kind in KINDS}  # for what the documents call example.com: all are followed at once
P = pdns(*ZONES.values())
PATHS = re.compile(r"(?<![\w.{}/-])/(etc|run)/")


def blocks(name):
    with open("%s/docs/%s.md" % (ROOT, name), encoding="utf-8") as f:
        return re.findall(r"^```sh\n(.*?)^```", f.read(), re.M | re.S)


class Machine:
    """The gateway and the host in one: what a document says is done below .dir."""

    def __init__(self, g, d, zone):
        self.g, self.dir, self.zone, self.names = g, d, zone, ["*." + zone, zone]
        for name in "bin", "run", "etc/cron.d", "etc/dehydrated/conf.d":
            os.makedirs(d + "/" + name)
        os.mkdir(d + "/etc/postern", 0o755)  # the package's
        os.symlink(BINARY, d + "/bin/postern")
        os.symlink(g.dir + "/callers", d + "/etc/postern/callers")
        write(d + "/run/api-key", P.api_key + "\n")
        write(d + "/token", g.token)
        self.env = {**os.environ, "PATH": d + "/bin:" + os.environ["PATH"], "HOME": d, "POSTERN_URL": g.url, "POSTERN_TOKEN_FILE": d + "/token"}
        self.script("systemctl", 'test "$*" = "reload postern" && kill -HUP %d' % g.pid)

    def script(self, name, text):
        write("%s/bin/%s" % (self.dir, name), "#!/bin/sh\n" + text + "\n", 0o755)

    def here(self, text):
        text = text.replace("https://gateway.example.com:8443", self.g.tls_url).replace("http://127.0.0.1:8081", P.api_url)
        text = text.replace("/usr/sbin/postern", self.dir + "/bin/postern").replace("example.com", self.zone)
        return PATHS.sub(lambda m: self.dir + m[0], text)

    def follow(self, text, env=None, check=True):
        done = subprocess.run(["sh", "-eu", "-c", self.here(text)], cwd=self.dir, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=170,
                              env={**self.env, **(env or {})})
        assert not check or done.returncode == 0, (text, done)
        return done

    def set_up(self):
        """docs/acme.md."""
        token, handle, files, trying, sweeping = blocks("acme")
        before = len(self.g.stderr_text())
        self.follow(token)
        wait_for(lambda: "reloaded\n" in self.g.stderr_text()[before:], 20)
        self.follow(handle)
        assert subprocess.run(["stat", "-c", "%a", self.dir + "/run/web1.handle"], capture_output=True, text=True).stdout == "600\n"
        self.follow(files)
        assert os.listdir(self.dir + "/run") == ["api-key"], "a token or a handle was left behind"
        assert os.stat(self.dir + "/etc/postern").st_mode & 0o777 == 0o755, "the gateway cannot read its configuration any more"
        # From here on the host has its own settings alone.
        for name in "POSTERN_URL", "POSTERN_TOKEN_FILE":
            del self.env[name]
        settings = self.dir + "/etc/postern/hook.conf"
        with open(settings, "a") as f:
            # The zone's name servers have no addresses here: test_check.py has some that --wait waits for.
            f.write('state_dir = "%s/state"\nwait = "1"\n' % self.dir)
        self.env["POSTERN_HOOK_CONFIG"] = settings
        done = self.follow(trying)
        assert done.stdout == done.stderr == "" and P.all_txt(self.zone) == [], done
        assert self.follow(sweeping).stdout == ""
        done = self.follow("postern hook add www.example.com hello\n", check=False)
        assert done.returncode == 1 and "name_strict" in done.stderr, done

    def done(self):
        """What was added is gone, and was added by the caller that the document makes."""
        assert P.all_txt(self.zone) == [] and os.listdir(self.dir + "/state") == []
        callers = {line["caller"] for line in self.g.audit() if line["event"] == "add_record.outcome"}
        assert callers == {"web1"}, callers


def follow(kind):
    """docs/acme.md on a machine of its own, then TRY(machine, pebble) of that client."""
    authority = CA()
    certificate, key = authority.issue("localhost")
    port = free_port()
    try:
        with acme_gateway(P, 'tls { listen = {"127.0.0.1:%d"} certificate = "%s" key = "%s" }\n' % (port, certificate, key)) as g:
            g.tls_url = "https://localhost:%d" % port
            with tempfile.TemporaryDirectory() as d, Pebble(P) as pebble:
                m = Machine(g, d, ZONES[kind])
                m.env.update(pebble.trust)
                shutil.copy(authority.file, d + "/etc/postern/gateway-ca.pem")
                m.set_up()
                TRIES[kind](m, pebble)
                m.done()
    finally:
        authority.close()


def certbot(m, pebble):
    m.script("certbot", 'exec /usr/bin/certbot "$@" --server %s --config-dir %s/le --work-dir %s/le --logs-dir %s/le' % (pebble.url, m.dir, m.dir, m.dir))
    first, again = blocks("acme-certbot")
    m.follow(first)
    file = m.dir + "/le/live/%s/fullchain.pem" % m.zone
    serial = pebble.serial_of(file)
    assert pebble.names_of(file) == m.names
    m.follow(again)
    m.follow(again.replace("renew", "renew --force-renewal --no-random-sleep-on-renew"))
    assert pebble.serial_of(file) != serial


def dehydrated(m, pebble):
    base = m.dir + "/etc/dehydrated"
    write(base + "/config", 'CONFIG_D="%s/conf.d"\nBASEDIR="%s/var"\nDOMAINS_TXT="%s/domains.txt"\nCA="%s"\n' % (base, base, base, pebble.url))
    os.mkdir(base + "/var")
    m.script("dehydrated", 'exec /usr/bin/dehydrated "$@" --config %s/config' % base)
    for text in blocks("acme-dehydrated"):
        m.follow(text)
    file = base + "/var/certs/%s/fullchain.pem" % m.zone
    serial = pebble.serial_of(file)
    assert pebble.names_of(file) == m.names
    m.follow("dehydrated --cron --force\n")
    assert pebble.serial_of(file) != serial


def lego(m, pebble):
    m.script("lego", 'exec /usr/bin/lego --server %s --dns.disable-cp "$@"' % pebble.url)
    script, first, again = blocks("acme-lego")
    m.follow(script)
    m.follow(first)
    file = m.dir + "/etc/lego/certificates/%s.crt" % m.zone
    serial = pebble.serial_of(file)
    assert pebble.names_of(file) == m.names
    exports = first.splitlines()[0] + "\n"
    assert exports.startswith("export "), exports
    m.follow(exports + again)
    assert pebble.serial_of(file) == serial
    m.follow(exports + again.replace("--days 30", "--days 100000 --no-random-sleep"))
    assert pebble.serial_of(file) != serial


# acme.sh's own functions, those that a dnsapi script may use, as far as ours does; what they say has their names before it.
ACME_SH = """
_info() { echo "info: $*"; }
_err() { echo "err: $*" >&2; return 1; }
_readaccountconf_mutable() { sed -n "s/^SAVED_$1='\\(.*\\)'$/\\1/p" "$HOME/account.conf"; }
_saveaccountconf_mutable() { echo "SAVED_$1='$2'" >"$HOME/account.conf"; }
call() { ( . {script}; "$@" ) || exit 1; }
"""


def acme_sh(m, _):
    """The dnsapi script, as acme.sh calls it: sourced in a subshell; by sh and by bash; the path of the settings is remembered for the renewals."""
    write(m.dir + "/account.conf", "")
    name, config = "_acme-challenge." + m.zone, m.env.pop("POSTERN_HOOK_CONFIG")
    for shell in "sh", "bash":
        def call(command, env=None):
            text = ACME_SH.replace("{script}", ROOT + "/examples/acme.sh/dns_postern.sh") + "call " + command
            return subprocess.run([shell, "-c", text], cwd=m.dir, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={**m.env, **(env or {})})

        done = call("dns_postern_add %s -value1" % name, {"POSTERN_HOOK_CONFIG": config})
        assert (done.returncode, done.stdout, done.stderr) == (0, "info: Postern: the challenge is at %s\n" % name, ""), done
        done = call("dns_postern_add %s value2" % name)
        assert done.returncode == 0 and P.txt(name) == [b"-value1", b"value2"], done
        done = call("dns_postern_add _acme-challenge.lego.example value2")
        assert done.returncode == 1 and done.stderr.startswith("err: Postern: postern: adding _acme-challenge.lego.example: policy_denied"), done
        for value in "-value1", "value2", "never-there":
            done = call("dns_postern_rm %s %s" % (name, value))
            assert (done.returncode, done.stderr) == (0, ""), done
        with open(m.dir + "/account.conf") as f:
            assert f.read() == "SAVED_POSTERN_HOOK_CONFIG='%s'\n" % config


TRIES = {"certbot": certbot, "dehydrated": dehydrated, "lego": lego, "acme-sh": acme_sh}


def test_each_page():
    missing = installed("pebble", "certbot", "dehydrated", "lego", "jq")
    if missing:
        raise tap.Skip(missing)
    together(follow, KINDS)


if __name__ == "__main__":
    tap.main(globals())
