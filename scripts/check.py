#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Build, test and check everything; the last line is "N passed, N failed". With --all also what takes longer.

Each TAP line of a program counts as a test of its own.
"""
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILDS = ["build", "build-asan"]
FUZZ_SECONDS = 60
MUTANTS = 400  # of all; `make mutate` runs all

VALGRIND = "valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite"

# name, arguments for `meson test`. Some of the end-to-end tests run alone all the same (tests/e2e/meson.build).
RUNS = [
    ("parallel", ["--num-processes", "2", "--no-suite", "e2e", "--no-suite", "slow"]),
    ("e2e", ["--num-processes", "2", "--suite", "e2e", "--no-suite", "slow"]),
]
SLOW_RUNS = [("slow", ["--num-processes", "1", "--suite", "slow", "--timeout-multiplier", "10"])]
VALGRIND_RUNS = [("memcheck", ["--num-processes", "2", "--suite", "unit", "--timeout-multiplier", "20",
                               "--wrapper", VALGRIND])]


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add_tap(self, output):
        """Count the TAP lines of an output; how many there are, and how many of them failed."""
        lines = re.findall(r"^(not )?ok\b(.*)", output, re.M)
        failed = sum(bool(bad) for bad, _ in lines)
        skipped = sum(not bad and bool(re.search(r"#\s*skip", rest, re.I)) for bad, rest in lines)
        self.failed += failed
        self.skipped += skipped
        self.passed += len(lines) - failed - skipped
        return len(lines), failed

    def add_program(self, output, result):
        """A finished program with RESULT "ok", "skip" or "fail". True when something of it failed."""
        count, failed = self.add_tap(output)
        if result == "fail" and not failed:
            self.failed += 1  # a crash, a timeout, a plan not kept
            return True
        if not count:
            self.skipped += result == "skip"
            self.passed += result == "ok"
        return bool(failed)

    def finish(self):
        skipped = ", %d skipped" % self.skipped if self.skipped else ""
        print("%d passed, %d failed%s" % (self.passed, self.failed, skipped), flush=True)
        sys.exit(self.failed > 0)


def heading(text):
    print("==== " + text, flush=True)


def build(directory):
    heading("building " + directory)
    r = subprocess.run(["scripts/build", directory], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if r.returncode:
        print(r.stdout.decode(errors="replace"))
    return r.returncode == 0


def show(name, output):
    heading("failed: " + name)
    print("\n".join(output.splitlines()[-300:]), flush=True)


MESON_RESULTS = {"OK": "ok", "EXPECTEDFAIL": "ok", "SKIP": "skip"}


def run_meson(directory, name, args, tally):
    heading("%s: %s" % (directory, name))
    base = "%s/%s/meson-logs/check-%s" % (ROOT, directory, name)
    for old in glob.glob(base + "*"):
        os.unlink(old)
    status = subprocess.run(["meson", "test", "-C", directory, "--no-rebuild", "--logbase", "check-" + name, *args],
                            cwd=ROOT, stdin=subprocess.DEVNULL).returncode
    broken = []
    for path in glob.glob(base + "*.json"):
        with open(path) as f:
            for test in map(json.loads, f):
                output = test.get("stdout", "")
                if tally.add_program(output, MESON_RESULTS.get(test["result"], "fail")):
                    broken.append((test["name"], "%s\n%s\n(%s, status %s)" % (
                        output, test.get("stderr", ""), test["result"], test.get("returncode"))))
    if status and not broken:
        tally.failed += 1
        broken.append((name, "meson test ended with status %d" % status))
    return [("%s: %s" % (directory, title), output) for title, output in broken]


def start_check(command, *prefix):
    return subprocess.Popen([*prefix, *command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def end_check(name, process, tally):
    heading(name)
    output = process.communicate()[0].decode(errors="replace")
    broken = tally.add_program(output, "fail" if process.returncode else "ok")
    return [(name, output)] if broken else []


def main():
    everything = sys.argv[1:] == ["--all"]
    if sys.argv[1:] and not everything:
        sys.exit("usage: check.py [--all]")
    tally = Tally()
    if not all(build(directory) for directory in BUILDS):
        tally.failed = 1
        tally.finish()

    # End-to-end tests mostly wait: there is room for it beside them.
    analysis = start_check(["scripts/analyze", "build"], "nice", "-n", "19")
    broken = []
    for directory in BUILDS:
        for name, args in RUNS + (SLOW_RUNS if everything else []):
            broken += run_meson(directory, name, args, tally)
    checks = [("style", ["scripts/check-style"]),
              ("reproducible", ["scripts/check-reproducible"]),
              ("purity", ["scripts/check-purity", "build"]),
              ("providers", ["scripts/provider-table.py", "--check"]),
              ("API document", ["scripts/api-doc.py", "--check"]),
              ("man pages", ["mandoc", "-Tlint", "-Wwarning", *sorted(glob.glob(ROOT + "/man/*.[1-9]"))])]
    if everything:
        for name, args in VALGRIND_RUNS:
            broken += run_meson("build", name, args, tally)
        checks.append(("coverage", ["scripts/coverage", "--check"]))
        checks.append(("fuzz", ["scripts/fuzz", str(FUZZ_SECONDS)]))
        checks.append(("reproducible package", ["scripts/check-reproducible", "--deb"]))
        checks.append(("package", ["tests/package/test_package.py"]))
        checks.append(("docs/production.md", ["tests/package/test_production.py"]))
        checks.append(("mutants", ["scripts/mutate.py", "--sample", str(MUTANTS)]))
    broken += end_check("analysis", analysis, tally)
    for name, command in checks:
        broken += end_check(name, start_check(command), tally)

    for title, output in broken:
        show(title, output)
    tally.finish()


if __name__ == "__main__":
    main()
