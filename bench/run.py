#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
make bench: requests/s, CPU per request, latency and memory per role, against a canned HTTPS upstream, with the log synced.

The upstream is HAProxy answering as a modern PowerDNS would (EXTEND understood): five exchanges for one add_record in a zone two labels up
(two candidates that are no zone, the zone, the look, the change), one for make_integration. The slow upstream is a
small asyncio server that takes a second. wrk makes the load. Everything is on this machine, so the figures say how the parts compare, and
little about another machine.
"""
import asyncio
import json
import os
import platform
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
POSTERN = os.path.join(ROOT, "build", "postern")
SECONDS = int(os.environ.get("BENCH_SECONDS", "8"))
CONNECTIONS = 64
TICK = os.sysconf("SC_CLK_TCK")

HAPROXY = """
global
    maxconn 4000
    log stdout format raw local0 emerg
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
frontend upstream
    bind 127.0.0.1:{port} ssl crt {dir}/upstream.pem
    acl zone_ok url_param(zone) -m reg ^z[0-9]+\\.example\\.$
    acl zones path -m end /zones
    http-request return status 200 content-type application/json lf-string '[{{"id":"%[url_param(zone)]","name":"%[url_param(zone)]","kind":"Native"}}]' if zones zone_ok
    http-request return status 200 content-type application/json string '[{{"id":"example.","name":"example.","kind":"Native"}}]' if zones !{{ url_param(zone) -m found }}
    http-request return status 200 content-type application/json string '[]' if zones
    http-request return status 204 if {{ method PATCH }}
    http-request return status 200 content-type application/json string '{{"rrsets":[]}}'
    http-request deny
"""

CONF = """
listen = {{"127.0.0.1:{port}"}}
audit_dir = "{dir}/audit"
ca_file = "{dir}/ca.pem"
callers = "{dir}/callers"
limits {{ caller_rate = none caller_zones = none integration_rate = none }}
root_key "bench" {{ file = "{dir}/root.key" state = "active" }}
self_hosted {{ allow = {{"127.0.0.0/8"}} }}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw).stdout


def make_ca(d):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=postern bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", d + "/upstream.key", "-out", d + "/ca.pem")
    with open(d + "/upstream.pem", "w") as out:
        for name in ("/ca.pem", "/upstream.key"):
            with open(d + name) as f:
                out.write(f.read())


def wait_port(port, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("nothing listens on port %d" % port)


class Gateway:
    def __init__(self, d):
        self.dir, self.port = d, free_port()
        run(POSTERN, "keygen", d + "/root.key")
        token, line = run(POSTERN, "keygen", "--token", "bench").strip().split("\n")[:2]
        self.token = token
        with open(d + "/callers", "w") as f:
            f.write(line + "\n")
        os.chmod(d + "/callers", 0o600)
        with open(d + "/postern.conf", "w") as f:
            f.write(CONF.format(port=self.port, dir=d))
        self.log = open(d + "/stderr", "w")
        self.process = subprocess.Popen([POSTERN, "serve", "--config", d + "/postern.conf"], stdout=subprocess.DEVNULL,
                                        stderr=self.log)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen("http://127.0.0.1:%d/readyz" % self.port, timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the gateway does not become ready: " + open(d + "/stderr").read())

    def post(self, path, body):
        r = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path), json.dumps(body).encode(), {
            "Content-Type": "application/json", "Authorization": "Bearer " + self.token})
        with urllib.request.urlopen(r, timeout=60) as f:
            return json.load(f)

    def pids(self):
        found = {"postern": self.process.pid}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/stat" % pid) as f:
                    ppid = int(f.read().rsplit(")", 1)[1].split()[1])
                with open("/proc/%s/cmdline" % pid) as f:
                    name = f.read().split("\0")[0]
            except OSError:
                continue
            if ppid == self.process.pid:
                found[name] = int(pid)
        return found

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def cpu(pids):
    """Seconds of user and system time, per process."""
    out = {}
    for name, pid in pids.items():
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        out[name] = (int(fields[11]) + int(fields[12])) / TICK
    return out


def private_kib(pids):
    """Memory that is the process's own (private clean and dirty), and its proportional share of everything (PSS), in KiB."""
    out = {}
    for name, pid in pids.items():
        with open("/proc/%d/smaps_rollup" % pid) as f:
            rows = dict(re.findall(r"^(\w+):\s+(\d+) kB", f.read(), re.M))
        out[name] = (int(rows["Private_Clean"]) + int(rows["Private_Dirty"]), int(rows["Pss"]))
    return out


def print_memory(title, memory):
    print("\n%s" % title)
    print("    %-22s %12s %12s" % ("process", "private KiB", "PSS KiB"))
    for name, (own, pss) in sorted(memory.items()):
        print("    %-22s %12d %12d" % (name, own, pss))
    print("    %-22s %12d %12d" % ("together", sum(m[0] for m in memory.values()), sum(m[1] for m in memory.values())))


def wrk(g, path, lua):
    script = os.path.join(g.dir, "load.lua")
    with open(script, "w") as f:
        f.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
                'wrk.headers["Authorization"] = "Bearer %s"\n%s' % (g.token, lua))
        f.write('''
function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
           latency:percentile(99), summary.errors.status, summary.errors.connect + summary.errors.read +
           summary.errors.write + summary.errors.timeout))
end
''')
    url = "http://127.0.0.1:%d%s" % (g.port, path)
    run("wrk", "-t1", "-c%d" % CONNECTIONS, "-d2s", "-s", script, url)  # warm up
    pids = g.pids()
    before = cpu(pids)
    text = run("wrk", "-t1", "-c%d" % CONNECTIONS, "-d%ds" % SECONDS, "-s", script, url)
    after = cpu(pids)
    n, usec, p50, p99, bad, broken = (int(x) for x in re.search(r"RESULT (.*)", text).group(1).split())
    if bad or broken:
        print("    refused: %d answers were not 2xx, %d connections broke" % (bad, broken))
    print("    %.0f requests/s   p50 %.2f ms   p99 %.2f ms   CPU %.0f us/request" % (
        n / (usec / 1e6), p50 / 1e3, p99 / 1e3, sum(after[k] - before[k] for k in after) / n * 1e6))
    for name in sorted(after):
        if after[name] - before[name] > 0.01:
            print("        %-22s %6.0f us/request" % (name, (after[name] - before[name]) / n * 1e6))


class SlowUpstream:
    """Answers every request with an empty list, after a second, over TLS."""

    def __init__(self, d):
        self.port, self.ready = free_port(), threading.Event()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(d + "/upstream.pem")
        self.waiting = self.most = 0
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()
        self.ready.wait()

    async def answer(self, reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.waiting += 1
                self.most = max(self.most, self.waiting)
                await asyncio.sleep(1)
                self.waiting -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        writer.close()

    async def serve(self):
        server = await asyncio.start_server(self.answer, "127.0.0.1", self.port, ssl=self.context, backlog=4096)
        self.ready.set()
        await server.serve_forever()


def in_flight(g, d, calls=1000):
    up = SlowUpstream(d)
    handle = g.post("/make_integration", {"provider": "powerdns", "verify": False, "credentials": {
        "url": "https://127.0.0.1:%d" % up.port, "api_key": "bench-key"}})["integration_handle"]
    pids = g.pids()
    idle = private_kib(pids)
    body = json.dumps({"integration_handle": handle}).encode()
    raw = (b"POST /get_zones HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer " +
           g.token.encode() + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    most, socks = {}, [socket.create_connection(("127.0.0.1", g.port)) for _ in range(calls)]
    for s in socks:
        s.sendall(raw)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        now = private_kib(pids)
        if sum(m[0] for m in now.values()) > sum(m[0] for m in most.values()) or not most:
            most = now
        time.sleep(0.05)
    good = 0
    for s in socks:
        s.settimeout(30)
        good += s.recv(4096).startswith(b"HTTP/1.1 200")
        s.close()
    print("\n%d calls to a provider that takes a second: %d answered, %d waited there at once" % (calls, good, up.most))
    grown = sum(most[k][0] - idle[k][0] for k in idle)
    print("    private memory grew by %d KiB: %.1f KiB per call" % (grown, grown / calls))
    for name in sorted(most):
        print("        %-22s %6.1f KiB per call" % (name, (most[name][0] - idle[name][0]) / calls))


def main():
    for tool, package in (("haproxy", "haproxy"), ("wrk", "wrk"), ("openssl", "openssl")):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin"):
            raise SystemExit("needs %s (Debian package %s)" % (tool, package))
    d = tempfile.mkdtemp(prefix="postern-bench-")
    os.chmod(d, 0o755)
    os.environ["PATH"] += ":/usr/sbin"
    make_ca(d)
    port = free_port()
    with open(d + "/haproxy.cfg", "w") as f:
        f.write(HAPROXY.format(port=port, dir=d))
    upstream = subprocess.Popen(["haproxy", "-db", "-f", d + "/haproxy.cfg"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    g = None
    try:
        wait_port(port)
        g = Gateway(d)
        with open("/proc/cpuinfo") as f:
            cpu_name = re.search(r"model name\s*: (.*)", f.read())
        print("machine: %s, %d cores, Linux %s" % (cpu_name.group(1) if cpu_name else "?", os.cpu_count(), platform.release()))
        print("load: wrk, %d connections, %d s each; upstream: HAProxy, HTTPS, keep-alive; log: fdatasync, group commit" % (
            CONNECTIONS, SECONDS))
        print_memory("idle, just started", private_kib(g.pids()))
        credentials = {"url": "https://127.0.0.1:%d" % port, "api_key": "bench-key"}
        made = g.post("/make_integration", {"provider": "powerdns", "credentials": credentials})
        print("\nadd_record (5 upstream exchanges each)")
        wrk(g, "/add_record", """
local n = 0
function request()
  n = n + 1
  return wrk.format(nil, nil, nil, string.format('{"integration_handle":"%s","record":{"fqdn":"_acme-challenge.www.z%%d.example",' ..
    '"type":"TXT","value":"gfj9Xq-Rg85nM0Zqv1Cq3qJ5nV0Yl8mE2Jb3lT0r9wA"}}', n %% 997))
end""" % made["integration_handle"])
        print("\nmake_integration (1 upstream exchange each)")
        wrk(g, "/make_integration", "wrk.body = '%s'\n" % json.dumps({"provider": "powerdns", "credentials": credentials}))
        print_memory("after the load", private_kib(g.pids()))
        in_flight(g, d)
    finally:
        if g:
            g.stop()
        upstream.kill()
        upstream.wait()
        shutil.rmtree(d)


if __name__ == "__main__":
    sys.exit(main())
