# SPDX-License-Identifier: ISC
"""With a configuration: callers and their verbs, the Unix socket, root keys in rotation, SIGHUP, and what is refused."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading

import tap
from common import add, credentials, gateway, gateway_of, integrate, pdns, refused, remove
from servers import BINARY, Postern, wait_for

ZONE = "config.example"
P = pdns(ZONE)

CONF = """
listen = {{"127.0.0.1:0"}}
unix_socket = "{d}/postern.sock"
audit_dir = "{d}/audit"
callers = "{d}/callers"
{keys}
policy {{ loosest = "{loosest}" default = "strict" }}
self_hosted {{ plain_http = {{"127.0.0.1"}} }}
"""
KEY = 'root_key "{name}" {{ file = "{d}/{name}.key" state = "{state}" }}\n'


class Setup:
    """A directory with a configuration, and the tokens of its callers."""

    def __init__(self, d):
        self.dir, self.tokens, self.lines = d, {}, []
        os.chmod(d, 0o755)

    def caller(self, name, verbs):
        out = subprocess.run([BINARY, "keygen", "--token", name, "--verbs", verbs], check=True, capture_output=True,
                             text=True).stdout.splitlines()
        self.tokens[name] = out[0]
        self.lines.append(out[1])

    def write(self, keys, loosest="guarded"):
        text = ""
        for name, state in keys:
            path = "%s/%s.key" % (self.dir, name)
            if not os.path.exists(path):
                subprocess.run([BINARY, "keygen", path], check=True, capture_output=True)
            text += KEY.format(name=name, d=self.dir, state=state)
        for name, content in (("postern.conf", CONF.format(d=self.dir, keys=text, loosest=loosest)),
                              ("callers", "\n".join(self.lines) + "\n")):
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(content)
            os.chmod(os.path.join(self.dir, name), 0o600)

    def serve(self, caller):
        return Postern(config=self.dir + "/postern.conf", token=self.tokens[caller], audit_dir=self.dir + "/audit")


@contextlib.contextmanager
def setup():
    with tempfile.TemporaryDirectory() as d:
        yield Setup(d)


@contextlib.contextmanager
def running(s, caller):
    g = s.serve(caller)
    try:
        yield g
    finally:
        g.stop()


def test_callers_and_verbs():
    with setup() as s:
        s.caller("web", "make_integration,get_zones")
        s.caller("worker", "add_record,remove_record")
        s.write([("a", "active")])
        with running(s, "web") as g:
            handle = integrate(g, P)
            refused(add(g, handle, "_acme-challenge." + ZONE, "v"), 403, "forbidden")
            g.token = s.tokens["worker"]
            refused(g.post("/get_zones", {"integration_handle": handle}), 403, "forbidden")
            status, answer = add(g, handle, "_acme-challenge." + ZONE, "v")
            assert status == 200, answer
            assert remove(g, handle, answer["record_handle"]) == (200, {"removed": True})
            for token in ("", "x", s.tokens["worker"][:-1], s.tokens["worker"] + "A"):
                g.token = token
                refused(g.post("/get_zones", {"integration_handle": handle}), 401, "unauthenticated")
            lines = g.audit()
            assert [(l["caller"], l["code"]) for l in lines if l["event"].endswith(".refused")] == [
                ("web", "forbidden"), ("worker", "forbidden")]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def over_unix(path, token=None):
    c = UnixConnection(path)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer " + token
    c.request("POST", "/get_zones", '{"integration_handle":"x"}', headers)
    return c.getresponse().status


def test_unix_socket():
    with setup() as s:
        s.caller("tcp", "all")
        s.lines.append("local uid:%d get_zones" % os.geteuid())
        s.write([("a", "active")])
        with running(s, "tcp") as g:
            path = s.dir + "/postern.sock"
            assert over_unix(path) == 422, "the peer's uid lets it in, the handle is none"
            assert over_unix(path, s.tokens["tcp"]) == 422
            assert over_unix(path, "wrong") == 401, "a wrong token is not made good by the uid"
            out = g.cli("call", "--unix", path, "get_zones", "integration_handle=x")
            assert out.returncode == 1 and "handle_invalid" in out.stderr, out
            g.token = ""
            refused(g.post("/get_zones", {"integration_handle": "x"}), 401, "unauthenticated")
        assert not os.path.exists(path)


def test_rotation_of_root_keys():
    with setup() as s:
        s.caller("all", "all")
        s.write([("a", "active")])
        with running(s, "all") as g:
            old = integrate(g, P)
            rh = add(g, old, "_acme-challenge.rotate." + ZONE, "v")[1]["record_handle"]
            first = g.post("/inspect_handle", {"handle": old})[1]["key_id"]
            s.write([("b", "active"), ("a", "open-only")])
            g.reload()
            wait_for(lambda: len([l for l in g.audit() if l["event"] == "key.load"]) == 3, 5)
            assert g.post("/inspect_handle", {"handle": old})[1]["key_id"] == first
            status, answer = g.post("/rewrap_handle", {"handle": old})
            fresh = answer["handle"]
            assert g.post("/inspect_handle", {"handle": fresh})[1]["key_id"] != first
            assert g.post("/inspect_handle", {"handle": integrate(g, P)})[1]["key_id"] != first
            s.write([("b", "active")])
            g.reload()
            refused(g.post("/get_zones", {"integration_handle": old}), 422, "handle_invalid", "integration_handle")
            assert g.post("/get_zones", {"integration_handle": fresh})[0] == 200
            refused(remove(g, fresh, rh), 422, "handle_invalid", "record_handle")
            # a configuration that is wrong changes nothing
            with open(s.dir + "/postern.conf", "a") as f:
                f.write("nonsense\n")
            os.kill(g.pid, signal.SIGHUP)
            wait_for(lambda: "not reloaded" in g.stderr_text(), 5)
            assert g.post("/get_zones", {"integration_handle": fresh})[0] == 200


def test_callers_are_reloaded():
    with setup() as s:
        s.caller("one", "all")
        s.write([("a", "active")])
        with running(s, "one") as g:
            assert g.post("/get_zones", {"integration_handle": "x"})[0] == 422
            s.lines.clear()
            s.caller("two", "all")
            s.write([("a", "active")])
            g.reload()
            assert g.post("/get_zones", {"integration_handle": "x"})[0] == 401
            g.token = s.tokens["two"]
            assert g.post("/get_zones", {"integration_handle": "x"})[0] == 422


def test_reload_under_load():
    """No request falls between the old configuration and the new one: not one without callers, not one without keys."""
    with setup() as s:
        s.caller("all", "all")
        s.write([("a", "active"), ("b", "open-only")])
        with running(s, "all") as g:
            handle = integrate(g, P, verify=False)
            seen, halt = set(), threading.Event()

            def ask():
                while not halt.is_set():
                    seen.add(g.post("/inspect_handle", {"handle": handle})[0])
                    seen.add(g.post("/make_integration", {"provider": "powerdns", "credentials": credentials(P),
                                                          "verify": False})[0])
                    seen.add(g.get("/readyz")[0])
            threads = [threading.Thread(target=ask) for _ in range(4)]
            for t in threads:
                t.start()
            for _ in range(40):
                g.reload()
            halt.set()
            for t in threads:
                t.join()
            assert seen == {200}, seen


def test_policy_of_the_gateway():
    with setup() as s:
        s.caller("all", "all")
        s.write([("a", "active")], loosest="article")
        with running(s, "all") as g:
            loose = integrate(g, P, policy="article")
            assert g.post("/inspect_handle", {"handle": integrate(g, P)})[1]["policy"] == "strict", "the default"
            s.write([("a", "active")], loosest="guarded")
            g.reload()
            wait_for(lambda: len([l for l in g.audit() if l["event"] == "config.load"]) == 2, 5)
            # a looser handle from before is treated as the gateway's loosest
            refused(add(g, loose, "spf." + ZONE, "v=spf1 -all"), 403, "policy_denied")
            refused(g.post("/make_integration", {"provider": "powerdns", "credentials": credentials(P), "policy": "article"}),
                    403, "policy_denied", "policy")


def starts(s):
    out = subprocess.run([BINARY, "serve", "--config", s.dir + "/postern.conf"], capture_output=True, text=True, timeout=20)
    return out.returncode, out.stderr


def test_what_is_refused_at_start():
    with setup() as s:
        s.caller("all", "all")
        s.write([("a", "active")])
        key = s.dir + "/a.key"
        for change, undo in ((lambda: os.chmod(key, 0o640), lambda: os.chmod(key, 0o600)),
                             (lambda: os.chmod(key, 0o604), lambda: os.chmod(key, 0o600)),
                             (lambda: os.rename(key, key + "2") or os.symlink("a.key", key),
                              lambda: os.unlink(key) or os.rename(key + "2", key)),
                             (lambda: os.truncate(key, 31), lambda: os.truncate(key, 32)),
                             (lambda: os.truncate(key, 0) or os.truncate(key, 32), lambda: None)):
            change()
            status, text = starts(s)
            assert status != 0 and "a.key" in text, (status, text)
            undo()
        for address in ("0.0.0.0:8080", "192.0.2.1:80", "[::]:8080"):
            with open(s.dir + "/postern.conf") as f:
                conf = f.read()
            with open(s.dir + "/postern.conf", "w") as f:
                f.write(conf.replace("127.0.0.1:0", address))
            status, text = starts(s)
            assert status != 0 and "loopback" in text and "postern.conf:" in text, (address, text)
            with open(s.dir + "/postern.conf", "w") as f:
                f.write(conf)


def test_errors_name_the_line():
    """Comments do not shift it."""
    with setup() as s:
        s.caller("all", "all")
        s.write([("a", "active")])
        path = s.dir + "/postern.conf"
        with open(path) as f:
            lines = ["# a comment, with a \" quote and a # sign"] * 3 + f.read().splitlines() + ["# one more", "colour = 1"]
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        status, text = starts(s)
        assert status != 0 and "postern.conf:%d: colour" % len(lines) in text, text


def test_one_gateway_per_log():
    with tempfile.TemporaryDirectory() as d, gateway(state_dir=d):
        second = subprocess.Popen([BINARY, "serve", "--dev", "--listen", "127.0.0.1:0", "--state-dir", d],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            for line in second.stderr:
                if "another gateway has the log open" in line:
                    break
            else:
                raise AssertionError("it did not say so")
        finally:
            second.terminate()
            out, _ = second.communicate(timeout=20)
        assert "listen=" not in out, "it does not serve, and must not say that it does"


def test_providers_list():
    with setup() as s:
        s.caller("all", "all")
        s.write([("a", "active")])
        with running(s, "all") as g:
            status, answer = g.get("/providers")
            by_name = {p["name"]: p for p in answer["providers"]}
            assert len(by_name) >= 20 and {"powerdns", "cloudflare", "dnsimple"} <= set(by_name)
            ways = {name: p["categories"] for name, p in by_name.items()}
            assert {n for n, w in ways.items() if "oauth" in w} == {"cloudflare", "digitalocean", "dnsimple", "linode"}
            assert {n for n, w in ways.items() if "delegated" in w} == {"azuredns", "googleclouddns", "route53"}
            for p in by_name.values():
                for form in p["credentials"], p.get("delegated_credentials", p["credentials"]):
                    assert set(form["required"]) <= set(form["properties"]) and form["properties"], p["name"]
                    for field in form["properties"].values():
                        assert field["title"] and field["description"] and field["maxLength"], p["name"]
                        re.compile(field.get("pattern", ""))
                    assert any(x["writeOnly"] for x in p["credentials"]["properties"].values()), p["name"]
            assert "role_arn" in by_name["route53"]["delegated_credentials"]["properties"]
            assert "secret_access_key" not in by_name["route53"]["delegated_credentials"]["properties"]
            schema = by_name["powerdns"]["credentials"]
            assert schema["required"] == ["url", "api_key"] and schema["additionalProperties"] is False
            assert schema["properties"]["api_key"]["writeOnly"] is True
            assert schema["properties"]["server_id"]["default"] == "localhost"


def said(g):
    """The lines on standard error, with some of a role that was killed."""
    os.kill(g.pids()["postern-planner"], signal.SIGKILL)
    wait_for(lambda: "postern-planner ended by signal 9" in g.stderr_text())
    wait_for(lambda: g.get("/readyz")[0] == 200)
    g.stop()
    return g.stderr_text().splitlines()


def test_messages_as_json():
    with gateway_of('log_format = "json"\n') as g:
        lines = [json.loads(line) for line in said(g)]
        assert all(list(l) == ["time", "level", "role", "pid", "message"] for l in lines), lines
        assert {"postern", "postern-scribe"} <= {l["role"] for l in lines}, lines
        assert {"info", "warning"} == {l["level"] for l in lines}, lines
        for l in lines:
            assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", l["time"]) and l["pid"] > 1, l
        # The supervisor's last word, and none of it escaped wrongly: JSON has taken it apart.
        assert any(l["message"] == "stopping" for l in lines), lines


def test_messages_for_the_journal():
    """Where standard error is the journal's, each line begins with its priority; where it was only its parent's, none."""
    told = 'JOURNAL_STREAM=$(stat -Lc %d:%i /dev/stderr) exec "$@"'
    for wrapper, journal in ((told, True), (told.replace("/dev/stderr", "/dev/null"), False)):
        Postern.wrapper = ("sh", "-c", wrapper, "sh")
        try:
            with gateway_of("") as g:
                lines = said(g)
        finally:
            Postern.wrapper = ()
        for line in lines:
            assert re.match(r"<[46]>postern(-[a-z-]+)?\[\d+\]: " if journal else r"postern", line), line
        assert not journal or any(l.startswith("<4>") and "warning: " in l for l in lines), lines


if __name__ == "__main__":
    tap.main(globals())
