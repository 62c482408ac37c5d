# SPDX-License-Identifier: ISC
"""The certificate authority that end-to-end tests start: Pebble, in strict mode.

    with Pebble(pdns) as pebble:                     # or pebble.stop()
        run(["lego", "--server", pebble.url, …], env={**env, **pebble.trust})
        names = pebble.names_of(certificate_file)    # verified first, up to Pebble's root

Challenges are looked up at the one DNS server given: anything with .dns_host and .dns_port (servers.PowerDNS, dns_servers.Bind and Knot).
"""
import atexit
import re
import shutil
import subprocess
import tempfile

import tap
from servers import ROOT, has_symbol

_shared = None


def installed(*programs):
    """The missing ones, as a text for tap.Skip; None when all are there, and this is the build to try them with."""
    if has_symbol("__asan_init"):
        return "the clients take their time, and are what is tested: one build is enough"
    missing = [p for p in programs if not shutil.which(p)]
    return "not installed, scripts/install-deps test: " + ", ".join(missing) if missing else None


class Pebble:
    """.url: the ACME directory. .ca: the file by which its HTTPS is verified. .root: the file of the root that it issues under,
    made anew at every start. .trust: the environment by which clients take .ca (certbot, lego, curl: so dehydrated).
    """

    def __init__(self, dns):
        self.dir = tempfile.mkdtemp(prefix="postern-pebble-")
        try:
            out = subprocess.run([ROOT + "/scripts/pebble", "start", self.dir, "%s:%s" % (dns.dns_host, dns.dns_port)], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        except BaseException:
            self.stop()
            raise
        values = dict(line.split("=", 1) for line in out.splitlines())
        self.url, self.ca, self.root = (values["PEBBLE_" + key] for key in ("URL", "CA", "ROOT"))
        self.trust = {"REQUESTS_CA_BUNDLE": self.ca, "LEGO_CA_CERTIFICATES": self.ca, "CURL_CA_BUNDLE": self.ca, "NO_PROXY": "*"}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        subprocess.run([ROOT + "/scripts/pebble", "stop", self.dir], check=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        with open(self.dir + "/pebble.log", errors="replace") as f:
            return f.read()

    def names_of(self, chain):
        """The DNS names, sorted, of the first certificate in a file of PEM, which leads to this Pebble's root by the others there."""
        done = subprocess.run(["openssl", "verify", "-CAfile", self.root, "-untrusted", chain, chain], capture_output=True, text=True)
        assert done.returncode == 0, done
        text = subprocess.run(["openssl", "x509", "-in", chain, "-noout", "-ext", "subjectAltName"], check=True, capture_output=True,
                              text=True).stdout
        return sorted(re.findall(r"DNS:([^,\s]+)", text))

    def serial_of(self, chain):
        """What tells a renewed certificate from the one before."""
        return subprocess.run(["openssl", "x509", "-in", chain, "-noout", "-serial"], check=True, capture_output=True, text=True).stdout.strip()


def pebble_of(dns, clients):
    """One Pebble for all tests of a program, looking up challenges at DNS; where it or one of CLIENTS (each names its program in .NEEDS) is missing, the test is skipped."""
    global _shared
    missing = installed("pebble", *{c.NEEDS for c in clients})
    if missing:
        raise tap.Skip(missing)
    if _shared is None:
        _shared = Pebble(dns)
        atexit.register(_shared.stop)
    return _shared
