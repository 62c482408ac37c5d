#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Would the unit tests notice? Puts small faults (mutants.py) into the code of policy, handles and log, one at a time, and runs its tests.

A mutant is killed when a test fails, crashes or hangs on it: as it is, or under the sanitizers, where `make check` runs the tests too. One that does not
compile, or of which the optimiser makes the same code, does not count. Those that live are printed, but for those that tests/mutation/survivors argues for;
what stands there without need is printed as well. --survivors writes all that live to a file, in that one's form.

It works in a copy of the tree, where syncing does nothing. The end is TAP: a file is ok when at least 90 % of its mutants are killed (those argued for
count as living). A sample is drawn from the mutants that are not argued for.
"""
import argparse
import collections
import concurrent.futures
import fnmatch
import glob
import json
import os
import queue
import random
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import mutants  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIST = os.path.join(ROOT, "tests/mutation/survivors")
WANTED = 90  # percent

# Files, and the unit tests that know them (test_NAME.c): first those that are quick, or likely to fail.
TARGETS = [
    ("src/policy/policy.c", ["policy*"]),
    ("src/seal/*.c", ["seal_vectors", "seal_plain", "wipes", "seal", "seal*"]),
    ("src/audit/line.c", ["audit_line*", "store"]),
    ("src/audit/note.c", ["note*", "wipes", "verify*"]),
    ("src/audit/tree.c", ["tree*", "verify*"]),
    ("src/store/verify.c", ["walk*", "verify_edges", "store_files", "verify*"]),
    ("src/store/walk.c", ["walk*", "store_files", "verify*", "store*"]),
    ("src/store/checkpoints.c", ["checkpoints*", "store_files", "verify*", "store*"]),
    ("src/store/reader.c", ["store_reader", "store_files", "store", "store*"]),
    ("src/store/scan.c", ["store_start", "store_files", "store*", "checkpoints*", "verify*"]),
    ("src/store/*.c", ["store_batches", "store_room", "store_files", "store_start", "store_edges", "store*", "checkpoints*",
                       "verify*"]),
]
BUILDS = {
    "plain": [],
    "asan": ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dc_args=-fno-sanitize-recover=all"],
}
# In every test program. Results come line by line, so that the first that is bad ends it. A test may have a sync of its own.
HARNESS = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
__attribute__((weak)) int fsync(int fd) { return fcntl(fd, F_GETFD) < 0 ? -1 : 0; }
__attribute__((weak)) int fdatasync(int fd) { return fcntl(fd, F_GETFD) < 0 ? -1 : 0; }
__attribute__((constructor)) static void by_line(void) { setvbuf(stdout, NULL, _IOLBF, 0); }
"""
FILE_BYTES_MAX = 1 << 28  # that a program may write


class Failed(Exception):
    pass


def command(args, directory, what):
    r = subprocess.run(args, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = r.stdout.decode(errors="replace")
    if r.returncode:
        raise Failed("%s:\n%s" % (what, output[-4000:]))
    return output


def quiet(args, directory):
    return subprocess.run(args, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def kill(process):
    """It and what it started; before it is waited for."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


# ---- test programs ----

class Test:
    """A test program of one build: how it is linked, and how long it may take."""

    def __init__(self, build, name):
        self.name, self.build = name, build
        self.target = "tests/unit/test-" + name
        self.cpu = self.wall = 600

    def link(self, objects, program):
        """OBJECTS stand before the libraries, from which nothing is taken that they define."""
        args = list(self.args)
        args[args.index("-o") + 1] = program
        at = args.index("-Wl,--start-group")
        return quiet(args[:at] + [self.build.harness] + objects + args[at:], self.build.directory)

    def passes(self, program, scratch):
        os.makedirs(scratch)
        p = subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", TMPDIR=scratch), start_new_session=True)
        timer = threading.Timer(self.wall, kill, [p])
        timer.start()
        try:
            for limit, value in ((resource.RLIMIT_CPU, self.cpu), (resource.RLIMIT_FSIZE, FILE_BYTES_MAX),
                                 (resource.RLIMIT_CORE, 0)):
                resource.prlimit(p.pid, limit, (value, value))
        except ProcessLookupError:
            pass
        failed = any(line.startswith(b"not ok") for line in p.stdout)
        if failed:
            kill(p)
        status = p.wait()
        timer.cancel()
        p.stdout.close()
        shutil.rmtree(scratch, ignore_errors=True)
        return not failed and status == 0

    def prepare(self, top, logs):
        """As it is, it passes; so much longer may a mutant take."""
        self.args = shlex.split(command(["ninja", "-t", "commands", self.target], self.build.directory,
                                        self.target).splitlines()[-1])
        program = os.path.join(top, "program")
        if not self.link([], program):
            raise Failed(self.target + " cannot be linked")
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        if not self.passes(program, os.path.join(logs, "t")):
            raise Failed(self.target + " fails as it is")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = int(2 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)) + 2
        self.wall = 20 * (time.monotonic() - began) + 20


class Build:
    """A build directory with the libraries and the test programs' objects."""

    def __init__(self, kind, top, logs, names):
        self.directory = os.path.join(top, kind)
        self.harness = os.path.join(top, kind + "-harness.o")
        command(["meson", "setup", "-Doptimization=0", "-Ddebug=false", "-Dwerror=false", *BUILDS[kind], self.directory,
                 os.path.join(top, "tree")], top, "meson setup")
        self.tests = {name: Test(self, name) for name in names}
        command(["ninja", "-j2", *(t.target for t in self.tests.values())], self.directory, "building the tests")
        sanitize = ["-fsanitize=address,undefined"] if kind == "asan" else []
        command(["cc", *sanitize, "-c", "-o", self.harness, os.path.join(top, "harness.c")], top, "the harness")
        with open(os.path.join(self.directory, "compile_commands.json")) as f:
            commands = json.load(f)
        self.compilers = {os.path.relpath(os.path.join(self.directory, c["file"]), os.path.join(top, "tree")):
                          self.compiler(c) for c in commands if "/lib" in c["output"]}
        for test in self.tests.values():
            test.prepare(top, logs)

    @staticmethod
    def compiler(entry):
        """The command without its file, its output and its list of headers, and without warnings."""
        args = shlex.split(entry["command"])
        for option in ("-MQ", "-MF", "-o", "-c"):
            at = args.index(option)
            del args[at:at + 2]
        args.remove("-MD")
        return args + ["-w"]

    def compile(self, file, path, out, more=()):
        return quiet(self.compilers[file] + [*more, "-o", out, "-c", path], self.directory)


# ---- mutants ----

class Lab:
    """All that it takes to judge a mutant. Each of the SLOTS is a directory in which one is worked on."""

    def __init__(self, top, logs, files, args):
        self.code, self.tests, self.top, self.logs = {}, {}, top, logs
        self.slots = queue.Queue()
        for i in range(args.jobs):
            os.mkdir(os.path.join(top, str(i)))
            os.mkdir(os.path.join(logs, str(i)))
            self.slots.put(str(i))
        shutil.copytree(ROOT, os.path.join(top, "tree"), ignore=shutil.ignore_patterns(".git", "build*", "__pycache__"))
        with open(os.path.join(top, "harness.c"), "w") as f:
            f.write(HARNESS)
        every = sorted(os.path.basename(p)[5:-2] for p in glob.glob(ROOT + "/tests/unit/test_*.c"))
        for file in files:
            with open(os.path.join(top, "tree", file), encoding="utf-8") as f:
                self.code[file] = f.read()
            wanted = args.tests or next(patterns for pattern, patterns in TARGETS if fnmatch.fnmatch(file, pattern))
            named = [n for pattern in wanted for n in fnmatch.filter(every, pattern)]
            self.tests[file] = list(dict.fromkeys(named))
        names = sorted({n for names in self.tests.values() for n in names})
        self.builds = [Build(kind, top, logs, names) for kind in BUILDS if kind != "asan" or not args.fast]

    def killed_in(self, build, mutant, path, slot, logs):
        """True, False, or None: it does not compile."""
        program, made = os.path.join(slot, "program"), os.path.join(slot, "mutant.o")
        if not build.compile(mutant.file, path, made):
            return None
        for name in self.tests[mutant.file]:
            test = build.tests[name]
            if not test.link([made], program):
                return None
            if not test.passes(program, os.path.join(logs, "t")):
                return True
        return False

    def same_code(self, mutant, path, slot):
        """The optimiser makes the same of both."""
        objects = []
        for code in (self.code[mutant.file], mutants.apply(self.code[mutant.file], mutant)):
            with open(path, "w", encoding="utf-8") as f:
                f.write(code)
            objects.append(os.path.join(slot, "same%d.o" % len(objects)))
            if not self.builds[0].compile(mutant.file, path, objects[-1], ["-O2"]):
                return False
        with open(objects[0], "rb") as a, open(objects[1], "rb") as b:
            return a.read() == b.read()

    def judge(self, mutant):
        """"killed", "lives", "same" or "invalid"."""
        name = self.slots.get()
        slot, logs = os.path.join(self.top, name), os.path.join(self.logs, name)
        path = os.path.join(slot, os.path.basename(mutant.file))
        try:
            with open(path, "w", encoding="utf-8") as f:
                f.write(mutants.apply(self.code[mutant.file], mutant))
            killed = self.killed_in(self.builds[0], mutant, path, slot, logs)
            if killed is None:
                return "invalid"
            if not killed and self.same_code(mutant, path, slot):
                return "same"
            killed = killed or any(self.killed_in(b, mutant, path, slot, logs) for b in self.builds[1:])
            return "killed" if killed else "lives"
        finally:
            self.slots.put(name)


# ---- the list of those argued for ----

def entry(m):
    return m.file, m.function, m.before, m.after


def format_entry(e):
    return "%s %s\n- %s\n+ %s\n" % e


def read_list(path):
    """Paragraphs: where it is, what it was, what it becomes, and why nobody need see that; a reason may stand below several."""
    listed, waiting = {}, []
    with open(path, encoding="utf-8") as f:
        lines = [line for line in f.read().split("\n") if line.strip() and not line.startswith("#")]
    while lines:
        m = [re.fullmatch(p, line) for p, line in zip((r"(\S+) (\S+)", r"- (.*)", r"\+ (.*)"), lines)]
        if len(m) == 3 and all(m):
            waiting.append((m[0][1], m[0][2], m[1][1], m[2][1]))
            del lines[:3]
        elif waiting and lines[0].startswith("  "):
            reason = []
            while lines and lines[0].startswith("  "):
                reason.append(lines.pop(0).strip())
            listed.update({e: " ".join(reason) for e in waiting})
            waiting = []
        else:
            raise Failed("%s: what is \"%s\"?" % (path, lines[0]))
    if waiting:
        raise Failed("%s: no reason for\n%s" % (path, format_entry(waiting[0])))
    return listed


# ---- the run ----

def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, help="so many of them, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--file", action="append", help="in this file alone, a pattern; may come again")
    parser.add_argument("--again", help="those alone that an earlier --survivors wrote there")
    parser.add_argument("--survivors", help="where to write those that live")
    parser.add_argument("--fast", action="store_true", help="without the sanitizers: more live")
    parser.add_argument("--tests", type=lambda names: names.split(","), help="these unit tests alone, patterns with commas between: more live")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser.parse_args()


def in_memory():
    """Where the tests' files should be, if there is room; None: where files are else. Programs cannot be started there everywhere."""
    shm = "/dev/shm"
    return shm if os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > 2 * FILE_BYTES_MAX else None


def all_files():
    files = [os.path.relpath(p, ROOT) for pattern, _ in TARGETS for p in sorted(glob.glob(os.path.join(ROOT, pattern)))]
    return list(dict.fromkeys(files))


def choose(args, lab, listed):
    found = [m for file in lab.code for m in mutants.mutants_of(file, lab.code[file])]
    if args.again:
        lived = read_list(args.again)
        return [m for m in found if entry(m) in lived]
    if args.sample is None:
        return found
    found = [m for m in found if entry(m) not in listed]
    picked = random.Random(args.seed).sample(range(len(found)), min(args.sample, len(found)))
    return [found[i] for i in sorted(picked)]


def report(chosen, ends, listed, args):
    """Returns how many files are not ok."""
    lives = [m for m, e in zip(chosen, ends) if e == "lives"]
    for m in lives:
        if entry(m) not in listed:
            print("# lives: %s:%d: %s\n#   - %s\n#   + %s" % (m.file, m.line, m.function, m.before, m.after))
    if args.sample is None and not args.again:
        argued = {entry(m) for m in lives}
        for e in (e for e in listed if e[0] in {m.file for m in chosen} and e not in argued):
            print("# is in the list, and does not live: " + format_entry(e).replace("\n", "\n#   ").rstrip(" #\n"))
    if args.survivors:
        with open(args.survivors, "w", encoding="utf-8") as f:
            f.write("".join(format_entry(entry(m)) + "  %s\n\n" % listed.get(entry(m), "?") for m in lives))
    counts = collections.Counter(ends)
    total = counts["killed"] + counts["lives"]
    print("# mutants %d, killed %d (%.1f %%), survived %d (%d of them argued for); %d more do not compile, %d are the same "
          "code" % (total, counts["killed"], 100 * counts["killed"] / max(total, 1), counts["lives"],
                    sum(entry(m) in listed for m in lives), counts["invalid"], counts["same"]))
    files = list(dict.fromkeys(m.file for m in chosen))
    failed = 0
    print("1..%d" % len(files))
    for number, file in enumerate(files, 1):
        here = collections.Counter(e for m, e in zip(chosen, ends) if m.file == file)
        killed, of = here["killed"], here["killed"] + here["lives"]
        good = 100 * killed >= WANTED * of
        failed += not good
        print("%sok %d - %s: %d of %d killed (%.1f %%)" % ("" if good else "not ", number, file, killed, of,
                                                            100 * killed / max(of, 1)))
    return failed


def main():
    args = arguments()
    files = [f for f in all_files() if not args.file or any(fnmatch.fnmatch(f, p) for p in args.file)]
    if not files:
        sys.exit("no such file")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    top, logs = tempfile.mkdtemp(prefix="pm-"), tempfile.mkdtemp(prefix="pm-", dir=in_memory())
    try:
        listed = read_list(LIST)
        lab = Lab(top, logs, files, args)
        chosen = choose(args, lab, listed)
        print("# %d mutants; everything was built in %d s" % (len(chosen), time.monotonic() - began), flush=True)
        pool = concurrent.futures.ThreadPoolExecutor(args.jobs)
        try:
            ends = list(pool.map(lab.judge, chosen))
        finally:
            pool.shutdown(cancel_futures=True)
        print("# %d s" % (time.monotonic() - began))
        sys.exit(report(chosen, ends, listed, args) > 0)
    except Failed as e:
        sys.exit("mutate: %s" % e)
    finally:
        shutil.rmtree(top, ignore_errors=True)
        shutil.rmtree(logs, ignore_errors=True)


if __name__ == "__main__":
    main()
