# SPDX-License-Identifier: ISC
"""What is measured: Postern, the Go peer, nginx as a bare proxy; and the upstream that all of them call.

Each is started anew for each run, so that none profits from the one before, and what its log holds can be counted against the calls of that run.
"""
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import figures

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = ROOT + "/bench"
BUILD = ROOT + "/build/bench"
POSTERN = ROOT + "/build/postern"
PEER = BUILD + "/peer"

GATEWAY_CORE, OTHER_CORE, BOTH = "0", "1", "0,1"
FILES = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536)
ZONES_MAX = 10000

TOKEN = "0123456789abcdef0123456789abcdef01234567"
RECORD = {"fqdn": "_acme-challenge.www.example.com", "type": "TXT", "value": "gfj9Xq-Rg85nM0Zqv1Cq3qJ5nV0Yl8mE2Jb3lT0r9wA"}
# A change of it, as the provider sees it: what Postern and the peer send. nginx passes just that on.
ZONE = "/client/v4/zones/9a7806061c88ada191ed06f989cc3dac/dns_records"
EXCHANGES = [
    ("GET", "/client/v4/zones?page=1&per_page=50", None),
    ("GET", ZONE + "?name=%s&page=1&per_page=50" % RECORD["fqdn"], None),
    ("POST", ZONE, {"type": "TXT", "name": RECORD["fqdn"], "content": '"%s"' % RECORD["value"], "ttl": 60}),
]

CONF = """
listen = {{"127.0.0.1:{port}"}}
sandbox = "require"
audit_dir = "{audit}"
ca_file = "{dir}/upstream.crt"
callers = "{dir}/callers"
limits {{ connections = 10000 calls = 10000 caller_rate = none caller_zones = none caller_in_flight = none integration_rate = none }}
provider "cloudflare" {{ base = "https://127.0.0.1:{upstream}/client/v4" }}
audit {{ origin = "bench.example" checkpoint_keys = {{"{dir}/checkpoint.key"}} }}
"""


class Refused(Exception):
    """A run that does not count: an error, or a log that does not say what was done."""


def run(*argv, **kw):
    return subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **kw).stdout


def free_ports(n):
    """Different ones: each is held until all are there."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def free_port():
    return free_ports(1)[0]


def put(path, content, mode=0o600):
    with open(path, "w" if isinstance(content, str) else "wb", opener=lambda p, f: os.open(p, f, mode)) as f:
        f.write(content)


def nginx_conf(place, name, **values):
    values = {"DIR": place.dir, "FILES": FILES, "CONNECTIONS": FILES - 500, **values}
    with open("%s/nginx/%s.conf" % (HERE, name)) as f:
        text = f.read()
    for key, value in values.items():
        text = text.replace("@%s@" % key, str(value))
    path = "%s/%s.conf" % (place.dir, name)
    put(path, text, 0o644)
    return path


class Place:
    """The directories of a bench: .dir; .memory, whose files nothing can make durable; .disk."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="postern-bench-")
        self.memory = tempfile.mkdtemp(prefix="postern-bench-", dir="/dev/shm")
        self.disk = tempfile.mkdtemp(prefix="log-", dir=os.environ.get("BENCH_DIR", BUILD))
        for d in (self.dir, self.memory, self.disk):
            os.chmod(d, 0o755)
        self.make_certificate()
        self.make_keys()
        os.mkdir(self.dir + "/pages", 0o755)

    def make_certificate(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.dir + "/upstream.key", "-out", self.dir + "/upstream.crt",
            stderr=subprocess.DEVNULL)
        os.chmod(self.dir + "/upstream.crt", 0o644)

    def make_keys(self):
        self.make_key("root.key")
        self.token, line = run(POSTERN, "keygen", "--token", "bench", stderr=subprocess.DEVNULL).splitlines()[:2]
        put(self.dir + "/callers", line + "\n")
        put(self.dir + "/checkpoint.key", b"\1" + bytes(31))  # big-log's

    def make_key(self, name):
        run(POSTERN, "keygen", "%s/%s" % (self.dir, name), stderr=subprocess.DEVNULL)

    def make_pages(self, zones):
        """Cloudflare's list of so many zones, for the token of zones_token()."""
        pages = -(-zones // 50)
        for page in range(pages):
            result = [{"id": "%032x" % n, "name": "z%d.example" % n, "status": "active", "paused": False, "type": "full",
                       "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"], "account": {"id": "01a7", "name": "Example"},
                       "permissions": ["#dns_records:edit", "#dns_records:read", "#zone:read"]}
                      for n in range(50 * page, min(zones, 50 * page + 50))]
            info = {"page": page + 1, "per_page": 50, "total_pages": pages, "count": len(result), "total_count": zones}
            put("%s/pages/%d-%d.json" % (self.dir, zones, page + 1), json.dumps(
                {"result": result, "result_info": info, "success": True, "errors": [], "messages": []}), 0o644)

    def remove(self):
        for d in (self.dir, self.memory, self.disk):
            shutil.rmtree(d, ignore_errors=True)


def zones_token(zones):
    return ("zones-%d-" % zones).ljust(40, "x")


class Process:
    """One that listens on .port; .pids() are all of its processes."""

    def begin(self, argv, cores, env=None):
        """Run it, and wait until it answers."""
        self.stderr = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(["taskset", "-c", cores, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.stderr, env=dict(os.environ, **(env or {})))
        try:
            self.wait_ready()
        except BaseException:
            self.process.kill()
            self.process.wait()
            self.remove()
            raise

    def said(self):
        self.stderr.seek(0)
        return self.stderr.read()

    def wait_ready(self):
        end = time.monotonic() + 20
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Refused("%s does not start: %s" % (self.name, self.said()))
            time.sleep(0.005)

    def is_ready(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def pids(self):
        return figures.children(self.process.pid)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Refused("%s does not end" % self.name) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self.remove()

    def remove(self):
        """What it leaves behind, once it has ended."""
        self.stderr.close()


class Upstream(Process):
    """The canned provider."""

    name = "the upstream"

    def __init__(self, place, cores=OTHER_CORE):
        names = ("FAST", "FAST_H2", "SLOW", "SLOW_H2")
        self.ports = dict(zip(names, free_ports(len(names))))
        self.port = self.ports["FAST"]
        self.begin(["nginx", "-p", place.dir, "-c", nginx_conf(place, "upstream", **self.ports)], cores)


class Gateway(Process):
    """What has Postern's API."""

    def __init__(self, place, log):
        """LOG: "memory" or "disk", or a directory that stays."""
        self.place, self.port, self.keeps = place, free_port(), "/" in log
        # The log itself is in its directory "audit".
        self.log = log if self.keeps else tempfile.mkdtemp(prefix=self.name + "-", dir=getattr(place, log))
        os.chmod(self.log, 0o755)

    def command(self, upstream_port):
        """What starts it."""
        raise NotImplementedError

    def start(self, upstream_port, cores=GATEWAY_CORE):
        argv, env = self.command(upstream_port)
        self.begin(argv, cores, env)
        self.handle = self.make_integration(TOKEN)
        return self

    def post(self, path, body):
        r = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path), json.dumps(body).encode(), {
            "Content-Type": "application/json", "Authorization": "Bearer " + self.place.token})
        with urllib.request.urlopen(r, timeout=60) as f:
            return json.load(f)

    def make_integration(self, token):
        return self.post("/make_integration", self.integration(token))["integration_handle"]

    @staticmethod
    def integration(token=TOKEN):
        return {"provider": "cloudflare", "verify": False, "credentials": {"api_token": token}}

    def request(self, path, body):
        return "POST", path, body

    def change(self):
        """The requests that are one change."""
        return [self.request("/add_record", {"integration_handle": self.handle, "record": RECORD})]

    def making(self):
        return [self.request("/make_integration", self.integration())]

    def count_log(self, event):
        """How many lines of that event the log has."""
        needle, n = b'"event":"%s"' % event.encode(), 0
        for name in os.listdir(self.log + "/audit"):
            if name.endswith(".jsonl"):
                with open("%s/audit/%s" % (self.log, name), "rb") as f:
                    n += sum(line.count(needle) for line in f)
        return n

    def remove(self):
        super().remove()
        if not self.keeps:
            shutil.rmtree(self.log, ignore_errors=True)


class Postern(Gateway):
    """As it runs in earnest: its own configuration, the whole sandbox, the log signed. Only the rates are off."""

    name = "postern"

    def __init__(self, place, log="memory", keys=("root.key",)):
        super().__init__(place, log)
        self.keys = keys

    def command(self, upstream_port):
        text = CONF.format(port=self.port, audit=self.log + "/audit", dir=self.place.dir, upstream=upstream_port)
        for n, key in enumerate(self.keys):
            text += 'root_key "k%d" { file = "%s/%s" state = "%s" }\n' % (n, self.place.dir, key, "open-only" if n else "active")
        self.conf = self.place.dir + "/postern.conf"
        put(self.conf, text)
        return [POSTERN, "serve", "--config", self.conf], None

    def wake(self):
        """Need the roles that are started only when somebody needs them: for a customer's own server, which is not there, and for a name."""
        nowhere = {"provider": "powerdns", "verify": False, "credentials": {"url": "https://127.0.0.1:1", "api_key": "k"}}
        handle = self.post("/make_integration", nowhere)["integration_handle"]
        for path, more in ("/get_zones", {}), ("/add_record", {"record": dict(RECORD, follow_cname=True)}):
            with contextlib.suppress(urllib.error.HTTPError):
                self.post(path, {"integration_handle": handle, **more})
        if len(self.pids()) != 9:
            raise Refused("postern has %d processes" % len(self.pids()))

    def is_ready(self):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen("http://127.0.0.1:%d/readyz" % self.port, timeout=1):
                return True
        return False


class Peer(Gateway):
    """The same in Go (bench/peer)."""

    name = "go"

    def __init__(self, place, log="memory", fsync="none", gogc=None, h2=False):
        super().__init__(place, log)
        os.mkdir(self.log + "/audit")
        self.options = ["-fsync", fsync] + (["-h2"] if h2 else [])
        self.env = {"GOGC": gogc} if gogc else {}
        if fsync == "group":
            self.env["GOMAXPROCS"] = "4"  # with one or two P an fdatasync holds up the other goroutines

    def command(self, upstream_port):
        d = self.place.dir
        return [PEER, "-listen", "127.0.0.1:%d" % self.port, "-root-key", d + "/root.key", "-callers", d + "/callers", "-registry",
                ROOT + "/data/iana-underscored-names.csv", "-audit", self.log + "/audit/peer.jsonl", "-ca", d + "/upstream.crt", "-base",
                "https://127.0.0.1:%d/client/v4" % upstream_port, *self.options], self.env


class Proxy(Process):
    """nginx passes on what the others send to the provider, and does nothing else: there is no log, and nothing to check."""

    name = "nginx"

    def __init__(self, place):
        self.place, self.port = place, free_port()

    def start(self, upstream_port, cores=GATEWAY_CORE):
        conf = nginx_conf(self.place, "proxy", UPSTREAM=upstream_port, PORT=self.port)
        self.begin(["nginx", "-p", self.place.dir, "-c", conf], cores)
        return self

    def change(self):
        return EXCHANGES

    def count_log(self, event):
        return None


def build_peer():
    """With Debian's Go and its golang.org/x/crypto; nothing is fetched."""
    env = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="", CGO_ENABLED="0",
               GOCACHE=os.environ.get("GOCACHE", BUILD + "/go-cache"))
    subprocess.run(["go", "build", "-o", PEER, "."], check=True, cwd=HERE + "/peer", env=env)
    return run("go", "version").split()[2]
