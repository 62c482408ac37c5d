# SPDX-License-Identifier: ISC
"""The command line beside a gateway: call, inspect, and what audit says of a log and of wrong arguments."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile

import tap
import terminal
from common import added, gateway, gateway_of, integrate, pdns
from servers import BINARY, ROOT, FakeUpstream

ZONE = "cli.example"
NAME = "_acme-challenge." + ZONE
P = pdns(ZONE)
LOCAL = 'self_hosted { plain_http = {"127.0.0.1"} }\n'


def run(*args, stdin="", **kw):
    return subprocess.run([BINARY, *args], input=stdin, capture_output=True, text=True, timeout=60, **kw)


def fails(status, text, *args, **kw):
    done = run(*args, **kw)
    assert (done.returncode, done.stdout) == (status, "") and text in done.stderr, (args, done)


def works(*args, **kw):
    done = run(*args, **kw)
    assert done.returncode == 0, (args, done)
    return done.stdout


# ---- call ----

class Caller:
    """`postern call` with what it needs, in a directory where its secrets are files."""

    def __init__(self, g, d):
        self.dir = d
        self.env = {"POSTERN_URL": g.url, "POSTERN_TOKEN_FILE": self.file("token", g.token + "\n")}

    def file(self, name, text, mode="w"):
        path = os.path.join(self.dir, name)
        with open(path, mode) as f:
            f.write(text)
        return path

    def works(self, *args, **kw):
        return works("call", *args, env=self.env, **kw)

    def fails(self, status, text, *args, **kw):
        fails(status, text, "call", *args, env=self.env, **kw)


@contextlib.contextmanager
def caller():
    with gateway() as g, tempfile.TemporaryDirectory() as d:
        yield g, Caller(g, d)


def test_call():
    """A record's whole life from a shell; secrets come from files or from standard input."""
    with caller() as (g, c):
        key = c.file("key", P.api_key)
        made = c.works("make_integration", "provider=powerdns", "credentials.url=" + P.api_url, "credentials.api_key=@" + key,
                       'zones:=["%s"]' % ZONE, "customer=c1", "verify:=true")
        handle = json.loads(c.works("make_integration", "provider=powerdns", "credentials.url=" + P.api_url,
                                    "credentials.api_key=@-", "customer=c1", "--json", stdin=P.api_key))["integration_handle"]
        assert "integration_handle: pti1_" in made and "- name: " + ZONE in made, made
        for_c1 = ["integration_handle=@" + c.file("handle", handle), "customer=c1"]
        assert ZONE in c.works("get_zones", *for_c1)
        answer = json.loads(c.works("add_record", *for_c1, "record.fqdn=" + NAME, "record.type=TXT", "record.value=v", "record.ttl:=60",
                                    "--json"))
        assert answer["status"] == "applied" and b"v" in P.txt(NAME)
        assert c.works("remove_record", *for_c1, "record_handle=" + answer["record_handle"], "--url", g.url + "/").startswith("removed: true")
        # A refusal goes to stderr, in words or as it came.
        c.fails(1, "error: handle_invalid", "get_zones", for_c1[0], "customer=c2")
        c.fails(1, "(field record.fqdn)", "add_record", *for_c1, "record.fqdn=a..b", "record.type=TXT", "record.value=v")
        done = run("call", "get_zones", for_c1[0], "customer=c2", "--json", env=c.env)
        assert done.returncode == 1 and json.loads(done.stdout)["code"] == "handle_invalid", done


def test_call_gets():
    with caller() as (g, c):
        assert "powerdns" in c.works("providers")
        assert json.loads(c.works("providers", "--json"))["providers"]
        for what in "healthz", "readyz":
            assert c.works(what)
        assert "\npostern_key_opens_total{" in c.works("metrics") and c.works("metrics").startswith("# HELP ")
        c.fails(2, "metrics is no JSON", "metrics", "--json")
        assert "postern_ready 1\n" in c.works("metrics")
        assert "/add_record" in json.loads(c.works("openapi.json", "--json"))["paths"]
        # Who has no token is told so, and no variable that is empty counts.
        c.env["POSTERN_TOKEN_FILE"] = ""
        c.fails(1, "error: unauthenticated", "get_zones", "integration_handle=x")


def test_call_arguments():
    with caller() as (g, c):
        c.fails(2, "ENDPOINT is wanted")
        c.fails(2, "ENDPOINT is wanted", "../providers")
        c.fails(2, "--url or --unix", "--url", g.url, "--unix", "/x", "healthz")
        c.fails(2, "takes no arguments", "healthz", "a=b")
        for url in "", "postern.example", "ftp://postern.example", "http://", "http://a b", "http://postern.example":
            c.fails(2, "the URL must be", "--url", url, "get_zones", "integration_handle=x")
        # A secret whose key was forgotten is not repeated.
        c.fails(2, "argument 2 is not key=value", "get_zones", "a=b", "SECRET")
        assert "SECRET" not in run("call", "get_zones", "SECRET", env=c.env).stderr
        c.fails(2, "a: is given twice", "get_zones", "a=b", "a=c")
        c.fails(2, "a: is not JSON", "get_zones", "a:={")
        c.fails(2, "a: No such file", "get_zones", "a=@/nowhere")
        c.fails(2, "a: is not UTF-8", "get_zones", "a=@" + c.file("latin", b"\xe9", "wb"))
        c.fails(2, "a: is too long", "get_zones", "a=@" + c.file("long", "x" * 70000))
        c.fails(2, "the request is too long", "get_zones", *["a%d=@%s" % (i, c.file("half", "x" * 40000)) for i in range(2)])
        c.fails(2, "a: File name too long", "get_zones", "a=@" + "x" * 5000)
        c.fails(2, "a: Is a directory", "get_zones", "a=@/")
        c.fails(2, "no-token: No such file", "--token-file", c.dir + "/no-token", "healthz")
        for text in "", "\n", "two words", "a\r\nX-More: b":
            c.fails(2, "holds no token", "--token-file", c.file("bad", text), "healthz")


def test_call_answers():
    """What answers may be no gateway, or nobody."""
    with FakeUpstream() as up, tempfile.TemporaryDirectory() as d:
        at = ["call", "--url", up.url, "get_zones", "a=b"]
        assert works(*at, "--json") == "{}\n"
        up.behave("html")
        fails(1, "has status 200 and is not JSON", *at)
        up.behave("status:503")
        assert "made up" in run(*at).stdout, "an error that is not ours is shown as it is"
        up.behave("redirect")
        asked = len(up.requests)
        fails(1, "has status 302", *at)
        assert len(up.requests) == asked + 1, "nobody follows"
        for behaviour in "reset", "garbage", "truncated":
            up.behave(behaviour)
            fails(3, "no answer (libcurl's error", *at)
        fails(3, "no answer", "call", "--unix", d + "/none.sock", "healthz")


# ---- inspect ----

def fields(text):
    return dict(line.strip().split(": ", 1) for line in text.splitlines() if ": " in line)


def test_inspect():
    with gateway_of(LOCAL) as g:
        key = P.api_key
        handle = integrate(g, P, customer="c1", zones=[ZONE], expires_at="2040-01-01T00:00:00Z")
        every = integrate(g, P)
        record = added(g, handle, NAME, "v", customer="c1")
        root, conf = ["--key", g.dir + "/a.key"], ["--config", g.dir + "/postern.conf"]
        # Without a key it says no more than anybody can see.
        assert set(fields(works("inspect", handle))) == {"type", "key_id"}
        for how in root, conf:
            said = works("inspect", handle, *how, "--customer", "c1")
            got = fields(said)
            assert (got["type"], got["provider"], got["customer"], got["policy"]) == ("integration", "powerdns", "c1", "guarded"), said
            assert got["expires_at"] == "2040-01-01T00:00:00.000000Z" and "- " + ZONE in said, said
            assert "- api_key" in said and key not in said, "names of fields, no secret"
        got = fields(works("inspect", every, *root))
        assert got["zones"] == "all of the account" and got["expires_at"] == "null" and got["customer"] == '""', got
        got = fields(works("inspect", record, *root, "--customer", "c1"))
        # The last "type" is the record's.
        assert (got["type"], got["fqdn"], got["value"], got["mode"], got["found"]) == ("TXT", NAME, "v", "coexist", "false"), got
        # From standard input, or a file.
        assert fields(works("inspect", stdin=handle + "\n"))["type"] == "integration"
        assert fields(works("inspect", "-", stdin=record))["type"] == "record"
        with open(g.dir + "/handle", "w") as f:
            f.write(handle)
        assert fields(works("inspect", "@" + g.dir + "/handle"))["type"] == "integration"


def test_inspect_refuses():
    with gateway_of(LOCAL) as g, tempfile.TemporaryDirectory() as d:
        handle = integrate(g, P, customer="c1")
        root = ["--key", g.dir + "/a.key"]
        assert run("keygen", d + "/other.key").returncode == 0
        changed = handle[:-1] + ("A" if handle[-1] != "A" else "B")
        for args in [handle, *root], [handle, *root, "--customer", "c2"], [handle, "--key", d + "/other.key", "--customer", "c1"], \
                [handle[:60] + ("A" if handle[60] != "A" else "B") + handle[61:], *root, "--customer", "c1"]:
            done = run("inspect", *args)
            assert (done.returncode, done.stdout) == (1, "") and "does not open" in done.stderr, done
        for text in "", "hello", "pti1_", handle[:-1], changed + "==", "x" * 100000:
            fails(1, "this is no handle", "inspect", stdin=text)
        fails(2, "--config or --key", "inspect", handle, *root, "--config", g.dir + "/postern.conf")
        fails(1, "No such file", "inspect", handle, "--key", d + "/none")
        fails(1, "No such file", "inspect", handle, "--config", d + "/none")
        fails(1, "No such file", "inspect", "@" + d + "/none")
        with open(d + "/short.key", "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(b"short")
        fails(1, "short.key", "inspect", handle, "--key", d + "/short.key")


# ---- audit ----

@contextlib.contextmanager
def used_log():
    """(gateway, options that name its configuration, a record handle): it was used, has ended, and its log is signed."""
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        assert run("keygen", d + "/sign.key").returncode == 0
        with gateway_of(LOCAL + 'audit { origin = "cli.example/log" checkpoint_keys = {"%s/sign.key"} }\n' % d) as g:
            handle = integrate(g, P, customer="c1")
            record = added(g, handle, NAME, "v", customer="c1")
            g.post("/get_zones", {"integration_handle": handle})
            g.stop()
            yield g, ["--config", g.dir + "/postern.conf"], record


def test_audit_show():
    with used_log() as (g, conf, _):
        lines = g.audit()
        for option, field, value in [("--customer", "customer", "c1"), ("--caller", "caller", "all"), ("--result", "result", "refused"),
                                     ("--event", "event", "add_record.intent"), ("--zone", "zone", ZONE),
                                     ("--request", "request_id", lines[-3]["request_id"])]:
            want = [line for line in lines if line[field] == value]
            got = [json.loads(line) for line in works("audit", "show", option, value or "", "--json", *conf).splitlines()]
            assert got == want and (want or value is None), (option, got, want)
        assert works("audit", "show", "--json", *conf).count("\n") == len(lines)
        assert works("audit", "show", "--json", "--since", "2h", "--until", "2040-01-01T00:00:00Z", *conf).count("\n") == len(lines)
        assert works("audit", "show", "--until", "1w", *conf) == ""
        said = works("audit", "show", *conf)
        assert " add_record.intent " in said and "%s TXT \"v\" (coexist)" % NAME in said and " refused/handle_invalid " in said, said


def test_audit_unresolved():
    """An intent that has no outcome, as after a crash; and a line that is none, or not whole."""
    with used_log() as (g, conf, _), tempfile.TemporaryDirectory() as d:
        assert works("audit", "unresolved", *conf) == ""
        log = shutil.copytree(g.audit_dir, d + "/log")
        path = os.path.join(log, next(n for n in os.listdir(log) if n.endswith(".jsonl")))
        with open(path) as f:
            lines = [line for line in f if "add_record.outcome" not in line]
        with open(path, "w") as f:
            f.writelines(lines)
        found = works("audit", "unresolved", "--json", "--dir", log)
        assert found.count("\n") == 1 and json.loads(found)["event"] == "add_record.intent", found
        assert NAME in works("audit", "unresolved", "--customer", "c1", "--dir", log)
        assert works("audit", "unresolved", "--customer", "c2", "--dir", log) == ""
        with open(path, "a") as f:
            f.write('{"seq":')
        done = run("audit", "show", "--dir", log)
        assert done.returncode == 0 and "unfinished; being written, or cut by a crash" in done.stderr, done
        with open(path, "w") as f:
            f.writelines(lines[:2] + ["{}\n"] + lines[2:])
        done = run("audit", "show", "--dir", log, "--json")
        assert done.returncode == 1 and ":3: this is no line of the log" in done.stderr, done
        assert done.stdout == "".join(lines), "the others are shown"


def test_audit_arguments():
    with used_log() as (g, conf, record), tempfile.TemporaryDirectory() as d:
        fails(2, "is wanted", "audit")
        fails(2, "too many arguments", "audit", "show", "verify")
        fails(2, "no `audit list`", "audit", "list")
        fails(2, "--since takes a time", "audit", "show", "--since", "yesterday", *conf)
        fails(2, "--until takes a time", "audit", "show", "--until", "2026-02-30T00:00:00Z", *conf)
        fails(2, "--zone takes a domain name", "audit", "show", "--zone", "a..b", *conf)
        fails(3, "No such file", "audit", "show", "--dir", d + "/none")
        fails(3, "No such file", "audit", "show", "--config", d + "/none")
        fails(2, "--index or --old", "audit", "prove", *conf)
        fails(2, "--index or --old", "audit", "prove", "--index", "1", "--old", "1", *conf)
        fails(2, "a number is wanted", "audit", "prove", "--index", "-1", *conf)
        fails(2, "--size takes a number", "audit", "prove", "--index", "1", "--size", "x", *conf)
        fails(2, "is not within", "audit", "prove", "--index", "1000", *conf)
        fails(2, "is not within", "audit", "prove", "--old", "0", *conf)
        fails(2, "not as many lines", "audit", "prove", "--index", "1", "--size", "1000", *conf)
        fails(2, "--from takes a number", "audit", "verify", "--from", "x", *conf)
        key = works("audit", "keys", *conf).strip()
        for bad in "x", key[:-2], ",".join([key] * 17):
            fails(2, "--key: ", "audit", "verify", "--key", bad, *conf)
        fails(3, "No such file", "audit", "verify", "--key", "@" + d + "/none", *conf)
        os.mkdir(d + "/empty")
        at = ["--dir", d + "/empty", "--key", key]
        fails(1, "there is no checkpoint", "audit", "checkpoint", *at)
        fails(1, "there is no checkpoint", "audit", "prove", "--index", "0", *at)
        fails(3, "No such file", "audit", "verify", "--dir", d + "/none", "--key", key)
        # Several keys, one a line; a key that did not sign is no harm.
        with open(d + "/keys", "w") as f:
            f.write(key + "\n\n" + key + "\n")
        assert works("audit", "verify", "--dir", g.audit_dir, "--key", "@" + d + "/keys").startswith("good: ")
        for receipt in "", "1", "1:00", "x:" + "0" * 64, record[:-1]:
            fails(2, "INDEX:LEAF is wanted", "audit", "verify", "--receipt", receipt, "--customer", "c1", *conf)
        fails(3, "--receipt: No such file", "audit", "verify", "--receipt", "@" + d + "/none", *conf)
        # A handle opens for its customer only, and not without the root keys.
        fails(2, "INDEX:LEAF is wanted", "audit", "verify", "--receipt", record, *conf)
        fails(2, "INDEX:LEAF is wanted", "audit", "verify", "--receipt", record, "--dir", g.audit_dir, "--key", key)
        assert works("audit", "verify", "--receipt", record, "--customer", "c1", *conf).startswith("good: ")
        fails(3, "none: No such file", "audit", "verify", "--since", d + "/none", *conf)
        fails(2, "no checkpoint that one of the keys has signed", "audit", "verify", "--since", d + "/keys", *conf)


def test_audit_verify_says_how_far_it_is():
    """To a person who watches, on the one line that is taken away again; to nobody else."""
    with used_log() as (g, conf, _):
        args = [BINARY, "audit", "verify", *conf]
        quiet = run(*args[1:])
        assert quiet.returncode == 0 and quiet.stderr == "", quiet
        shown = terminal.show(args)
        assert re.fullmatch(rb"(\r\x1b\[Kverifying: \d+ %)+\r\x1b\[K", shown.stderr), shown.stderr
        assert shown.stdout.decode() == quiet.stdout and shown.status == 0, shown.stdout
        # The result may go into a file meanwhile. Of a part nobody knows how much it is.
        shown = terminal.show([*args, "--from", "1"], terminals=["stderr"])
        assert re.fullmatch(rb"\r\x1b\[Kverifying: 0 MiB\r\x1b\[K", shown.stderr) and shown.stdout.startswith(b"good: "), shown.stderr
        for env, terminals in ({}, ["stdout"]), ({"TERM": "dumb"}, ["stdout", "stderr"]), ({"TERM": ""}, ["stdout", "stderr"]):
            shown = terminal.show(args, terminals, env)
            assert shown.stderr == b"" and shown.stdout.decode() == quiet.stdout, (env, shown.stderr)
        # What goes wrong is told on a line of its own.
        shown = terminal.show([*args[:3], "--dir", g.dir + "/none", *conf])
        assert shown.status == 3 and b"\x1b" not in shown.stderr, shown.stderr


def test_audit_options_of_others():
    """An option that a subcommand would pass over is refused."""
    every = {"since": "x", "until": "x", "customer": "x", "integration": "x", "zone": "x", "result": "x", "caller": "x", "event": "x", "request": "x",
             "json": None, "key": "x", "receipt": "x", "from": "1", "index": "1", "old": "1", "size": "1"}
    lines = {"since", "until", "customer", "integration", "zone", "result", "caller", "event", "request", "json"}
    takes = {"show": lines, "unresolved": lines, "verify": {"key", "receipt", "since", "customer", "from"}, "prove": {"key", "index", "old", "size"},
             "checkpoint": {"key"}, "keys": {"key"}}
    for subcommand, own in takes.items():
        for option, value in every.items():
            args = ["audit", subcommand, "--" + option] + ([value] if value else [])
            if option not in own:
                fails(2, "`audit %s` takes no --%s" % (subcommand, option), *args)
            else:
                assert "takes no " not in run(*args, "--dir", "/nowhere").stderr, args


def man_names(section):
    """The tags of a section of postern-audit(5)."""
    with open(ROOT + "/man/postern-audit.5") as f:
        text = re.search(r"^\.Ss %s$(.*?)^\.S" % section, f.read(), re.M | re.S)[1]
    return [name for tag in re.findall(r"^\.It (.*)", text, re.M) for name in tag.replace("Ar verb Ns ", "add_record").split(" , ")]


def test_audit_filters_that_match_nothing():
    """A slip of the pen must not look like good news. What the manual and the log have is taken."""
    with tempfile.TemporaryDirectory() as d:
        at = ["audit", "show", "--dir", d]
        for option, value in [("event", "add_record.outcom"), ("event", "add_records"), ("event", "add_record."), ("event", ".intent"), ("event", ""),
                              ("event", "gateway.star"), ("event", "role."), ("event", "calls.refused.x"), ("result", "okay"), ("result", "OK"),
                              ("result", ""), ("caller", "Web"), ("caller", ""), ("integration", "0" * 31), ("integration", "A" * 32)]:
            fails(2, "--%s takes " % option, *at, "--" + option, value)
        events, results = man_names("Events"), man_names("Results")
        assert "role.restart" in events and "add_record.intent" in events and results[0] == "ok" and len(results) == 7, (events, results)
        for event in [*events, *(e.split(".")[0] for e in events)]:
            works(*at, "--event", event)
        for result in results:
            works(*at, "--result", result)
        works(*at, "--caller", "web-1", "--integration", "0" * 32, "--customer", "any thing")
    with used_log() as (g, conf, _):
        for event in {line["event"] for line in g.audit()}:
            assert event in works("audit", "show", "--event", event, *conf), event


def test_audit_without_keys():
    with gateway_of(LOCAL) as g:
        fails(2, "nobody signs this log", "audit", "verify", "--config", g.dir + "/postern.conf")


if __name__ == "__main__":
    tap.main(globals())
