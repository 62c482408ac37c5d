# SPDX-License-Identifier: ISC
"""TLS, by openssl and curl: versions, certificates, who the client is, and reloading while requests come in."""
import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading

import tap
from memory import holds
from servers import BINARY, CA, Postern, wait_for

CONF = """
audit_dir = "{d}/audit"
callers = "{d}/callers"
root_key "a" {{ file = "{d}/a.key" }}
tls {{
	listen = {{{listen}}}
	certificate = "{d}/server.pem"
	key = "{d}/server.key"
{more}
}}
"""


class Place:
    """A directory with a configuration for TLS, certificates, and one caller with a token."""

    def __init__(self, d):
        self.dir, self.ca, self.more, self.listen = d, CA(), "", '"0.0.0.0:0"'
        os.chmod(d, 0o755)
        subprocess.run([BINARY, "keygen", d + "/a.key"], check=True, capture_output=True)
        self.token, line = subprocess.run([BINARY, "keygen", "--token", "all", "--verbs", "all"], check=True,
                                          capture_output=True, text=True).stdout.splitlines()[:2]
        self.callers = [line]
        self.certify()

    def certify(self, **kw):
        """A new certificate for the server."""
        cert, key = self.ca.issue("127.0.0.1", "localhost", **kw)
        self.put("server.pem", open(cert).read())
        self.put("server.key", open(key).read())

    def put(self, name, text):
        """Whole or not at all."""
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        os.rename(path + ".new", path)
        return path

    def write(self):
        self.put("callers", "\n".join(self.callers) + "\n")
        return self.put("postern.conf", CONF.format(d=self.dir, more=self.more, listen=self.listen))

    def trust_clients(self, extra=""):
        shutil.copy(self.ca.file, self.dir + "/clients.pem")
        self.more = '\tclient_ca = "%s/clients.pem"\n%s' % (self.dir, extra)

    @contextlib.contextmanager
    def running(self):
        g = Secure(self)
        try:
            yield g
        finally:
            g.stop()


class Secure(Postern):
    def __init__(self, place):
        self.place = place
        super().__init__(config=place.write(), token=place.token, audit_dir=place.dir + "/audit")

    def wait_until_ready(self):
        wait_for(lambda: self.curl("/readyz").startswith("200"), 20)

    def read_start(self):
        super().read_start()
        assert self.url.startswith("https://0.0.0.0:"), self.url
        self.url = self.url.replace("0.0.0.0", "127.0.0.1")

    def curl(self, path, *args, token=None, ca=None):
        """The status and the body; or "curl: …" where there is none."""
        if token:
            args += ("-H", "Authorization: Bearer " + token)
        done = subprocess.run(["curl", "-sS", "--cacert", ca or self.place.ca.file, "-w", "\n%{http_code}", *args, self.url + path],
                              capture_output=True, text=True)
        body, _, status = done.stdout.rpartition("\n")
        return "%s %s" % (status, body) if done.returncode == 0 else done.stderr

    def call(self, *args, token=None):
        """(status, code) of a call that gets as far as its handle when the caller is known."""
        answer = self.curl("/get_zones", "-H", "Content-Type: application/json", "-d", '{"integration_handle":"x"}', *args, token=token)
        match = re.match(r"(\d+) (\{.*)", answer)
        return (int(match[1]), json.loads(match[2])["code"]) if match else answer

    def s_client(self, *args):
        return subprocess.run(["openssl", "s_client", "-connect", self.url.split("//")[1], "-CAfile", self.place.ca.file, *args],
                              input="", capture_output=True, text=True)


@contextlib.contextmanager
def place():
    with tempfile.TemporaryDirectory() as d:
        p = Place(d)
        try:
            yield p
        finally:
            p.ca.close()


KNOWN, UNKNOWN = (422, "handle_invalid"), (401, "unauthenticated")


def certificate(pair):
    return ("--cert", pair[0], "--key", pair[1])


def test_versions_and_ciphers():
    with place() as p, p.running() as g:
        assert g.call(token=g.token) == KNOWN
        assert g.call() == UNKNOWN
        for version, good in (("tls1", False), ("tls1_1", False), ("tls1_2", True), ("tls1_3", True)):
            said = g.s_client("-" + version, "-cipher", "DEFAULT@SECLEVEL=0")
            assert ("Cipher is (NONE)" not in said.stdout) == good, (version, said.stdout, said.stderr)
        for cipher in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"):
            assert "Cipher is (NONE)" in g.s_client("-tls1_2", "-cipher", cipher).stdout, cipher
        said = g.s_client("-alpn", "h2,http/1.1").stdout
        assert "ALPN protocol: http/1.1" in said, said
        assert "no application protocol" in g.s_client("-alpn", "h2").stderr
        assert "Secure Renegotiation IS supported" in g.s_client("-tls1_2").stdout
        plain = g.curl("/healthz", "--http0.9", "-x", "")
        assert plain.startswith("200"), plain


def test_both_families():
    """As the example has it: 0.0.0.0 and [::], with the same port."""
    with place() as p:
        with socket.socket(socket.AF_INET6) as s:  # of both families
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            s.bind(("::", 0))
            port = s.getsockname()[1]
        p.listen = '"0.0.0.0:%d", "[::]:%d"' % (port, port)
        with p.running() as g:
            assert g.call(token=g.token) == KNOWN
            g.url = "https://localhost:%d" % port
            assert [g.call(family, token=g.token) for family in ("-4", "-6")] == [KNOWN] * 2


def test_not_tls():
    """Noise, plain HTTP, silence, and a handshake that is given up: the next one is served."""
    with place() as p, p.running() as g:
        for noise in (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\x16\x03", os.urandom(3000)):
            with socket.create_connection((g.host.replace("0.0.0.0", "127.0.0.1"), g.port)) as s:
                with contextlib.suppress(OSError):
                    s.sendall(noise)
                    s.shutdown(socket.SHUT_WR)
                    answer = b"".join(iter(lambda s=s: s.recv(4096), b""))
                    assert b"HTTP" not in answer
        assert g.call(token=g.token) == KNOWN


def test_large_and_pipelined():
    """Bodies over many TLS records, two requests in one record, a record that holds the end of one request and the begin of the next."""
    with place() as p, p.running() as g:
        context = ssl.create_default_context(cafile=p.ca.file)
        head = ("POST /get_zones HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                "Content-Length: %%d\r\n\r\n" % g.token)
        for size in (1, 100, 16384, 16385, 40000, 65000):
            body = json.dumps({"integration_handle": "x" * size})
            request = (head % len(body) + body).encode()
            for pieces in ([request], [request * 2], [request[:-7], request[-7:] + request], [request[i:i + 1] for i in range(200)] + [request[200:]]):
                with socket.create_connection(("127.0.0.1", g.port)) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as s:
                    for piece in pieces:
                        s.sendall(piece)
                    f = s.makefile("rb")
                    for _ in range(sum(map(len, pieces)) // len(request)):
                        status = f.readline().split()[1]
                        length = int(next(l for l in iter(f.readline, b"\r\n") if l.lower().startswith(b"content-length")).split(b":")[1])
                        while f.readline() != b"\r\n":
                            pass
                        f.read(length)
                        assert status == b"422", (size, status)


def test_client_certificates():
    with place() as p:
        p.trust_clients()
        good = p.ca.issue("issuer.example", "other.example")
        by_uri, by_key = p.ca.issue("spiffe://example/web"), p.ca.issue("nobody.example")
        two, wild, unknown = p.ca.issue("issuer.example", "web.example"), p.ca.issue("*.example"), p.ca.issue("unknown.example")
        expired = p.ca.issue("issuer.example", days=-1)
        server_only = p.ca.issue("issuer.example", extensions="extendedKeyUsage=serverAuth\n")
        elsewhere = CA()
        forged = elsewhere.issue("issuer.example")
        der = subprocess.run(["openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER" % by_key[0]], shell=True,
                             check=True, stdout=subprocess.PIPE).stdout
        p.callers += ["issuer dns:issuer.example get_zones", "web uri:spiffe://example/web,dns:web.example get_zones",
                      "pinned spki:%s get_zones" % hashlib.sha256(der).hexdigest()]
        with p.running() as g:
            for pair, want in ((good, KNOWN), (by_uri, KNOWN), (by_key, KNOWN), (two, UNKNOWN), (wild, UNKNOWN), (unknown, UNKNOWN)):
                for version in ("--tls-max 1.2", "--tlsv1.3"):
                    assert g.call(*certificate(pair), *version.split()) == want, (pair, version)
            for pair, why in ((expired, "expired"), (forged, "unknown ca"), (server_only, "unsupported certificate")):
                said = g.s_client("-tls1_2", "-cert", pair[0], "-key", pair[1]).stderr
                assert "alert" in said and why in said, said
                for version in ("--tls-max 1.2", "--tlsv1.3"):
                    assert isinstance(g.call(*certificate(pair), *version.split()), str)
            assert g.call() == UNKNOWN
            assert g.call(token=g.token) == KNOWN
            assert g.call(*certificate(good), token="wrong") == UNKNOWN, "a wrong token is not made good by a certificate"
            refused = [l for l in g.audit() if l["event"] == "get_zones.refused"]
            assert {l["caller"] for l in refused} == {"issuer", "web", "pinned", "all"}, refused
        elsewhere.close()


def test_required_certificates():
    with place() as p:
        p.trust_clients('\tclient_certificates = "require"\n')
        good = p.ca.issue("issuer.example")
        p.callers.append("issuer dns:issuer.example get_zones")
        g = None
        try:
            g = Required(p, good)
            assert g.call(*certificate(good)) == KNOWN
            for version in ("--tls-max 1.2", "--tlsv1.3"):
                said = g.call(*version.split(), token=g.token)
                assert isinstance(said, str), said
        finally:
            if g:
                g.stop()


class Required(Secure):
    def __init__(self, place, pair):
        self.pair = pair
        super().__init__(place)

    def wait_until_ready(self):
        wait_for(lambda: self.curl("/readyz", *certificate(self.pair)).startswith("200"), 20)


class Kept:
    """A connection that is kept open, with a client certificate."""

    def __init__(self, g, pair):
        context = ssl.create_default_context(cafile=g.place.ca.file)
        context.load_cert_chain(*pair)
        self.connection = http.client.HTTPSConnection("127.0.0.1", g.port, context=context, timeout=20)

    def status(self):
        self.connection.request("POST", "/get_zones", '{"integration_handle":"x"}', {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


def test_revoked():
    """By the list, and by the callers file: for connections that are open, too."""
    with place() as p:
        first, second = p.ca.issue("a.example"), p.ca.issue("b.example")
        crl = p.ca.revoke()
        shutil.copy(crl, p.dir + "/crl.pem")
        p.trust_clients('\tclient_crl = "%s/crl.pem"\n' % p.dir)
        p.callers += ["a dns:a.example get_zones", "b dns:b.example get_zones"]
        with p.running() as g:
            kept = [Kept(g, first), Kept(g, second)]
            assert [k.status() for k in kept] == [422, 422]
            shutil.copy(p.ca.revoke(first[0]), p.dir + "/crl.pem")
            g.reload()
            assert [k.status() for k in kept] == [401, 422]
            assert "revoked" in g.call(*certificate(first), "--tls-max", "1.2")
            assert g.call(*certificate(second)) == KNOWN
            p.callers.pop()
            p.write()
            g.reload()
            assert kept[1].status() == 401
            assert g.call(*certificate(second)) == UNKNOWN


def test_reload_under_load():
    """New certificates while requests come in, on new connections and on kept ones: none fails."""
    with place() as p, p.running() as g:
        over, failed, done = threading.Event(), [], [0, 0]
        context = ssl.create_default_context(cafile=p.ca.file)

        def load(keep, slot):
            connection = None
            while not over.is_set():
                try:
                    if connection is None:
                        connection = http.client.HTTPSConnection("127.0.0.1", g.port, context=context, timeout=20)
                    connection.request("GET", "/healthz")
                    answer = connection.getresponse()
                    answer.read()
                    assert answer.status == 200
                    done[slot] += 1
                    if not keep:
                        connection.close()
                        connection = None
                except Exception as e:  # noqa: BLE001: whatever it is, it must not happen
                    failed.append(repr(e))
                    connection = None

        threads = [threading.Thread(target=load, args=(k, k)) for k in (0, 1, 0, 1)]
        for t in threads:
            t.start()
        serials = set()
        for _ in range(10):
            p.certify()
            g.reload()
            target = [n + 5 for n in done]
            wait_for(lambda: failed or all(n >= t for n, t in zip(done, target)))
            said = g.s_client().stdout
            serials.add(re.search(r"-----BEGIN CERTIFICATE-----.*?-----END", said, re.S)[0])
        over.set()
        for t in threads:
            t.join()
        assert not failed, failed[:3]
        assert len(serials) == 10, len(serials)
        tap.comment("%d requests on new connections, %d on kept ones, 10 reloads" % tuple(done))


def test_bad_files():
    """What does not go together is named, at the start and at a reload, which leaves the old in place."""
    with place() as p:
        good = {n: open(os.path.join(p.dir, n)).read() for n in ("server.pem", "server.key")}
        other = p.ca.issue("127.0.0.1")
        cases = [("server.pem", "nonsense", "tls.certificate: holds no certificate in PEM"),
                 ("server.pem", good["server.pem"][:300], "tls.certificate: holds a certificate that cannot be read"),
                 ("server.pem", good["server.pem"] + good["server.pem"].replace("M", "N", 1), "tls.certificate: holds a certificate that cannot be read"),
                 ("server.key", open(other[1]).read(), "tls.key: is not the certificate's key"),
                 ("server.key", "", "tls.key: is empty"),
                 ("server.key", "x", "tls.key: holds no private key in PEM that needs no passphrase")]
        def check():
            done = subprocess.run([BINARY, "check-config", p.dir + "/postern.conf"], capture_output=True, text=True)
            return done.returncode, done.stderr

        p.write()
        assert check()[0] == 0, check()
        with p.running() as g:
            for name, text, why in cases:
                p.put(name, text)
                status, said = check()
                assert status == 1 and why in said, (name, why, said)
                os.kill(g.pid, signal.SIGHUP)
                wait_for(lambda: "not reloaded: " in g.stderr_text() and why in g.stderr_text())
                assert g.call(token=g.token) == KNOWN
                p.put(name, good[name])
            os.chmod(p.dir + "/server.key", 0o640)
            assert "tls.key: must have no permission for group or others" in check()[1]
            os.chmod(p.dir + "/server.key", 0o600)
            encrypted = subprocess.run(["openssl", "ec", "-in", p.dir + "/server.key", "-aes128", "-passout", "pass:x"], check=True,
                                       capture_output=True, text=True).stdout
            p.put("server.key", encrypted)
            assert "needs no passphrase" in check()[1], check()
            for line, why in ((('client_crl = "%s/server.pem"' % p.dir), "tls.client_ca: is missing"),
                              ('client_certificates = "require"', "tls.client_ca: is missing"),
                              ('client_certificates = "no"', "tls.client_certificates: must be require or optional"),
                              ('client_ca = "%s/callers"' % p.dir, "tls.client_ca: holds no certificate in PEM")):
                p.put("server.key", good["server.key"])
                p.more = line
                p.write()
                assert why in check()[1], (line, check())


def test_private_key():
    """It is in the front and, for restarts, the supervisor; in no other role, and in no output."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to read other processes' memory")
    with place() as p, p.running() as g:
        assert g.call(token=g.token) == KNOWN
        pem = open(p.dir + "/server.key").read()
        raw = subprocess.run(["openssl", "pkey", "-in", p.dir + "/server.key", "-text", "-noout"], check=True, capture_output=True, text=True).stdout
        scalar = bytes.fromhex(re.search(r"priv:\s+([0-9a-f:\s]+)", raw)[1].replace(":", "").replace(" ", "").replace("\n", ""))[-32:]
        needles = [line.encode() for line in pem.splitlines()[1:-1]] + [scalar, scalar[::-1]]
        for name, pid in dict(g.pids(), postern=g.pid).items():
            found = holds(pid, needles)
            assert bool(found) == (name in ("postern", "postern-front")), (name, found)
        assert not any(line.decode() in g.stderr_text() for line in needles[:-2])


def test_metrics_are_for_callers_that_may_have_them():
    with place() as p:
        p.callers[0] = re.sub(r" all$", " get_zones", p.callers[0])
        token, line = subprocess.run([BINARY, "keygen", "--token", "prometheus", "--verbs", "metrics"], check=True, capture_output=True,
                                     text=True).stdout.splitlines()[:2]
        p.callers.append(line)
        with p.running() as g:
            assert g.curl("/metrics").startswith("401"), "nobody"
            assert g.curl("/metrics", token=p.token).startswith("403"), "a caller without the verb"
            answer = g.curl("/metrics", token=token)
            assert answer.startswith("200 # HELP") and "postern_ready 1" in answer, answer
            assert g.call(token=token) == (403, "forbidden")


if __name__ == "__main__":
    tap.main(globals())
