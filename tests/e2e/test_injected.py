# SPDX-License-Identifier: ISC
"""The Nth call of a role to the kernel, or to malloc, fails, for N = 1, 2, 3… until a record was added and removed without meeting it.

Each time: every change was on record before it was made, an answer of 200 is true, the next call is served; in the end the log verifies, and each intent has its outcome.
"""
import tempfile

import tap
from injected import ALL, ROLES, Injected, Lab, check_end, soon

ZONE = "injected.example"


def each(tag, role, calls, action, step):
    """Let one call after the other fail: a fresh gateway over the same log whenever one was hurt."""
    with tempfile.TemporaryDirectory() as d, Lab(tag + "." + ZONE, d) as lab:
        g, nth, met = None, 1, True
        while met:
            if g is None:
                g = Injected(state_dir=d)
                handle, pids = lab.integrate(g), g.pids()
            g.arm(role, calls, nth, action)
            wrong = lab.add_and_remove(g, handle)
            _, met, name = g.disarm()
            lab.injected[name] += met
            if not soon(lambda: lab.serves(g, handle)):
                wrong.append("does not serve afterwards: " + g.stderr_text()[-1000:])
            if wrong or g.pids() != pids or not met:
                wrong += check_end(g, lab)
                g = None
            lab.wrong += ["%s %s %d: %s" % (role, name, nth, w) for w in wrong]
            nth += step


def make(tag, role, calls, action, step):
    return lambda: each(tag, role, calls, action, 1 if ALL else step)


for _role in ROLES:
    _tag = _role.replace("postern-", "").replace("-self", "")
    globals()["test_call_fails_" + _tag] = make("call-" + _tag, _role, "*", "fail", 23)
    globals()["test_allocation_fails_" + _tag] = make("malloc-" + _tag, _role, "malloc", "fail", 61)

if __name__ == "__main__":
    tap.main(globals())
