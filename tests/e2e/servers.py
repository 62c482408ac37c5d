# SPDX-License-Identifier: ISC
"""The servers that end-to-end tests start: PowerDNS, Postern, and providers that misbehave."""
import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("POSTERN_BINARY", ROOT + "/build/postern")


def has_symbol(name):
    """Does the program have it? __asan_init, __gcov_dump say how it was built."""
    with open(BINARY, "rb") as f:
        return name.encode() in f.read()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(predicate, seconds=10):
    """Poll until PREDICATE gives something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError("waited %s s in vain for %s" % (seconds, predicate))
        time.sleep(0.01)


def exchange(url, method, path, body=None, headers=None, timeout=60):
    """One HTTP request on a connection of its own: (status, body, headers)."""
    parts = urllib.parse.urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)) as connection:
        connection.request(method, path, body, headers or {})
        try:
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        except http.client.HTTPException as e:
            raise ConnectionError("no whole answer: %r" % e) from e


# ---- PowerDNS ----

def txt_bytes(text):
    """The bytes of a TXT record in presentation form: quoted strings with \\DDD and \\X, joined."""
    def unescape(m):
        return bytes([int(m[1])]) if m[1].isdigit() else m[1]

    strings = re.findall(rb'"((?:[^"\\]|\\.)*)"', text.encode("latin-1"), re.S)
    return b"".join(re.sub(rb"\\(\d{3}|.)", unescape, s, flags=re.S) for s in strings)


class PowerDNS:
    def __init__(self, *zones):
        self.dir = tempfile.mkdtemp(prefix="postern-pdns-")
        try:
            out = subprocess.run([ROOT + "/scripts/pdns", "start", self.dir, *zones], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        except BaseException:
            self.stop()
            raise
        values = dict(line.split("=", 1) for line in out.splitlines())
        self.dns_host, self.dns_port = values["PDNS_DNS"].split(":")
        self.api_url, self.api_key = values["PDNS_API_URL"], values["PDNS_API_KEY"]
        self.pid = int(values["PDNS_PID"])

    def stop(self):
        subprocess.run([ROOT + "/scripts/pdns", "stop", self.dir], check=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def api(self, method, path, body=None):
        """(status, parsed answer or None) of PATH below /api/v1/servers/localhost."""
        status, answer, _ = exchange(self.api_url, method, "/api/v1/servers/localhost" + path,
                                     None if body is None else json.dumps(body),
                                     {"X-API-Key": self.api_key, "Content-Type": "application/json"})
        return status, json.loads(answer) if answer.startswith((b"{", b"[")) else None

    def get(self, path):
        return self.api("GET", path)

    def patch(self, zone, *rrsets):
        return self.api("PATCH", "/zones/%s." % zone, {"rrsets": rrsets})

    def ensure_zone(self, zone):
        status, answer = self.api("POST", "/zones", {"name": zone + ".", "kind": "Native",
                                                     "nameservers": ["ns1.%s." % zone], "soa_edit_api": "INCREASE"})
        assert status in (201, 409), (status, answer)

    def try_set_records(self, zone, name, rtype, ttl, contents):
        """Make CONTENTS, each a text or a (text, disabled), the record set. Tried again while SQLite is locked."""
        pairs = [c if isinstance(c, tuple) else (c, False) for c in contents]
        rrset = {"name": name + ".", "type": rtype, "ttl": ttl, "changetype": "REPLACE",
                 "records": [{"content": c, "disabled": d} for c, d in pairs]}
        for _ in range(20):
            status, _ = self.patch(zone, rrset)
            if status != 500:
                break
            time.sleep(0.05)
        return status == 204

    def set_records(self, zone, name, rtype, ttl, contents):
        assert self.try_set_records(zone, name, rtype, ttl, contents)

    def rrsets(self, zone):
        status, answer = self.get("/zones/%s." % zone)
        assert status == 200, (status, answer)
        return answer["rrsets"]

    def rrset(self, zone, name, rtype):
        """The set as the API shows it, or None."""
        found = [s for s in self.rrsets(zone) if (s["name"], s["type"]) == (name + ".", rtype)]
        return found[0] if found else None

    def api_records(self, zone, name, rtype):
        """[(content, disabled)], sorted."""
        rrset = self.rrset(zone, name, rtype) or {"records": []}
        return sorted((r["content"], r["disabled"]) for r in rrset["records"])

    def api_contents(self, zone, name, rtype):
        return [content for content, _ in self.api_records(zone, name, rtype)]

    def api_ttl(self, zone, name, rtype):
        return self.rrset(zone, name, rtype)["ttl"]

    def all_txt(self, zone):
        """[(name, value)] of all TXT records of the zone."""
        return [(s["name"][:-1], txt_bytes(r["content"]).decode(errors="backslashreplace"))
                for s in self.rrsets(zone) if s["type"] == "TXT" for r in s["records"]]

    def dig(self, name, rtype, *options):
        """The lines of `dig +short`, sorted; with options of your own, all that dig prints."""
        out = subprocess.run(["dig", "@" + self.dns_host, "-p", self.dns_port, "+tcp", "+tries=2", "+time=5",
                              *(options or ["+short"]), "-q", name, "-t", rtype],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
        return out if options else sorted(out.splitlines())

    def txt(self, name):
        """The values, as bytes, of the TXT records that DNS gives at a name."""
        return [txt_bytes(line) for line in self.dig(name, "TXT") if line.startswith('"')]

    def serial(self, zone):
        return int(self.dig(zone, "SOA")[0].split()[2])


# ---- Postern ----

SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:")


class Postern:
    """The gateway: `serve --dev` in STATE_DIR (a temporary one by default).

    With CONFIG, `serve` with that file; TOKEN is then a caller's, and AUDIT_DIR as the file has it.
    """

    wrapper, pass_fds = (), ()  # what the gateway is run under
    on_answer = None  # called with each: method, path, status, headers, body

    def __init__(self, state_dir=None, config=None, token=None, audit_dir=None, env=None, port=0):
        self.temporary = tempfile.TemporaryDirectory(prefix="postern-")  # lives as long as this object
        self.state_dir = state_dir or self.temporary.name + "/state"
        self.audit_dir = audit_dir or self.state_dir + "/audit"
        self.token = token
        self.url = None
        args = ["--config", config] if config else ["--dev", "--listen", "127.0.0.1:%d" % port, "--state-dir", self.state_dir]
        with open(self.temporary.name + "/stderr", "w") as stderr:
            self.process = subprocess.Popen(self.command(args), stdin=subprocess.DEVNULL,
                                            stderr=stderr, stdout=subprocess.PIPE, text=True, env=env,
                                            pass_fds=self.pass_fds)
        self.pid = self.process.pid
        try:
            self.read_start()
            self.wait_until_ready()
        except BaseException:
            self.failed_to_start()
            self.kill()
            raise

    def command(self, args):
        return [*self.wrapper, BINARY, "serve", *args]

    def failed_to_start(self):
        print("".join("# %s\n" % line for line in self.stderr_text().splitlines()), end="")

    def wait_until_ready(self):
        wait_for(lambda: self.get("/readyz")[0] == 200, 20)

    def read_start(self):
        """Until the lines came: listen=http://…, and token=… in dev mode."""
        while self.url is None or self.token is None:
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError("postern ended with status %s" % self.process.wait())
            key, _, value = line.rstrip("\n").partition("=")
            if key == "listen":
                self.url = value
                self.host, self.port = (getattr(urllib.parse.urlsplit(value), k) for k in ("hostname", "port"))
            elif key == "token":
                self.token = value

    def request(self, method, path, body=None, headers=None, timeout=60):
        """(status, parsed answer; the text when it is not JSON)"""
        every = {"Authorization": "Bearer " + self.token, **(headers or {})}
        status, answer, got = exchange(self.url, method, path, body, every, timeout)
        if self.on_answer:
            self.on_answer(method, path, status, got, answer)
        return status, json.loads(answer) if "json" in got.get("Content-Type", "") else answer.decode()

    def post(self, path, obj, timeout=60):
        return self.request("POST", path, json.dumps(obj), {"Content-Type": "application/json"}, timeout)

    def get(self, path):
        return self.request("GET", path)

    def reload(self):
        """SIGHUP, and until every role has what is new: the log's config.load is written when they begin to be told."""
        before = len(self.stderr_text())
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reloaded\n" in self.stderr_text()[before:], 30)
        assert "not reloaded" not in self.stderr_text()[before:], self.stderr_text()[before:]

    def cli(self, *args):
        """`postern ARGS`, finished."""
        return subprocess.run([BINARY, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def stderr_text(self):
        with open(self.temporary.name + "/stderr", errors="replace") as f:
            return f.read()

    def audit_of(self, path):
        """The whole lines of one segment, parsed."""
        with open(path) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def audit(self):
        """All whole lines of the log, parsed, as they stand."""
        names = sorted(n for n in os.listdir(self.audit_dir) if n.endswith(".jsonl"))
        return [line for n in names for line in self.audit_of(self.audit_dir + "/" + n)]

    def pids(self):
        """Role name -> process id, of the roles that run now."""
        found = {}
        for entry in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open("/proc/%s/cmdline" % entry, "rb") as f:
                    name = f.read().split(b"\0")[0].decode(errors="replace")
                with open("/proc/%s/stat" % entry) as f:
                    parent = int(f.read().rpartition(")")[2].split()[1])
                if parent == self.pid and name.startswith("postern-"):
                    found[name] = int(entry)
        return found

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self, seconds=20):
        """SIGTERM; the exit status. Fails when it does not end, or a sanitizer found something."""
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("postern does not end on SIGTERM") from None
        finally:
            self.kill()
        assert not SANITIZER.search(self.stderr_text()), self.stderr_text()
        return self.process.returncode


# ---- providers that misbehave ----

class CA:
    """A throw-away certificate authority. Its own certificate is in .file."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="postern-ca-")
        self.file, self.key = self.dir + "/ca.pem", self.dir + "/ca.key"
        self.openssl("req", "-x509", "-subj", "/CN=Throw-away CA", "-days", "2", "-keyout", self.key, "-out", self.file,
                     "-addext", "basicConstraints=critical,CA:TRUE")

    def openssl(self, command, *args):
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"] if command == "req" else []
        subprocess.run(["openssl", command, *new_key, *args], check=True, stderr=subprocess.DEVNULL)

    def issue(self, *names, days=1, extensions=""):
        """(certificate, key) for NAMES: DNS names, addresses or URIs. DAYS -1: expired."""
        base = tempfile.mkdtemp(dir=self.dir)
        cert, key, request, ext = (base + "/" + n for n in ("cert.pem", "key.pem", "csr", "ext"))
        alternatives = ",".join(("URI:" if "://" in n else "IP:" if re.fullmatch(r"[\d.]+|.*:.*", n) else "DNS:") + n for n in names)
        with open(ext, "w") as f:
            f.write("subjectAltName=%s\n%s" % (alternatives, extensions))
        self.openssl("req", "-subj", "/CN=" + re.sub(r"[^\w.-]", "-", names[0])[:60], "-keyout", key, "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.key, "-CAcreateserial",
                     "-days", str(days), "-extfile", ext, "-out", cert)
        return cert, key

    def revoke(self, *certificates):
        """The path of a list that has them."""
        conf, index, crl = (self.dir + "/" + n for n in ("ca.conf", "index.txt", "crl.pem"))
        with open(conf, "w") as f:
            f.write("[ca]\ndefault_ca=a\n[a]\ndatabase=%s\ndefault_md=sha256\ndefault_crl_days=2\n" % index)
        open(index, "a").close()
        common = ["-config", conf, "-cert", self.file, "-keyfile", self.key]
        for certificate in certificates:
            self.openssl("ca", *common, "-revoke", certificate)
        self.openssl("ca", *common, "-gencrl", "-out", crl)
        return crl

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Request:
    def __init__(self, stream):
        self.method, self.path, _ = stream.readline().decode("latin-1").split()
        self.headers = http.client.parse_headers(stream)
        length = int(self.headers.get("Content-Length", 0))
        self.body = stream.read(length)
        if len(self.body) < length:
            raise ConnectionError("cut short: as if it had not come")


def response(status, headers, body):
    lines = ["HTTP/1.1 %d Status" % status, "Connection: close", "Content-Length: %d" % len(body)]
    lines += ["%s: %s" % h for h in headers.items()]
    return "\r\n".join(lines + ["", ""]).encode() + body


class FakeUpstream(socketserver.ThreadingTCPServer):
    """A provider that does what the test says: .behave(), one of BEHAVIOURS, for all paths or for one.

    TLS: True (a certificate that nobody trusts), or the (certificate, key) of a CA. With PROXY, a base URL, "ok" is
    what the server there answers; a subclass says what it is in answer(). Requests are kept in .requests.
    """
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, tls=False, proxy=None):
        self.context = self.ca = None
        if tls:
            self.ca = CA() if tls is True else None
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*(self.ca.issue("127.0.0.1", "localhost") if tls is True else tls))
        self.proxy, self.lost_method, self.held_method = proxy, None, None
        self.holding = threading.Event()
        self.behaviours, self.requests = {None: ("ok", {})}, []
        self.changed, self.generation = threading.Condition(), 0
        super().__init__(("127.0.0.1", 0), Connection)
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self.server_address[1])
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def stop(self):
        self.behave("reset")
        self.release()
        self.shutdown()
        self.server_close()
        if self.ca:
            self.ca.close()

    def behave(self, behaviour, path=None, headers=None):
        """From now on; HEADERS are added to the answers that are whole. PATH None: wherever no path's own is set."""
        if path is None:
            self.behaviours = {None: (behaviour, headers or {})}
        else:
            self.behaviours[path] = (behaviour, headers or {})

    def lose_answers_to(self, method):
        """Do what requests of that method ask, and drop the connection instead of answering. None: no more."""
        self.lost_method = method

    def hold_answers_to(self, method):
        """Do what requests of that method ask, set .holding, and answer after .release(), which ends this."""
        self.held_method = method
        self.holding.clear()

    def wait_for_request(self, seconds=10):
        return wait_for(lambda: self.requests and self.requests[-1], seconds)

    def release(self):
        """Those that are held by "silent" go on, with what is the behaviour by now."""
        with self.changed:
            self.held_method = None
            self.generation += 1
            self.changed.notify_all()

    def hold(self, seconds=None):
        with self.changed:
            held = self.generation
            self.changed.wait_for(lambda: self.generation != held, seconds)

    def answer(self, request):
        """(status, headers, body)"""
        if not self.proxy:
            return 200, {"Content-Type": "application/json"}, b"{}"
        headers = {k: v for k, v in request.headers.items() if k not in ("Host", "Connection")}
        status, body, got = exchange(self.proxy, request.method, request.path, request.body, headers)
        return status, {"Content-Type": got.get("Content-Type", "text/plain")}, body

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):  # that is only a peer who went away
            super().handle_error(request, client_address)


class Connection(socketserver.BaseRequestHandler):
    """One connection, one request."""

    def handle(self):
        upstream = self.server
        self.socket = self.request
        if upstream.context:
            self.socket = upstream.context.wrap_socket(self.request, server_side=True)
        with self.socket:
            with self.socket.makefile("rb") as stream:
                if not stream.peek(1):
                    return  # somebody connected, and no more
                self.asked = Request(stream)
            upstream.requests.append(self.asked)
            self.respond()

    def respond(self):
        upstream, path = self.server, urllib.parse.urlsplit(self.asked.path).path
        while True:
            behaviour, self.headers = upstream.behaviours.get(path, upstream.behaviours[None])
            if behaviour != "silent":
                break
            upstream.hold()
        name, _, argument = behaviour.partition(":")
        self.BEHAVIOURS[name](self, *(argument.split(",") if argument else []))

    def send(self, status, headers, body):
        self.socket.sendall(response(status, {**headers, **self.headers}, body))

    def ok(self):
        answer = self.server.answer(self.asked)
        if self.asked.method == self.server.held_method:
            self.server.holding.set()
            self.server.hold()
        if self.asked.method != self.server.lost_method:
            self.send(*answer)

    def status(self, status):
        self.send(int(status), {"Content-Type": "application/json"}, b'{"error": "made up"}')

    def html(self):
        self.send(200, {"Content-Type": "text/html"}, b"<!doctype html><html><title>Maintenance</title></html>")

    def echo(self):
        """An error that holds all that was sent to us."""
        said = "%s %s %s %s" % (self.asked.method, self.asked.path, self.asked.headers, self.asked.body)
        self.send(422, {"Content-Type": "application/json"}, json.dumps({"error": said}).encode())

    def echo_key(self, status, how="plain"):
        """An error, or an answer, that has the key in it: as it is, cut, in other codes."""
        key = self.asked.headers.get("X-API-Key", "")
        text = {"plain": key, "cut": key[:12] + "...", "hex": key.encode().hex(), "url": urllib.parse.quote(key, safe=""),
                "base64": base64.b64encode(b"u:" + key.encode()).decode(), "twice": json.dumps(key)}[how]
        headers = {"Content-Type": "application/json", "X-Key": key}
        body = {"error": "bad key %s!" % text}
        self.send(int(status), headers, json.dumps([body] if status == "200" else body).encode())

    def redirect(self):
        self.send(302, {"Location": self.server.url + "/elsewhere"}, b"")

    def slow(self, seconds):
        self.server.hold(float(seconds))
        self.ok()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def garbage(self):
        self.socket.sendall(bytes(range(256)) * 64)

    def truncated(self):
        self.socket.sendall(response(200, {"Content-Type": "application/json"}, b'{"a": "' + b"b" * 1000)[:-500])

    def endless(self, start, piece):
        self.socket.sendall(start)
        while True:
            self.socket.sendall(piece)

    def endless_body(self):
        self.endless(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[", b"1," * 32768)

    def endless_headers(self):
        self.endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n" * 1000)

    # "silent" holds the request until .release(). "status" and "slow" take a number: "status:500", "slow:1.5".
    BEHAVIOURS = {f.__name__: f for f in (ok, status, html, echo, echo_key, redirect, slow, reset, garbage, truncated,
                                          endless_body, endless_headers)}
