# SPDX-License-Identifier: ISC
"""A gateway with names for httpreq, beside PowerDNS, and words for what their clients do."""
import atexit
import base64
import functools
import json
import os
import subprocess
import tempfile

from common import NO_LIMITS, integrate, make_token, pdns
from dns_answers import CNAME, NameServer, record
from openapi import check
from servers import BINARY, Postern, exchange

A, B = "a.httpreq.example", "b.httpreq.example"
P = pdns(A, B)
DNS = NameServer("127.0.0.1", 0)  # as the resolver's recursive server: it knows of no CNAME but those that tests put there
atexit.register(DNS.__exit__)

CONF = """
listen = {"127.0.0.1:0"}
audit_dir = "{d}/audit"
callers = "{d}/callers"
root_key "a" { file = "{d}/a.key" }
self_hosted { plain_http = {"127.0.0.1"} }
resolver { servers = {"127.0.0.1:%d"} }
""" % DNS.port

# Who may do what. backend makes the handles; web1 and web2 are hosts.
CALLERS = {"backend": "all", "web1": "add_record,remove_record", "web2": "add_record,remove_record", "adds": "add_record",
           "reader": "get_zones"}

# One pair for each host, and names for what else is tried.
SECTIONS = """
httpreq "web1" { handle_file = "{d}/all" zones = {"%(A)s"} callers = {"web1"} }
httpreq "web2" { handle_file = "{d}/all" zones = {"%(B)s."} callers = {"web2"} }
httpreq "only-b" { handle_file = "{d}/b" callers = {"web1"} }
httpreq "shared" { handle_file = "{d}/all" callers = {"web1", "web2", "adds", "reader"} }
httpreq "acme.example" { handle_file = "{d}/acme" customer = "acme" callers = {"web1"} }
httpreq "wrong-customer" { handle_file = "{d}/acme" customer = "other" callers = {"web1"} }
httpreq "strict" { handle_file = "{d}/strict" callers = {"web1"} }
""" % {"A": A, "B": B}


class Site:
    """A gateway whose configuration may change under it. .tokens by caller's name; .handles by file."""

    def __init__(self, d, limits=NO_LIMITS):
        self.dir, self.limits, self.handles = d, limits, {}
        os.chmod(d, 0o755)
        subprocess.run([BINARY, "keygen", d + "/a.key"], check=True, capture_output=True)
        self.tokens, lines = {}, []
        for name, verbs in CALLERS.items():
            self.tokens[name], line = make_token(name, verbs)
            lines.append(line)
        self.put("callers", "\n".join(lines) + "\n")
        self.configure("")
        self.now = self.start()
        for file, kw in (("all", {}), ("b", {"zones": [B]}), ("acme", {"customer": "acme"}), ("strict", {"policy": "strict"})):
            self.handles[file] = integrate(self.now, P, **kw)
            self.put(file, self.handles[file] + "\n")

    def put(self, name, text):
        with open(self.dir + "/" + name, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)

    def configure(self, sections):
        self.put("postern.conf", (CONF + sections).replace("{d}", self.dir) + self.limits)

    def start(self, audit="audit"):
        """One more of it: with a log of its own, for a replica."""
        path = self.dir + "/postern.conf"
        if audit != "audit":
            with open(path) as f, open(self.dir + "/replica.conf", "w") as out:
                out.write(f.read().replace(self.dir + "/audit", self.dir + "/" + audit))
            path = self.dir + "/replica.conf"
        return Postern(config=path, token=self.tokens["backend"], audit_dir=self.dir + "/" + audit)

    def reload(self):
        self.now.reload()

    def pair(self, name, caller=None):
        return "%s:%s" % (name, self.tokens[caller or name])

    def headers(self, pair):
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode(), "Content-Type": "application/json"}

    def exchange(self, path, body, pair, g=None, **headers):
        """(status, bytes, headers)"""
        body = body if isinstance(body, (bytes, str)) else json.dumps(body)
        result = exchange((g or self.now).url, "POST", path, body, {**self.headers(pair), **headers})
        check("POST", path, result[0], result[2], result[1])
        return result

    def call(self, path, body, name="web1", caller=None, **kw):
        """(status, answer)"""
        status, answer, _ = self.exchange(path, body, self.pair(name, caller), **kw)
        return status, json.loads(answer)

    def present(self, fqdn, value, *who, **kw):
        return self.call("/present", {"fqdn": fqdn, "value": value}, *who, **kw)

    def cleanup(self, fqdn, value, *who, **kw):
        return self.call("/cleanup", {"fqdn": fqdn, "value": value}, *who, **kw)

    def lines(self, since=0):
        return [line for line in self.now.audit() if line["seq"] >= since and line["caller"]]

    def next_seq(self):
        return self.now.audit()[-1]["seq"] + 1


@functools.cache
def site():
    """One for most tests."""
    directory = tempfile.TemporaryDirectory(prefix="postern-httpreq-")
    s = Site(directory.name)
    s.configure(SECTIONS)
    s.reload()
    atexit.register(directory.cleanup)
    atexit.register(lambda: s.now.stop())  # the one that runs then
    return s


def challenge(label, zone=A):
    return "_acme-challenge.%s.%s" % (label, zone)


def alias(name, target):
    """In the resolver's eyes NAME is a CNAME."""
    answer = record(None, CNAME, target)
    DNS.names[name] = lambda q: q.answer(answer)


def ok(result, fqdn, value, **more):
    assert result == (200, {"fqdn": fqdn, "value": value, **more}), result
