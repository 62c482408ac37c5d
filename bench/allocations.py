#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Part of make bench: what each role asks of malloc() for one request, libraries included, in a gateway that serves: allocations.py [--sites] [REQUEST…]

The gateway is build/bench/postern-counted: postern with counting allocators (bench/count.c), of which each role shows its counts in a file (bench/count_roles.h). It has a
whole configuration and its sandbox. The provider is Cloudflare as the tests have it, over HTTPS; the client keeps its connection, and sends one request after the other.
Ends with status 1 when a request makes a role call sodium_malloc().

--sites: also from where, for each role, the most frequent first.
"""
import argparse
import collections
import ctypes
import http.client
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COUNTED = ROOT + "/build/bench/postern-counted"
os.environ["POSTERN_BINARY"] = COUNTED
sys.path.insert(0, ROOT + "/tests/e2e")
from cloudflare_server import cloudflare  # noqa: E402
from common import gateway_of  # noqa: E402: it reads POSTERN_BINARY
from servers import CA  # noqa: E402

WARM, MEASURED = 40, 200
ZONES = 50
CHAIN = 7  # functions that are shown of a site
# Through these everything goes: they are not shown.
PLUMBING = {"memory_alloc", "wiping_realloc", "buf_grow", "buf_extend", "buf_put", "buf_put_bytes", "buf_puts", "buf_putc", "buf_put_be16", "buf_put_be32"}
BOTTOM = {"dispatch", "loop_run"}


# ---- count_roles.h, once more ----

def struct(name, *fields):
    return type(name, (ctypes.Structure,), {"_fields_": fields})


U64 = ctypes.c_uint64
Counts = struct("Counts", ("allocations", U64), ("bytes", U64), ("frees", U64), ("sodium", U64))
Frame = struct("Frame", ("offset", U64), ("object", ctypes.c_char * 24), ("symbol", ctypes.c_char * 48))
Site = struct("Site", ("hash", U64), ("count", U64), ("bytes", U64), ("frames", U64), ("frame", Frame * 20))
Process = struct("Process", ("name", ctypes.c_char * 32), ("pid", U64), ("counts", Counts), ("sites_lost", U64), ("site", Site * 1024))
Roles = struct("Roles", ("processes", U64), ("process", Process * 32))
FILE = "allocations.counts"
KINDS = [name for name, _ in Counts._fields_]


class Counted:
    """The file, in the working directory."""

    def __init__(self):
        with open(FILE, "wb") as f:
            f.truncate(ctypes.sizeof(Roles))
        os.chmod(FILE, 0o666)  # the roles have users of their own
        with open(FILE, "r+b") as f:
            self.roles = Roles.from_buffer(mmap.mmap(f.fileno(), 0))

    def processes(self):
        return {p.name.decode(): p for p in self.roles.process[:self.roles.processes]}

    def settled(self):
        """{role: {what: how many}} once all is quiet: what follows on an answer belongs to its request."""
        before, deadline = None, time.monotonic() + 5
        while True:
            now = {name: {k: getattr(p.counts, k) for k in KINDS} for name, p in self.processes().items()}
            if now == before or time.monotonic() > deadline:
                return now
            before = now
            time.sleep(0.05)

    def forget_sites(self):
        for p in self.processes().values():
            ctypes.memset(p.site, 0, ctypes.sizeof(p.site))
            p.sites_lost = 0


# ---- from where ----

def functions(offsets):
    """{offset: the functions there, the innermost first}, of our own program."""
    out = subprocess.run(["addr2line", "-afi", "-e", COUNTED], input="".join("%#x\n" % o for o in offsets), check=True,
                         stdout=subprocess.PIPE, text=True).stdout.splitlines()
    found, at = {}, None
    for line in out:
        if line.startswith("0x"):
            at = found.setdefault(int(line, 16), [])
            name = None
        elif name is None:
            name = line
        else:
            at.append(name)
            name = None
    return found


def is_ours(frame):
    return frame.object.startswith(b"postern")


def chain(site, names):
    """The functions, the innermost first, down to the loop; a library's own have its name, once."""
    found = []
    for f in site.frame[:site.frames]:
        for name in names[f.offset] if is_ours(f) else [(f.symbol or f.object).decode()]:
            if name in BOTTOM:
                return " < ".join(found[:CHAIN])
            if name not in PLUMBING and name not in found[-1:]:
                found.append(name)
    return " < ".join(found[:CHAIN])


def print_sites(process, n):
    sites = [s for s in process.site if s.count]
    names = functions({f.offset for s in sites for f in s.frame[:s.frames] if is_ours(f)})
    counts, sizes = collections.Counter(), collections.Counter()
    for s in sites:
        counts[chain(s, names)] += s.count
        sizes[chain(s, names)] += s.bytes
    for text, count in counts.most_common():
        if count * 10 >= n:  # else it is no request's
            print("            %6.1f %8.0f  %s" % (count / n, sizes[text] / n, text))
    if process.sites_lost:
        print("            %6.1f           from places that there was no room for" % (process.sites_lost / n))


# ---- requests ----

class Client:
    def __init__(self, g):
        self.token, self.connection = g.token, http.client.HTTPConnection(g.host, g.port, timeout=60)
        self.n = 0

    def post(self, path, body):
        self.connection.request("POST", path, json.dumps(body), {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit("%s: %d %s" % (path, answer.status, text.decode()))
        return json.loads(text)

    def integrate(self):
        return self.post("/make_integration", {"provider": "cloudflare", "customer": "customer-42", "verify": False,
                                               "credentials": {"api_token": "t" * 40}})["integration_handle"]

    def ready(self):
        """What the requests below need."""
        self.common = {"integration_handle": self.integrate(), "customer": "customer-42"}
        self.records = []

    def make_integration(self):
        self.integrate()

    def get_zones(self):
        self.post("/get_zones", self.common)

    def add_record(self):
        self.n += 1
        record = {"fqdn": "_acme-challenge.w%d.z%d.soak.example" % (self.n, self.n % ZONES), "type": "TXT", "value": "%043d" % self.n}
        self.records.append(self.post("/add_record", dict(self.common, record=record))["record_handle"])

    def remove_record(self):
        if not self.records:
            for _ in range(WARM + MEASURED):
                self.add_record()
        self.post("/remove_record", dict(self.common, record_handle=self.records.pop()))


REQUESTS = ["make_integration", "get_zones", "add_record", "remove_record"]


def measure(counted, client, request, sites):
    """True: no role has called sodium_malloc()."""
    for _ in range(WARM):
        getattr(client, request)()
    before = counted.settled()
    counted.forget_sites()
    for _ in range(MEASURED):
        getattr(client, request)()
    after = counted.settled()
    good, total = True, dict.fromkeys(KINDS, 0.0)
    print(request)
    for role in sorted(after):
        each = {k: (after[role][k] - before[role][k]) / MEASURED for k in KINDS}
        if each["allocations"] < 0.5 and not each["sodium"]:
            continue
        print("    %-24s %8.1f %8.1f %10.0f %8.2f" % (role, each["allocations"], each["frees"], each["bytes"], each["sodium"]))
        good = good and not each["sodium"]
        total = {k: total[k] + each[k] for k in KINDS}
        if sites:
            print_sites(counted.processes()[role], MEASURED)
    print("    %-24s %8.1f %8.1f %10.0f %8.2f" % ("together", total["allocations"], total["frees"], total["bytes"], total["sodium"]))
    return good


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--sites", action="store_true")
    p.add_argument("requests", metavar="REQUEST", nargs="*", help=", ".join(REQUESTS))
    args = p.parse_args()
    wanted = args.requests or REQUESTS
    if not set(wanted) <= set(REQUESTS):
        p.error("there are " + ", ".join(REQUESTS))
    good, ca = True, CA()
    with tempfile.TemporaryDirectory(prefix="postern-allocations-") as d, cloudflare(ca, ZONES) as port:
        os.chmod(d, 0o755)
        os.chdir(d)
        counted = Counted()
        section = 'ca_file = "%s"\nprovider "cloudflare" { base = "https://127.0.0.1:%d/client/v4" }\n' % (ca.file, port)
        with gateway_of(section) as g:
            client = Client(g)
            client.ready()
            print("allocations for one request, by role %16s %8s %10s %8s" % ("allocs", "frees", "bytes", "sodium"))
            for request in [r for r in REQUESTS if r in wanted]:
                good = measure(counted, client, request, args.sites) and good
        os.chdir(ROOT)
    ca.close()
    if not good:
        print("sodium_malloc() was called for requests")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
