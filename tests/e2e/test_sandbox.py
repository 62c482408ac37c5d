#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What somebody can do who has taken a role over: the tries of tests/tools/attack.c, each in each role, with the sandbox and without.

test_sandbox.py --write     write the table of docs/security.md, made from a run
"""
import contextlib
import os
import platform
import re
import subprocess
import sys
import tempfile

import tap
from common import configured, everyone, gateway_of
from servers import BINARY, ROOT, has_symbol

TOOL = os.environ.get("ATTACK_TOOL", ROOT + "/build/tests/tools/attack")
DOC, BEGIN, END = ROOT + "/docs/security.md", "<!-- made by tests/e2e/test_sandbox.py -->\n", "<!-- end -->\n"
UIDS = 1900000000

# A role's own work.
OWN = {("postern-scribe", "read-the-log"): "its work",
       **{(role, name): "its work" for role in ("postern-courier", "postern-courier-self", "postern-resolver")
          for name in ("connect-out", "send-a-datagram")}}
STOPPED = {"killed", "-EACCES", "-EPERM"}
# What other walls stop too: uids of their own, no privileges, not dumpable. The rest is the sandbox's alone.
OTHER_WALLS = {"trace-a-sibling", "read-a-siblings-memory", "open-a-siblings-edge", "take-a-siblings-edge", "raise-a-limit", "become-root", "bpf"}


def attack(*off):
    """(role, try) -> outcome."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to set other processes' registers")
    if platform.machine() != "x86_64":
        raise tap.Skip("the attack tool knows one machine's registers")
    if has_symbol("__asan_init") or has_symbol("__gcov_dump"):
        raise tap.Skip("sanitizers and gcov need more than the sandbox leaves")
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        os.mkdir(d + "/log")
        os.mkdir(d + "/open")
        os.chmod(d + "/open", 0o777)
        # Others could read this one, if it were for its mode alone.
        with open(d + "/log/audit-00000000000000000000.jsonl", "w"):
            pass
        out = subprocess.run([TOOL, BINARY, str(UIDS), d, *off], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {tuple(line.split()[:2]): line.split()[2] for line in out.splitlines()}


def table(outcomes):
    roles = list(dict.fromkeys(role for role, _ in outcomes))
    lines = ["| try | %s |" % " | ".join(role.removeprefix("postern-") for role in roles), "|---" * (len(roles) + 1) + "|"]
    for name in dict.fromkeys(name for _, name in outcomes):
        cells = (OWN.get((role, name), outcomes[role, name].lstrip("-")) for role in roles)
        lines.append("| %s | %s |" % (name.replace("-", " "), " | ".join(cells)))
    return "\n".join(lines) + "\n"


def test_every_try_fails():
    outcomes = attack()
    assert len(outcomes) >= 8 * 25, len(outcomes)
    for key, outcome in outcomes.items():
        if key in OWN:
            assert outcome == "done", key
        else:
            assert outcome in STOPPED, (key, outcome)
    print("# %d tries from inside %d roles, %d of them stopped" % (len(outcomes), len({r for r, _ in outcomes}),
                                                              len(outcomes) - len(OWN)))
    with open(DOC) as f:
        assert table(outcomes) in f.read(), "docs/security.md is not what the tries give: run tests/e2e/test_sandbox.py --write"


def test_the_tries_are_real():
    """Without the sandbox they go through, but for what stops them besides."""
    for (role, name), outcome in attack("off").items():
        assert name in OTHER_WALLS or outcome == "done", (role, name, outcome)


@contextlib.contextmanager
def without_libseccomp():
    """A system where filters cannot be made."""
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        with open(d + "/libseccomp.so.2", "w"):
            pass  # found first, and no library
        yield {**os.environ, "LD_LIBRARY_PATH": d}


def doctor(env=None, section=""):
    """What `postern doctor` says of the sandbox: [grade and text]."""
    with configured(section) as d:
        done = subprocess.run([BINARY, "doctor", "--config", d + "/postern.conf"], env=env, capture_output=True, text=True)
    assert done.returncode in (0, 1) and done.stderr.count("\n") in (0, 8), done
    return re.findall(r"^(\w+ +)sandbox: (.*)", done.stdout, re.M)


def is_complete():
    return not any(grade.strip() in ("warn", "FAIL") for grade, _ in doctor())


def test_doctor():
    for section, grade in ("", "warn"), ('sandbox = "require"\n', "FAIL"):
        said = {text: word.strip() for word, text in doctor(section=section)}
        held = next(text for text in said if text.startswith("given up by every process: "))
        assert said[held] == "ok" and "system calls" in held, said
        if is_complete():
            assert ("sandbox = \"require\" would hold here" in said) == (not section), said
        with without_libseccomp() as env:
            said = {text: word.strip() for word, text in doctor(env, section)}
        assert said["system calls: not given up by any process"] == grade, said
        assert not any("would hold here" in text for text in said), said


def test_what_is_missing_is_told_or_fatal():
    complete = is_complete()
    for required in False, True:
        section = 'sandbox = "%s"\n' % ("require" if required else "best-effort")
        with without_libseccomp() as env:
            try:
                with gateway_of(section, env=env) as g:
                    assert not required and g.get("/readyz")[0] == 200
                    everyone(g)
                    assert g.stderr_text().count("this system cannot take away: system calls") == 8
            except AssertionError as e:
                assert required and "ended with status 1" in str(e), (required, e)
        if complete:
            with gateway_of(section) as g:
                assert g.get("/readyz")[0] == 200 and "cannot take away" not in g.stderr_text()


def test_filters_are_there():
    """In the kernel's own words."""
    with gateway_of("") as g:
        for name, pid in everyone(g).items():
            with open("/proc/%d/status" % pid) as f:
                status = dict(line.split(":\t") for line in f.read().splitlines() if ":\t" in line)
            assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", (name, status)
            assert int(status["Threads"]) == 1, name


def write():
    with open(DOC) as f:
        text = f.read()
    before, rest = text.split(BEGIN)
    text = before + BEGIN + table(attack()) + END + rest.split(END)[1]
    with open(DOC, "w") as f:
        f.write(text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        tap.main(globals())
