# SPDX-License-Identifier: ISC
"""Run the functions test_* of a module and print TAP (testanything.org).

Arguments choose by name: `test_flow.py names` runs test_names and test_bad_names.
"""
import signal
import sys
import time
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; its text says why."""


# A harness that loses patience sends SIGTERM. End as on any exit, so that the servers started are stopped.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("# ended by SIGTERM"))


def comment(text):
    for line in text.splitlines():
        print("# " + line)


def run(fn):
    """(ok, what to add to the line)"""
    try:
        fn()
        return True, ""
    except Skip as e:
        return True, " # SKIP " + str(e)
    except Exception:
        comment(traceback.format_exc())
        return False, ""


def main(names):
    """NAMES is the module's globals(). Ends the process: 0 when all passed."""
    tests = [(name, fn) for name, fn in names.items() if name.startswith("test_") and callable(fn)]
    wanted = sys.argv[1:]
    if wanted:
        tests = [t for t in tests if any(w in t[0] for w in wanted)]
        if not tests:
            sys.exit("no test has such a name")
    print("1..%d" % len(tests), flush=True)
    failed = 0
    for number, (name, fn) in enumerate(tests, 1):
        began = time.monotonic()
        ok, remark = run(fn)
        failed += not ok
        print("%s %d - %s%s" % ("ok" if ok else "not ok", number, name, remark))
        comment("%.2f s" % (time.monotonic() - began))
        sys.stdout.flush()
    sys.exit(failed > 0)
