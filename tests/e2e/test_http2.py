# SPDX-License-Identifier: ISC
"""Providers that speak HTTP/2: nginx in front of a Cloudflare. Many calls share few connections, and connections come and go under them."""
import contextlib
import json
import os
import re
import signal
import subprocess
import tempfile
import threading

import tap
from cloudflare_server import cloudflare
from common import add, gateway_of, integrate, pdns, remove, together
from memory import holds
from servers import CA, free_port, has_symbol, wait_for

TOKEN = "kanarie-" + "t" * 32
CONF = """
daemon off;
worker_processes 1;
error_log {d}/error.log info;
pid {d}/pid;
events {{ worker_connections 1024; }}
http {{
	log_format short '$server_protocol $connection $status $request_uri';
	access_log {d}/access.log short;
	client_body_temp_path {d}/body;
	proxy_temp_path {d}/proxy;
	fastcgi_temp_path {d}/fastcgi;
	uwsgi_temp_path {d}/uwsgi;
	scgi_temp_path {d}/scgi;
	ssl_certificate {cert};
	ssl_certificate_key {key};
	{settings}
	upstream behind {{ server {behind}; keepalive 32; }}
	server {{
		listen 127.0.0.1:{port} ssl http2;
		location / {{
			proxy_pass {scheme}://behind;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}}
	}}
}}
"""


class Nginx:
    """With HTTP/2, at .port; what it says to is at BEHIND, a URL."""

    def __init__(self, d, ca, behind, settings=""):
        self.dir, self.port = d, free_port()
        cert, key = ca.issue("127.0.0.1")
        scheme, _, host = behind.partition("://")
        with open(d + "/nginx.conf", "w") as f:
            f.write(CONF.format(d=d, cert=cert, key=key, settings=settings, behind=host, port=self.port, scheme=scheme))
        self.start()

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.dir + "/pid")
        self.process = subprocess.Popen(["nginx", "-c", self.dir + "/nginx.conf"], env={"PATH": os.environ["PATH"] + ":/usr/sbin"},
                                        stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.dir + "/pid") and os.path.getsize(self.dir + "/pid"))

    def reload(self):
        """Its connections are told that they are to go."""
        old = self.workers()
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: set(self.workers()) - set(old))

    def workers(self):
        with open("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)) as f:
            return f.read().split()

    def kill(self):
        for pid in self.workers():
            os.kill(int(pid), signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def requests(self):
        """(protocol, connection, status) of each that was answered."""
        with open(self.dir + "/access.log") as f:
            return [tuple(line.split()[:3]) for line in f]


@contextlib.contextmanager
def world(settings="", zones=20):
    """(gateway, nginx, what is left at the provider)"""
    ca = CA()
    with contextlib.closing(ca), cloudflare(ca, zones) as behind, tempfile.TemporaryDirectory() as d:
        n = Nginx(d, ca, "https://127.0.0.1:%d" % behind, settings)
        try:
            section = 'provider "cloudflare" { base = "https://127.0.0.1:%d/client/v4" }\nca_file = "%s"\n' % (n.port, ca.file)
            with gateway_of(section) as g:
                yield g, n, lambda: left(ca, behind)
        finally:
            n.stop()


def left(ca, port):
    done = subprocess.run(["curl", "-s", "--cacert", ca.file, "https://127.0.0.1:%d/left" % port], check=True, capture_output=True)
    return json.loads(done.stdout)


def handle_of(g, **kw):
    status, answer = g.post("/make_integration", {"provider": "cloudflare", "credentials": {"api_token": TOKEN}, **kw})
    assert status == 200, answer
    return answer["integration_handle"]


def name_of(i):
    return "_acme-challenge.n%d.z%d.soak.example" % (i, i % 20)


def add_and_remove(g, handle, i):
    status, answer = add(g, handle, name_of(i), "v%d" % i)
    if status == 200:
        status, answer = remove(g, handle, answer["record_handle"])
        assert status != 200 or answer == {"removed": True}, answer
    return status


def test_many_on_few():
    with world() as (g, n, left):
        handle = handle_of(g)
        answers = together(lambda i: add(g, handle, name_of(i), "v%d" % i), range(300), 100)
        assert {status for status, _ in answers} == {200}, answers
        assert sorted(left()) == sorted([name_of(i), '"v%d"' % i] for i in range(300))
        removed = together(lambda a: remove(g, handle, a[1]["record_handle"]), answers, 100)
        assert {(status, a["removed"]) for status, a in removed} == {(200, True)} and left() == []
        requests = n.requests()
        assert {r[0] for r in requests} == {"HTTP/2.0"} and len(requests) > 300 * 5
        assert len({r[1] for r in requests}) <= 8, len({r[1] for r in requests})


def test_connections_that_go():
    """Each serves 25, and is to go then; and few at once. What was not looked at is sent anew, and nothing twice."""
    for settings in "keepalive_requests 25;", "http2_max_concurrent_streams 3;", "keepalive_requests 10; http2_max_concurrent_streams 2;":
        with world(settings) as (g, n, left):
            handle = handle_of(g)
            answers = together(lambda i: add(g, handle, name_of(i), "v%d" % i), range(200), 50)
            assert {status for status, _ in answers} == {200}, [a for a in answers if a[0] != 200][:3]
            assert sorted(left()) == sorted([name_of(i), '"v%d"' % i] for i in range(200))
            assert {r[0] for r in n.requests()} == {"HTTP/2.0"}
            assert not re.search("preface|prematurely|PROTOCOL", open(n.dir + "/error.log").read())


def under_load(g, handle, what, seconds=20):
    """All statuses of those that come while WHAT is done."""
    done, statuses = threading.Event(), []

    def run(t):
        i = 0
        while not done.is_set():
            statuses.append(add_and_remove(g, handle, t * 10000 + i))
            i += 1

    threads = [threading.Thread(target=run, args=(t,)) for t in range(16)]
    for t in threads:
        t.start()
    try:
        wait_for(lambda: statuses.count(200) >= 100, seconds)
        what()
        before = statuses.count(200)
        wait_for(lambda: statuses.count(200) >= before + 100, seconds)
    finally:
        done.set()
        for t in threads:
            t.join()
    return set(statuses)


def test_reload():
    """A provider that changes its configuration is not noticed."""
    with world() as (g, n, left):
        handle = handle_of(g)
        assert under_load(g, handle, n.reload) == {200} and left() == []


def test_provider_dies():
    with world() as (g, n, left):
        handle = handle_of(g)

        def die():
            n.kill()
            n.start()
        assert under_load(g, handle, die) <= {200, 502}
        assert add_and_remove(g, handle, 5) == 200
        lines = g.audit()
        changed = {l["request_id"] for l in lines if l["event"].endswith(".intent")}
        wait_for(lambda: changed <= {l["request_id"] for l in g.audit() if l["event"].endswith(".outcome")})


def test_zones():
    """A long list, in pages."""
    with world(zones=500) as (g, _, __):
        status, answer = g.post("/get_zones", {"integration_handle": handle_of(g)})
        assert status == 200 and len(answer["zones"]) == 500


def test_credential_is_forgotten():
    """What was on its way in frames and compressed heads is wiped too."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to read other processes' memory")
    if has_symbol("__asan_init"):
        raise tap.Skip("AddressSanitizer keeps what was freed")
    with world() as (g, n, _):
        handle = handle_of(g)
        assert set(together(lambda i: add_and_remove(g, handle, i), range(60), 30)) == {200}
        assert {r[0] for r in n.requests()} == {"HTTP/2.0"}
        for name, pid in g.pids().items():
            assert not holds(pid, [TOKEN.encode()]), name
        assert TOKEN not in g.stderr_text()


def test_not_to_customers_own():
    """Whose servers get one parser to try, not two."""
    p = pdns("own.example")
    ca = CA()
    with contextlib.closing(ca), tempfile.TemporaryDirectory() as d:
        n = Nginx(d, ca, p.api_url)
        try:
            with gateway_of('self_hosted { allow = {"127.0.0.1"} }\nca_file = "%s"\n' % ca.file) as g:
                handle = integrate(g, p, credentials={"url": "https://127.0.0.1:%d" % n.port, "api_key": p.api_key})
                assert add(g, handle, "_acme-challenge.own.example", "v")[0] == 200
            assert {r[0] for r in n.requests()} == {"HTTP/1.1"}
        finally:
            n.stop()


if __name__ == "__main__":
    tap.main(globals())
