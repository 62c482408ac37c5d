#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
make bench: Postern, a gateway of the same design in Go (bench/peer), and nginx as a bare proxy, side by side, against the same canned HTTPS
upstream. docs/performance.md says how it is measured, and how to read it.

The gateway has core 0 for itself, upstream and load core 1, but where a row says "both cores". Candidates take turns, run by run. Any error
ends it with status 1. What was measured goes to build/bench/results.json as well.
"""
import argparse
import json
import os
import platform
import re
import shutil
import signal
import sys

import candidates
import rows
import table
from figures import Samples

TOOLS = (("nginx", "nginx"), ("wrk", "wrk"), ("go", "golang-go"), ("openssl", "openssl"), ("taskset", "util-linux"))
QUICK = ("exchange", "throughput", "idle", "start")


def options():
    p = argparse.ArgumentParser(description="Postern beside a Go gateway and nginx.")
    p.add_argument("--rows", metavar="LIST", help="some only: %s" % ",".join(rows.GROUPS))
    p.add_argument("--quick", action="store_true", help="a look, of a minute: one round of %s" % ", ".join(QUICK))
    o = p.parse_args()
    o.rows = o.rows.split(",") if o.rows else list(QUICK if o.quick else rows.GROUPS)
    for r in o.rows:
        if r not in rows.GROUPS:
            p.error("no rows '%s'" % r)
    o.seconds = float(os.environ.get("BENCH_SECONDS", "1" if o.quick else "3"))
    o.rounds = int(os.environ.get("BENCH_ROUNDS", "1" if o.quick else "3"))
    return o


def check_machine():
    os.environ["PATH"] += ":/usr/sbin"
    for tool, package in TOOLS:
        if not shutil.which(tool):
            raise SystemExit("needs %s (Debian package %s)" % (tool, package))
    if not {0, 1} <= os.sched_getaffinity(0):
        raise SystemExit("needs cores 0 and 1")
    if os.geteuid() != 0:
        raise SystemExit("needs root: roles with users of their own, and the memory of processes that hide it")
    if candidates.FILES < 17000:
        raise SystemExit("needs 17000 open files a process (ulimit -Hn says %d)" % candidates.FILES)


def machine():
    with open("/proc/cpuinfo") as f:
        name = re.search(r"model name\s*: (.*)", f.read())
    return "%s, %d cores, Linux %s" % (name[1] if name else "?", os.cpu_count(), platform.release())


def say(text):
    print("    " + text, file=sys.stderr, flush=True)


def main():
    o = options()
    check_machine()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended then too
    go = candidates.build_peer()
    os.sched_setaffinity(0, {1})
    samples, place = Samples(), candidates.Place()
    head = "machine: %s; load before: %.2f; %s; %d rounds of %g s" % (machine(), os.getloadavg()[0], go, o.rounds, o.seconds)
    print(head, flush=True)
    try:
        bench = rows.Bench(place, samples, o.seconds, o.rounds, say)
        for r in o.rows:
            bench.guard(r, getattr(bench, r))
    finally:
        place.remove()
    print("\n".join(["", *table.everything(samples, rows.KEYS, rows.LOG_LINES, rows.RATES)]))
    with open(candidates.BUILD + "/results.json", "w") as f:
        json.dump({"machine": head, "refused": bench.refused, "samples": samples.as_json(),
                   "targets": [t.as_json() for t in table.targets(samples, rows.KEYS, rows.LOG_LINES)]}, f, indent=1)
    for text in bench.refused:
        print("\nREFUSED: " + text)
    return 1 if bench.refused else 0


if __name__ == "__main__":
    sys.exit(main())
