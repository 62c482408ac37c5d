# SPDX-License-Identifier: ISC
"""DNS servers with dynamic updates that end-to-end tests start: BIND and Knot."""
import collections
import shutil
import subprocess
import tempfile

from servers import ROOT, txt_bytes

Key = collections.namedtuple("Key", "name algorithm secret")  # the secret in base64


class DnsServer:
    """One of scripts/NAME. Keys .sha256 and .sha512 may update ZONES; nobody may update those that are CLOSED. AT: addresses, whose port 53 it takes."""
    NAME = None

    def __init__(self, *zones, closed=(), at=()):
        self.dir = tempfile.mkdtemp(prefix="postern-%s-" % self.NAME)
        try:
            args = [a for zone in closed for a in ("--closed", zone)]
            where = ["--at", ",".join(at)] if at else []
            out = subprocess.run([self.script, "start", self.dir, *where, *zones, *args], check=True, stdout=subprocess.PIPE,
                                 text=True).stdout
        except BaseException:
            self.stop()
            raise
        values = {k.split("_", 1)[1]: v for k, v in (line.split("=", 1) for line in out.splitlines())}
        self.dns_host, _, self.dns_port = values["DNS"].rpartition(":")
        self.pid = int(values["PID"])
        self.sha256, self.sha512 = (Key(values["KEY_%s_NAME" % k], "hmac-" + k.lower(), values["KEY_%s_SECRET" % k])
                                    for k in ("SHA256", "SHA512"))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    @property
    def script(self):
        return "%s/scripts/%s" % (ROOT, self.NAME)

    def stop(self):
        subprocess.run([self.script, "stop", self.dir], check=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with open("%s/%s.log" % (self.dir, self.NAME)) as f:
            return f.read()

    def dig(self, name, rtype, *options):
        """The lines of `dig +short`, sorted; with options of your own, all that dig prints."""
        out = subprocess.run(["dig", "@" + self.dns_host, "-p", self.dns_port, "+tcp", "+norecurse", "+tries=2",
                              "+time=5", *(options or ["+short"]), "-q", name, "-t", rtype],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
        return out if options else sorted(out.splitlines())

    def make(self, zone, *lines):
        """Records that somebody else makes: "NAME TTL TYPE CONTENT"."""
        text = "server %s %s\ncheck-names no\nkey %s:%s %s\nzone %s\n" % (self.dns_host, self.dns_port, self.sha256.algorithm,
                                                        self.sha256.name, self.sha256.secret, zone)
        text += "".join("update add %s\n" % line for line in lines) + "send\n"
        done = subprocess.run(["nsupdate", "-v"], input=text, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def rrset(self, name, rtype):
        """[(TTL, content in presentation form)], sorted."""
        lines = self.dig(name, rtype, "+noall", "+answer").splitlines()
        records = [line.split(None, 4) for line in lines]
        return sorted((int(ttl), content) for _, ttl, _, found, content in records if found == rtype)

    def txt(self, name):
        """The values, as bytes, of the TXT records at a name."""
        return [txt_bytes(line) for line in self.dig(name, "TXT") if line.startswith('"')]

    def serial(self, zone):
        return int(self.dig(zone, "SOA")[0].split()[2])


class Bind(DnsServer):
    NAME = "bind"


class Knot(DnsServer):
    NAME = "knot"
