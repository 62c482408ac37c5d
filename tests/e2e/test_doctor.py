# SPDX-License-Identifier: ISC
"""`postern doctor`: good and bad set-ups, and a gateway that runs. The judgements themselves: tests/unit/test_doctor*.c."""
import base64
import contextlib
import json
import os
import re
import resource
import subprocess
import tempfile

import tap
import terminal
from common import configured, gateway_of, make_token
from servers import BINARY, CA

LIMITS = "limits { caller_rate = 5 caller_zones = 5 integration_rate = 5 }\n"
GOOD = LIMITS + 'denied = "{d}/denied"\nsandbox = "require"\naudit { origin = "doctor.example/log" checkpoint_keys = {"{d}/sign.key"} }\n'


class Said:
    """What doctor said: [(grade, subject, what, todo)]."""

    def __init__(self, *args, env=None, limits=None):
        ours, theirs = os.pipe()

        def before():
            os.setsid()
            os.write(theirs, b"%d" % os.getpid())
            for which, values in (limits or {}).items():
                resource.setrlimit(which, values)

        self.done = subprocess.run([BINARY, "doctor", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=env,
                                   preexec_fn=before)
        self.session = int(os.read(ours, 32))
        os.close(ours)
        os.close(theirs)
        self.found = re.findall(r"^(ok|note|warn|FAIL) +([a-z]+): (.*)\n(?:      (.*)\n)?", self.done.stdout, re.M)
        text = "".join("%-6s%s: %s\n%s" % (g, s, w, "      %s\n" % t if t else "") for g, s, w, t in self.found)
        assert text == self.done.stdout and self.found, self.done
        worst = any(g in ("warn", "FAIL") for g, *_ in self.found)
        assert self.done.returncode == worst, self.done

    def has(self, grade, subject, what):
        """Something of that grade begins so."""
        return any((g, s) == (grade, subject) and w.startswith(what) for g, s, w, _ in self.found)

    def of(self, *grades):
        return [f for f in self.found if f[0] in grades]


@contextlib.contextmanager
def place(section=LIMITS, callers="all", **files):
    """A directory with a configuration, a checkpoint key, and a caller with VERBS."""
    with configured(section, make_token(verbs=callers)[1], denied="", **files) as d:
        subprocess.run([BINARY, "keygen", d + "/sign.key"], check=True, capture_output=True)
        os.mkdir(d + "/audit", 0o700)
        yield d


def examine(d, **kw):
    return Said("--config", d + "/postern.conf", **kw)


# ---- configurations ----

def test_all_is_well():
    """But for what this machine is like, and what is advice whatever one does."""
    with place(GOOD, callers="get_zones,add_record,remove_record") as d:
        said = examine(d)
        for subject, what in [("configuration", d + "/postern.conf is good"), ("log", "signed as doctor.example/log, by 1 key"),
                              ("log", d + "/audit: "), ("tls", "none, and none needed"), ("limits", "open files suffice for 10000 connections"),
                              ("sandbox", "given up by every process")]:
            assert said.has("ok", subject, what), (what, said.done)
        key_id = subprocess.run([BINARY, "keygen", "--id", d + "/a.key"], check=True, capture_output=True, text=True).stdout.strip()
        assert said.has("ok", "keys", key_id + " seals and opens"), said.done
        assert said.has("note", "keys", d + "/a.key lies there in clear"), said.done
        assert said.has("note", "keys", "without a copy"), said.done
        assert not [f for f in said.of("warn", "FAIL") if f[1] not in ("clock", "build", "sandbox")], said.done


def test_no_configuration():
    said = Said("--config", "/nowhere/postern.conf")
    assert said.has("FAIL", "configuration", "/nowhere/postern.conf: No such file") and "examples/postern.conf" in said.found[0][3], said.done
    assert said.has("ok", "sandbox", "given up"), "the rest is examined all the same"
    with place("nonsense = 1\n") as d:
        assert examine(d).has("FAIL", "configuration", d + "/postern.conf:7: nonsense: there is no such key")
    with place() as d:
        os.chmod(d + "/a.key", 0o644)
        assert examine(d).has("FAIL", "configuration", d + "/postern.conf:5: root_key.file: " + d + "/a.key: must have no permission")


def test_bad_configurations():
    """SECTION, what is done to the directory; what is said then, and not of LIMITS alone."""
    with place() as d:
        plain = examine(d)
    for section, change, grade, subject, what in [
            ("", None, "warn", "callers", "no limit holds for: all"),
            ("", None, "warn", "handles", "one integration can be used without limit"),
            (LIMITS, lambda d: os.chmod(d, 0o777), "FAIL", "keys", "{d}/a.key: others may write to {d}"),
            (LIMITS, lambda d: os.chmod(d, 0o777), "FAIL", "configuration", "{d}/postern.conf: others may write to {d}"),
            (LIMITS, lambda d: os.chmod(d, 0o777), "FAIL", "callers", "{d}/callers: others may write to {d}"),
            (LIMITS, lambda d: os.chmod(d, 0o777), "FAIL", "log", "{d}/audit: others may write to {d}"),
            (LIMITS, lambda d: os.rmdir(d + "/audit"), "note", "log", "{d}/audit is not there yet"),
            (LIMITS, lambda d: os.chmod(d + "/audit", 0o770), "FAIL", "log", "{d}/audit: others may write to it"),
            (LIMITS, lambda d: os.chmod(d + "/audit", 0o755), "note", "log", "{d}/audit: others may read it"),
            (GOOD, None, "note", "log", "{d}/sign.key is on the log's own disk"),
            (LIMITS, lambda d: make_several(d), "note", "callers", "more than one token holds for: all"),
            (LIMITS, lambda d: put(d + "/callers", ""), "FAIL", "callers", "there are none"),
            (LIMITS, lambda d: put(d + "/callers", "local uid:7 get_zones\n"), "warn", "callers", "cannot call, as nothing listens for their identities: local"),
            (LIMITS + 'policy { loosest = "article" standing_authority = true }\n', None, "note", "policy", "policy.loosest is article"),
            (LIMITS + 'policy { standing_authority = true }\n', None, "note", "policy", "records may let an authority issue for ever"),
            (LIMITS + 'self_hosted { plain_http = {"10.0.0.0/8"} }\n', None, "note", "policy", "credentials may travel in clear"),
            (LIMITS + 'ca_file = "{d}/none"\n', None, "FAIL", "providers", "{d}/none cannot be read"),
            (LIMITS + 'root_key "b" { file = "{d}/sign.key" }\n', None, "note", "keys", "2 keys are active, and the first of them seals")]:
        with place(section or "limits { caller_rate = none caller_zones = none integration_rate = none }\n") as d:
            if change:
                change(d)
            said = examine(d)
            assert said.has(grade, subject, what.replace("{d}", d)), (what, said.done)
            assert not plain.has(grade, subject, what.split("}")[-1]), what
    assert plain.has("warn", "log", "no checkpoints") and plain.has("note", "callers", "may do everything: all")
    assert plain.has("note", "handles", "there is no deny list")


def test_a_user_of_its_own():
    """Who owns the log may own what is above it: he can write to it anyway. Not so a third one."""
    if os.geteuid() != 0:
        raise tap.Skip("giving files away is root's")
    with place(LIMITS) as d:
        os.mkdir(d + "/state")
        os.rename(d + "/audit", d + "/state/audit")
        with open(d + "/postern.conf") as f:
            text = f.read()
        put(d + "/postern.conf", text.replace(d + "/audit", d + "/state/audit"))
        for above, log, open_to_others in (4321, 4321, False), (4321, 4322, True), (0, 4321, False):
            os.chown(d + "/state", above, above)
            os.chown(d + "/state/audit", log, log)
            said = examine(d)
            assert said.has("FAIL", "log", "%s/state/audit: others may write to %s/state" % (d, d)) == open_to_others, said.done
            assert said.has("note", "log", "%s/state/audit belongs to uid %d" % (d, log)), said.done


def put(path, text):
    with open(path, "w") as f:
        f.write(text)


def make_several(d):
    with open(d + "/callers") as f:
        name, identity, verbs = f.read().split()
    put(d + "/callers", "%s %s,%s %s\n" % (name, identity, make_token()[1].split()[1], verbs))


def test_log_in_memory():
    """And so are keys: then no disk has them."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory, place(LIMITS) as d:
        os.unlink(d + "/a.key")
        subprocess.run([BINARY, "keygen", memory + "/a.key"], check=True, capture_output=True)
        with open(d + "/postern.conf") as f:
            text = f.read()
        put(d + "/postern.conf", text.replace(d + "/audit", memory).replace(d + "/a.key", memory + "/a.key"))
        said = examine(d)
        assert said.has("warn", "log", memory + " lies in memory"), said.done
        assert not any("lies there in clear" in f[2] for f in said.found), said.done


def test_credentials():
    """A key that systemd gives to the service is not there for a shell; doctor says where it is while that runs."""
    with place() as d, tempfile.TemporaryDirectory() as given:
        os.rename(d + "/a.key", given + "/root")
        with open(d + "/postern.conf") as f:
            text = f.read()
        put(d + "/postern.conf", text.replace(d + "/a.key", "root"))
        said = examine(d)
        assert said.has("FAIL", "configuration", d + "/postern.conf:5: root_key.file: root: names a systemd credential"), said.done
        assert "CREDENTIALS_DIRECTORY=" in said.found[0][3], said.done
        said = examine(d, env={**os.environ, "CREDENTIALS_DIRECTORY": given})
        assert said.has("ok", "configuration", "") and not any("lies there in clear" in f[2] for f in said.found), said.done


def test_certificates():
    """Each is one that the gateway would take, and no client would, or soon."""
    ca, other = CA(), CA()
    try:
        def tls(certificate, key, more=""):
            with place(LIMITS + 'tls { listen = {"127.0.0.1:0"} certificate = "%s" key = "{d}/tls.key" %s }\n' % (certificate, more)) as d:
                with open(key) as f:
                    put(d + "/tls.key", f.read())
                os.chmod(d + "/tls.key", 0o600)
                return examine(d)

        said = tls(*ca.issue("gateway.example", "192.0.2.1", "::1", days=90))
        assert re.search(r"^ok +tls: gateway.example, 192.0.2.1, ::1; (89|90) days left; 1 in the chain$", said.done.stdout, re.M), said.done
        assert tls(*ca.issue("a.example", days=10)).has("ok", "tls", "a.example; "), "nearly all of its life is left"
        assert tls(*ca.issue("a.example", days=-1)).has("FAIL", "tls", "the certificate has expired")
        assert tls(*ca.issue("urn://x", days=9)).has("warn", "tls", "the certificate names no host")
        many = tls(*ca.issue(*["host-%03d.example" % i for i in range(40)], days=9))
        assert many.has("ok", "tls", "host-000.example, ") and ", ...; " in many.done.stdout, many.done
        certificate, key = ca.issue("a.example", days=9)
        for last, good in (ca.file, True), (other.file, False):
            with open(certificate) as f, open(last) as g:
                chain = f.read() + g.read()
            put(ca.dir + "/chain.pem", chain)
            said = tls(ca.dir + "/chain.pem", key)
            assert said.has("warn", "tls", "the certificates do not make a chain") != good, said.done
            assert "; 2 in the chain" in said.done.stdout, said.done
        # The authority is one for two days, and its list too.
        said = tls(certificate, key, 'client_ca = "%s" client_crl = "%s"' % (ca.file, ca.revoke()))
        assert said.has("warn", "tls", "an authority for clients expires in "), said.done
        assert said.has("warn", "tls", "a list of revoked certificates is out of date in "), said.done
        assert not tls(certificate, key).has("warn", "tls", "an authority")
    finally:
        ca.close()
        other.close()


def test_limits_of_this_shell():
    with place(GOOD) as d:
        said = examine(d, limits={resource.RLIMIT_NOFILE: (256, 4096), resource.RLIMIT_MEMLOCK: (65536, 65536)})
        assert said.has("warn", "limits", "4096 open files, but 10000 connections or calls"), said.done
        assert said.has("warn", "limits", "64 KiB of memory may be locked"), said.done
        assert said.has("note", "service", "no gateway is seen running"), said.done
    with place(GOOD.replace("limits {", "limits { connections = 3000 calls = 3840")) as d:
        said = examine(d, limits={resource.RLIMIT_NOFILE: (256, 4096)})
        assert said.has("ok", "limits", "open files suffice for 3840 connections"), said.done


# ---- beside a gateway ----

def test_a_gateway_that_runs():
    """Its limits and its user are what counts, not this shell's; and it does not notice."""
    with gateway_of(GOOD, denied="", **{"sign.key": "k" * 32}) as g:
        before = {name: os.stat(g.audit_dir + "/" + name).st_mtime_ns for name in os.listdir(g.audit_dir)}
        scribe = g.pids()["postern-scribe"]
        said = examine(g.dir, limits={resource.RLIMIT_NOFILE: (256, 1024)})
        assert said.has("note", "service", "runs on its own") or said.has("ok", "service", "runs in "), said.done
        with open("/proc/%d/limits" % scribe) as f:
            hard = re.search(r"Max open files +\d+ +(\d+)", f.read())[1]
        assert said.has("ok" if int(hard) >= 10256 else "warn", "limits", ""), said.done
        assert "1024 open files" not in said.done.stdout, said.done
        with open("/proc/%d/status" % scribe) as f:
            uid = int(re.search(r"^Uid:\t(\d+)", f.read(), re.M)[1])
        apart = said.has("ok", "users", "each process has its own")
        assert apart == (uid > 1900000000) and (apart or "user, %d" % uid in said.done.stdout), said.done
        assert before == {name: os.stat(g.audit_dir + "/" + name).st_mtime_ns for name in before}
        assert g.pids()["postern-scribe"] == scribe and g.get("/readyz")[0] == 200
        # The roles that it started for a look are gone.
        assert not processes_of(said.session)
        g.now.stop()
        assert examine(g.dir).has("note", "service", "no gateway is seen running")


def processes_of(session):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open("/proc/%s/stat" % entry) as f:
                if int(f.read().rpartition(")")[2].split()[3]) == session:
                    found.append(entry)
    return found


# ---- how it is said ----

def test_json():
    with place(GOOD) as d:
        said = examine(d)
        done = subprocess.run([BINARY, "doctor", "--config", d + "/postern.conf", "--json"], capture_output=True, text=True)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == said.done.returncode
        assert [[v["grade"], v["subject"], v["what"], v["todo"] or ""] for v in lines if v["subject"] != "log"] == [
            list(f) for f in said.found if f[1] != "log"], (lines, said.done)


def test_no_secrets():
    with place(GOOD) as d:
        text = examine(d).done
        for name in "a.key", "sign.key":
            with open(d + "/" + name, "rb") as f:
                key = f.read()
            for form in key.hex(), base64.b64encode(key).decode()[:40], base64.urlsafe_b64encode(key).decode()[:40]:
                assert form not in text.stdout + text.stderr
        with open(d + "/callers") as f:
            assert f.read().split()[1].partition(":")[2] not in text.stdout + text.stderr


COLOUR = b"\x1b["


def test_colour_on_a_terminal_only():
    with place(GOOD) as d:
        args = [BINARY, "doctor", "--config", d + "/postern.conf"]
        shown = terminal.show(args)
        assert b"\x1b[32mok\x1b[0m    configuration: " in shown.stdout, shown.stdout
        plain = terminal.show(args, env={"NO_COLOR": "1"})
        lines = [re.sub(rb"\x1b\[[\d;]*m", b"", s.stdout).splitlines()[:3] for s in (shown, plain)]
        assert lines[0] == lines[1] and COLOUR not in plain.stdout, plain.stdout
        # An empty one says nothing (no-color.org).
        assert COLOUR in terminal.show(args, env={"NO_COLOR": ""}).stdout
        for env in {"TERM": "dumb"}, {"TERM": ""}:
            assert COLOUR not in terminal.show(args, env=env).stdout, env
        assert COLOUR not in terminal.show(args, terminals=["stderr"]).stdout
        assert COLOUR not in terminal.show([*args, "--json"]).stdout


if __name__ == "__main__":
    tap.main(globals())
