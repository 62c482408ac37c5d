#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Part of make bench: how long `postern audit verify` takes for logs of more and more lines, and its memory at most.

The logs are written by the store itself (bench/big_log.c): 256 MiB a segment, a checkpoint every 20,000 lines.
"""
import os
import re
import resource
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIZES = [int(n) for n in os.environ.get("BENCH_LINES", "100000 1000000 10000000").split()]


def verify(directory, key):
    """(seconds, peak in KiB, what it says)"""
    before = time.monotonic()
    process = subprocess.Popen([ROOT + "/build/postern", "audit", "verify", "--dir", directory, "--key", key],
                               stdout=subprocess.PIPE, text=True)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit("verify: " + said)
    return time.monotonic() - before, usage.ru_maxrss, said.splitlines()[0]


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("postern audit verify: lines, size, seconds, lines/s, memory at most")
    for lines in SIZES:
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as d:
            key = subprocess.run([ROOT + "/build/bench/big-log", d, str(lines // 2)], check=True, stdout=subprocess.PIPE,
                                 text=True).stdout.strip()
            size = sum(os.path.getsize(os.path.join(d, n)) for n in os.listdir(d) if n.endswith(".jsonl"))
            seconds, peak, said = verify(d, key)
            assert int(re.search(r"[0-9]+", said)[0]) >= lines, said
            print("%10d  %5.0f MiB  %6.2f s  %9.0f/s  %5.1f MiB   %s" % (
                lines, size / 2**20, seconds, lines / seconds, peak / 1024, said))


if __name__ == "__main__":
    main()
