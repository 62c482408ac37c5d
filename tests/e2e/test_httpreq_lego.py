# SPDX-License-Identifier: ISC
"""httpreq with a real client: lego gets certificates of Pebble's by way of Postern and PowerDNS; and docs/acme-httpreq.md, followed."""
import os
import re
import subprocess
import tempfile
import traceback

import tap
from acme_servers import Pebble, installed
from common import together
from httpreq_site import A, B, P, Site, alias, site
from openapi import check_answers
from servers import BINARY, ROOT

check_answers()


class Lego:
    """A host: its directory, the pair that it knows, and lego."""

    def __init__(self, s, pebble, d, name="web1", **env):
        self.pebble, self.dir = pebble, d
        self.env = {"PATH": os.environ["PATH"], "HTTPREQ_ENDPOINT": s.now.url, "HTTPREQ_USERNAME": name, "HTTPREQ_PASSWORD": s.tokens[name],
                    **pebble.trust, **env}

    def run(self, command, *names):
        args = ["lego", "--server", self.pebble.url, "--accept-tos", "--email", "admin@" + A, "--path", self.dir, "--dns", "httpreq",
                "--dns.disable-cp"]
        for name in names:
            args += ["--domains", name]
        done = subprocess.run([*args, *command], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=120)
        return done.returncode, done.stdout

    def certificate(self, name):
        return self.dir + "/certificates/%s.crt" % name.replace("*", "_")


def obtained(host, *names):
    code, said = host.run(["run"], *names)
    assert code == 0, said
    assert "cleaning up failed" not in said.lower() and "error" not in said.lower(), said
    assert host.pebble.names_of(host.certificate(names[0])) == sorted(names)


def one_name_and_renewal(s, pebble, d):
    host = Lego(s, pebble, d)
    obtained(host, "www." + A)
    before = pebble.serial_of(host.certificate("www." + A))
    code, said = host.run(["renew", "--days", "3650", "--no-random-sleep"], "www." + A)
    assert code == 0 and pebble.serial_of(host.certificate("www." + A)) != before, said


def wildcard_and_apex(s, pebble, d):
    obtained(Lego(s, pebble, d), A, "*." + A)


def wildcard_and_apex_raw(s, pebble, d):
    """For the same names as another client at the same time: four values at one name."""
    obtained(Lego(s, pebble, d, HTTPREQ_MODE="RAW"), A, "*." + A)


def ten_names(s, pebble, d):
    obtained(Lego(s, pebble, d), *("host%d.%s" % (i, A) for i in range(10)))


def two_hosts(s, pebble, d):
    """Each gets a certificate in its own zone, and none in the other's."""
    hosts = {name: Lego(s, pebble, d + "/" + name, name) for name in ("web1", "web2")}
    obtained(hosts["web1"], "two." + A)
    obtained(hosts["web2"], "two." + B)
    for name, other in (("web1", "three." + B), ("web2", "three." + A)):
        code, said = hosts[name].run(["run"], other)
        assert code != 0 and "403" in said and "policy_denied" in said, said
        assert not os.path.exists(hosts[name].certificate(other))


def token_from_a_file(s, pebble, d):
    """As a systemd credential would be given: the token is in no environment."""
    host = Lego(s, pebble, d)
    with open(d + "/token", "w") as f:
        f.write(host.env.pop("HTTPREQ_PASSWORD") + "\n")
    host.env["HTTPREQ_PASSWORD_FILE"] = d + "/token"
    obtained(host, "file." + A)


def behind_a_cname(s, pebble, d):
    """The host's name is in a zone that nobody may write; its challenge is delegated to a zone that the host may."""
    name, target = "_acme-challenge.behind." + B, "_acme-challenge.behind." + A
    P.set_records(B, name, "CNAME", 300, [target + "."])  # for Pebble
    alias(name, target)
    obtained(Lego(s, pebble, d), "behind." + B)
    P.set_records(B, name, "CNAME", 300, [])


SCENARIOS = (behind_a_cname, one_name_and_renewal, wildcard_and_apex, wildcard_and_apex_raw, ten_names, two_hosts, token_from_a_file)


PAGE = ROOT + "/docs/acme-httpreq.md"


def blocks(heading):
    """The code under a heading of the page, block by block."""
    with open(PAGE, encoding="utf-8") as f:
        section = re.search(r"^## %s\n(.*?)^## " % heading, f.read(), re.M | re.S)[1]
    return re.findall(r"^```\w*\n(.*?)^```", section, re.M | re.S)


def test_page():
    """The page, followed: its commands, in order; with other paths, another zone, and the gateway's URL."""
    missing = installed("lego", "pebble", "jq")
    if missing:
        raise tap.Skip(missing)
    with tempfile.TemporaryDirectory() as d, Pebble(P) as pebble:
        s = Site(d)
        os.makedirs(d + "/keys")
        s.put("root-powerdns.key", P.api_key)
        s.put("backend.token", s.tokens["backend"])

        def mine(text):
            for a, b in (("/etc/postern/postern.conf", d + "/postern.conf"), ("/etc/postern/keys", d + "/keys"), ("/etc/lego", d),
                         ("/root/powerdns.key", d + "/root-powerdns.key"), ("https://dns.example.org:8081", P.api_url),
                         ("https://gateway.example:8443", s.now.url), ("example.org", A),
                         ("lego --", "lego --server %s --path %s/lego --dns.disable-cp --" % (pebble.url, d)),
                         ("renew", "renew --days 3650 --no-random-sleep"), ("systemctl reload postern", "true"), ("postern doctor", "true"),
                         ("postern check-config", "postern check-config %s/postern.conf" % d)):
                text = text.replace(a, b)
            return text

        def run(text):
            env = {"PATH": os.path.dirname(BINARY) + ":" + os.environ["PATH"], "POSTERN_URL": s.now.url,
                   "POSTERN_TOKEN_FILE": d + "/backend.token", **pebble.trust}
            done = subprocess.run(["sh", "-euc", mine(text)], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=200)
            assert done.returncode == 0, (mine(text), done)
            return done.stdout

        try:
            token, handle, section, reload = blocks("On the gateway")
            made = run(token).splitlines()
            with open(d + "/callers") as f:
                lines = [line for line in f.read().splitlines() if not line.startswith("web1 ")]
            s.put("callers", "\n".join([*lines, made[1]]) + "\n")
            s.put("postern-token", made[0] + "\n")
            run(handle)
            assert os.stat(d + "/keys/web1.handle").st_mode & 0o777 == 0o600
            s.configure(mine(section))
            assert "names of httpreq: 1" in run(reload)
            s.reload()
            run(blocks("lego")[0])
            assert pebble.names_of(d + "/lego/certificates/%s.crt" % A) == ["*." + A, A]
            assert P.all_txt(A) == []
        finally:
            s.now.stop()


def test_lego():
    """All at once, as lego waits most of the time; in the end nothing is left in DNS."""
    missing = installed("lego", "pebble")
    if missing:
        raise tap.Skip(missing)
    s = site()

    def run(scenario):
        try:
            with tempfile.TemporaryDirectory() as d:
                scenario(s, pebble, d)
        except Exception:
            return scenario.__name__ + ": " + traceback.format_exc()
        return None

    with Pebble(P) as pebble:
        failed = [x for x in together(run, SCENARIOS) if x]
    assert not failed, "\n".join(failed)
    assert (P.all_txt(A), P.all_txt(B)) == ([], [])


if __name__ == "__main__":
    tap.main(globals())
