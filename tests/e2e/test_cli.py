# SPDX-License-Identifier: ISC
"""The command line without a gateway: help, exit codes, keygen, check-config, policy, serve's arguments."""
import contextlib
import hmac
import json
import os
import re
import subprocess
import tempfile

import tap
from common import CONF
from servers import BINARY, ROOT

SCREEN = 24, 80  # lines, columns


def run(*args, stdin="", **kw):
    return subprocess.run([BINARY, *args], input=stdin, capture_output=True, text=True, timeout=60, **kw)


def fails(status, text, *args, **kw):
    """It ends with STATUS, TEXT on stderr and nothing on stdout."""
    done = run(*args, **kw)
    assert (done.returncode, done.stdout) == (status, "") and text in done.stderr, (args, done)
    return done


def works(*args, **kw):
    done = run(*args, **kw)
    assert done.returncode == 0, (args, done)
    return done.stdout


# ---- help, and what all commands share ----

def commands(*above):
    """All commands, as lists of words: those that the help names, and those that theirs do."""
    text = works(*above, "--help")
    found = []
    if re.search("^usage: postern .*COMMAND", text, re.M):
        for name in re.findall(r"^  ([a-z-]+)  +\S", text, re.M):
            found += [[*above, name], *commands(*above, name)]
    return found


def test_help():
    top = works("--help")
    assert top == works("-h") == fails(2, "usage: postern COMMAND").stderr
    assert works("--version").startswith("postern ")
    fails(2, "there is no such command", "ls")
    every = commands()
    assert ["serve"] in every and ["audit", "verify"] in every and len(every) >= 14, every
    for words in every:
        text = works(*words, "--help")
        assert "usage: postern " + " ".join(words) in text and text == works(*words, "-h"), text
    for words in ["serve"], ["check-config"], ["inspect"], ["doctor"], ["audit", "show"], ["audit", "verify"]:
        fails(2, "too many arguments", *words, "one", "two")


def test_help_fits_a_screen():
    for words in [[], *commands()]:
        lines = works(*words, "--help").splitlines()
        assert len(lines) < SCREEN[0] and all(len(line) <= SCREEN[1] for line in lines), (words, lines)


def test_wrong_options():
    """They are told by name, never with their value, and briefly."""
    for words in commands():
        name = " ".join(words)
        for option, said in [("--no-such-thing=SECRET", "--no-such-thing"), ("-x", "-x"), ("--help=SECRET", "--help with a value")]:
            if words in (["audit"], ["hook"]):
                continue  # has none of its own
            text = fails(2, "`%s` takes no %s\n" % (name, said), *words, option).stderr
            assert text.endswith("postern: see `postern %s --help`\n" % name) and text.count("\n") == 2, text
            assert "SECRET" not in text
    fails(2, "--config wants a value", "serve", "--config")
    fails(2, "`serve` takes no -y", "serve", "-y=--config")
    fails(2, "`audit show` takes no --c: it could be one of several", "audit", "show", "--c", "x")
    fails(2, "subcommand is wanted first", "audit", "--dir", "x", "show")


def test_output_that_cannot_be_written():
    """Nobody may take a cut answer for a whole one."""
    with tempfile.TemporaryDirectory() as d, open("/dev/full", "w") as full:
        serve = ("serve", "--dev", "--listen", "127.0.0.1:0", "--state-dir", d + "/state")
        for args in ("--help",), ("--version",), ("keygen", "--token", "x"), ("policy", "a.example", "TXT"), ("doctor",), serve:
            done = subprocess.run([BINARY, *args], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
            assert done.returncode in (1, 2) and "standard output: No space left" in done.stderr, (args, done)


# ---- keygen ----

def test_keygen():
    with tempfile.TemporaryDirectory() as d:
        path = d + "/root.key"
        done = run("keygen", path)
        assert done.returncode == 0 and "Back it up" in done.stderr, done
        with open(path, "rb") as f:
            key = f.read()
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert len(key) == 32 and done.stdout == ""
        # One that is there is nobody's to overwrite.
        fails(1, "File exists", "keygen", path)
        with open(path, "rb") as f:
            assert f.read() == key
        fails(1, "No such file", "keygen", d + "/none/root.key")
    token, line = works("keygen", "--token", "web-1", "--verbs", "get_zones,add_record").splitlines()
    assert line.startswith("web-1 sha256:") and line.endswith(" get_zones,add_record") and token not in line
    assert works("keygen", "--token", "web-1").splitlines()[0] != token
    fails(2, "FILE, or --token", "keygen")
    fails(2, "FILE, or --token", "keygen", "a", "b")
    fails(2, "FILE, or --token", "keygen", "--token", "x", "file")
    fails(2, "FILE, or --token", "keygen", "--id", "a", "b")
    fails(2, "FILE, or --token", "keygen", "--id", "a", "--token", "x")
    fails(2, "--verbs goes with --token", "keygen", "--verbs", "all", "file")
    fails(2, "NAME must be", "keygen", "--token", "Web")
    fails(2, "LIST must be", "keygen", "--token", "web", "--verbs", "get_zones,rule")


def test_key_ids():
    """What says which key it is, and nothing of the key; the same that its handles have."""
    with tempfile.TemporaryDirectory() as d:
        path = d + "/root.key"
        said = re.search(r"its id is ([0-9a-f]{8})\.$", run("keygen", path).stderr, re.M)[1]
        assert works("keygen", "--id", path) == said + "\n"
        assert works("keygen", "--id", "./root.key", cwd=d) == works("keygen", "--id", "root.key", cwd=d) == said + "\n"
        fd = os.open(path, os.O_RDONLY)
        assert works("keygen", "--id", "fd:%d" % fd, pass_fds=[fd]) == said + "\n"
        os.close(fd)
        fails(1, "fd:9: is not open", "keygen", "--id", "fd:9")
        # HKDF-SHA256 (RFC 5869) with no salt, info "postern/v1/key-id", 4 bytes.
        with open(path, "rb") as f:
            inner = hmac.digest(bytes(32), f.read(), "sha256")
        assert hmac.digest(inner, b"postern/v1/key-id\x01", "sha256")[:4].hex() == said
        fails(1, "No such file", "keygen", "--id", d + "/none")
        os.chmod(path, 0o644)
        fails(1, "must have no permission", "keygen", "--id", path)
        with open(path, "ab") as f:
            f.write(b"x")
        os.chmod(path, 0o600)
        fails(1, "must be 32 bytes", "keygen", "--id", path)


# ---- check-config ----

@contextlib.contextmanager
def config(section=""):
    """A directory with a whole configuration, and SECTION in it; {d} stands for the directory."""
    with tempfile.TemporaryDirectory() as d:
        assert run("keygen", d + "/a.key").returncode == 0
        files = {"callers": works("keygen", "--token", "all").splitlines()[1] + "\n",
                 "postern.conf": (CONF + section).replace("{d}", d)}
        for name, text in files.items():
            with open(os.path.join(d, name), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(text)
        yield d


def test_check_config():
    with config() as d:
        text = works("check-config", d + "/postern.conf")
        assert text == d + "/postern.conf: good; root keys: 1, callers: 1\n", text
        os.chmod(d + "/a.key", 0o644)
        fails(1, "a.key", "check-config", d + "/postern.conf")
    with config('ca_file = "{d}/no-such.pem"\n') as d:
        done = run("check-config", d + "/postern.conf")
        assert done.returncode == 0 and "no provider can be reached over HTTPS" in done.stderr, done
    with config("nonsense = 1\n") as d:
        fails(1, "postern.conf:6", "check-config", d + "/postern.conf")
    fails(1, "No such file", "check-config", "/nowhere/postern.conf")


# ---- policy ----

def test_policy_verdicts():
    """Name, type, value, options; the verdict. Exit status 0: allowed, 1: denied."""
    for args, verdict in [
            (["_acme-challenge.example.com", "TXT", "x"], "allowed (guarded)"),
            (["_acme-challenge.example.com", "TXT"], "allowed (guarded)"),
            (["_acme-challenge.example.com", "CNAME", "--mode", "replace"], "allowed (guarded)"),
            (["_acme-challenge.example.com", "NS", "--mode", "replace", "--profile", "strict"], "allowed (strict)"),
            (["example.com", "CAA", "--profile", "strict"], "allowed (strict)"),
            (["example.com", "TXT", "v=spf1 -all"], "denied: value_version_tag: "),
            (["example.com", "TXT", "v=spf1 -all", "--profile", "article"], "allowed (article)"),
            (["_dmarc.example.com", "TXT"], "denied: registered_label: "),
            (["www.example.com", "CNAME", "--mode", "replace"], "denied: name_replace: "),
            (["www.example.com", "A"], "denied: type_coexist: "),
            (["www.example.com", "A", "192.0.2.1", "--mode", "replace"], "denied: type_replace: "),
            (["example.com", "CAA", "0 issue \"ca.example\"", "--profile", "strict"], "denied: authority_strict: "),
            (["*.example.com", "TXT"], "denied: invalid_name: "),
            (["example.com", "CAA", "letsencrypt.org"], "denied: invalid_value: ")]:
        done = run("policy", *args)
        assert done.returncode == (0 if verdict.startswith("allowed") else 1), (args, done)
        assert done.stdout.startswith(verdict) and done.stdout.count("\n") == 1, (args, done)


def test_policy_all_profiles():
    done = run("policy", "example.com", "TXT", "v=spf1", "--all-profiles", "--json")
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(v["profile"], v["allowed"], v["rule"]) for v in found] == [
        ("article", True, "allowed"), ("guarded", False, "value_version_tag"), ("strict", False, "value_version_tag")], found
    assert all(v["sentence"] for v in found)


def test_policy_of_a_configuration():
    """What the operator decided holds: no looser profile, the default, the lists, standing authority."""
    section = """policy { loosest = "guarded" default = "strict" standing_authority = true
targets = {"dcv.example"} authorities = {"ca.example"} }\n"""
    name = "_acme-challenge.example.com"
    with config(section) as d:
        conf = ["--config", d + "/postern.conf"]
        assert works("policy", name, "TXT", "x", *conf) == "allowed (strict)\n"
        assert works("policy", name, "TXT", "x", "--profile", "article", *conf) == "allowed (guarded)\n"
        assert works("policy", name, "CNAME", "a.dcv.example", "--mode", "replace", *conf) == "allowed (strict)\n"
        assert works("policy", "example.com", "CAA", '0 issue "ca.example"', *conf) == "allowed (strict)\n"
        assert works("policy", "_validation-persist.example.com", "TXT", "x", *conf) == "allowed (strict)\n"
        # Without a value, the lists are not asked.
        assert works("policy", name, "NS", "--mode", "replace", *conf) == "allowed (strict)\n"
        done = run("policy", name, "CNAME", "dcv.other", "--mode", "replace", *conf)
        assert done.returncode == 1 and "target_strict" in done.stdout, done
        assert run("policy", name, "TXT", "x", "--all-profiles", *conf).stdout == "allowed (guarded)\nallowed (strict)\n"


def test_policy_arguments():
    fails(2, "FQDN and TYPE", "policy")
    fails(2, "FQDN and TYPE", "policy", "example.com")
    fails(2, "FQDN and TYPE", "policy", "example.com", "TXT", "a", "b")
    fails(2, "FQDN and TYPE", "policy", "--batch", "example.com")
    fails(2, "FQDN and TYPE", "policy", "--batch", "--profile", "strict")
    fails(2, "mode must be", "policy", "example.com", "TXT", "--mode", "overwrite")
    fails(2, "type must be in upper case", "policy", "example.com", "txt")
    fails(2, "profile must be", "policy", "example.com", "TXT", "--profile", "lax")
    fails(2, "No such file", "policy", "example.com", "TXT", "--config", "/nowhere/postern.conf")


def test_policy_batch():
    """The 704 cases that the unit tests have, through the program."""
    with open(ROOT + "/tests/vectors/policy/record_policy_cases.json") as f:
        cases = json.load(f)["cases"]
    asked = "".join(json.dumps({k: c[k] for k in ("name", "type", "mode")}) + "\n" for c in cases)
    answers = [json.loads(line) for line in works("policy", "--batch", stdin=asked).splitlines()]
    assert len(answers) == len(cases) > 700
    for case, answer in zip(cases, answers):
        assert (case["name"], case["type"], case["mode"]) == (answer["name"], answer["type"], answer["mode"])
        if answer["article"]["rule"] != "invalid_name":
            assert answer["article"]["allowed"] == (case["literal"] == "allow"), (case, answer)
        assert case["strict"] == "allow" or not answer["guarded"]["allowed"], (case, answer)


def test_policy_batch_bad_lines():
    good = '{"name": "a.example", "type": "TXT", "mode": "coexist", "value": "v=x"}\n'
    for bad in "", "{}", "[1]", '{"name": 1, "type": "TXT", "mode": "coexist"}', '{"name": "a.example", "mode": "coexist"}', \
            '{"name": "a.example", "type": "txt", "mode": "coexist"}', '{"name": "a.example", "type": "TXT", "mode": "x"}', '{"name": "a.example", "type": "TXT"}', "{" * 10:
        done = run("policy", "--batch", stdin=good + bad + "\n" + good)
        assert done.returncode == 1 and "line 2: must be an object" in done.stderr, (bad, done)
        # The others are answered all the same.
        assert [json.loads(line)["guarded"]["rule"] for line in done.stdout.splitlines()] == ["value_version_tag"] * 2
    assert works("policy", "--batch") == ""


# ---- serve ----

def test_serve_arguments():
    fails(2, "--dev reads no configuration", "serve", "--dev", "--config", "x")
    fails(2, "go with --dev only", "serve", "--listen", "127.0.0.1:0")
    fails(2, "go with --dev only", "serve", "--state-dir", "/tmp")
    fails(1, "No such file", "serve", "--config", "/nowhere/postern.conf")
    fails(1, "listen", "serve", "--dev", "--listen", "192.0.2.1:0", "--state-dir", "/nowhere/x")
    # Where the state would go is not guessed.
    for env in {}, {"HOME": ""}, {"HOME": "here"}, {"XDG_STATE_HOME": "here"}:
        fails(2, "--state-dir", "serve", "--dev", "--listen", "127.0.0.1:0", env=env)
    for env in {"XDG_STATE_HOME": "/proc/nowhere", "HOME": "/proc"}, {"HOME": "/proc/nowhere", "XDG_STATE_HOME": "here"}:
        fails(1, "/proc/nowhere", "serve", "--dev", "--listen", "127.0.0.1:0", env=env)


def test_started_as_a_role():
    """The name decides; by hand there is no supervisor at the other end."""
    for role in "postern-vault", "postern-courier-self":
        done = subprocess.run([role], executable=BINARY, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 1 and "not started by a supervisor" in done.stderr, done
    done = subprocess.run(["/x/y/postern", "--version"], executable=BINARY, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("postern "), done


if __name__ == "__main__":
    tap.main(globals())
