# SPDX-License-Identifier: ISC
"""kill -9 at every point between a call and its answer: before, and right after, each system call of any role. Then a start over what is there.

A role alone, the whole gateway, or the whole machine: what was not synced is gone then, or half there, or zeros, and so are names whose directory was not synced.
Each time: the provider holds no change without an intent, the next start serves, each intent has its outcome, the log verifies.
"""
import os
import tempfile

import tap
from injected import ALL, STEP, Injected, Lab, check_end, soon

ZONE = "points.example"


def lose(path, size, kind):
    """The file as a loss of power leaves it: SIZE bytes are safe."""
    with open(path, "r+b") as f:
        f.seek(size)
        rest = f.read()
        f.truncate(size)
        f.seek(size)
        f.write({"gone": b"", "half": rest[:len(rest) // 2], "zeros": bytes(len(rest))}[kind])


def lose_power(durable, kind):
    if kind is None:
        return
    for path, (size, named) in durable.items():
        if not os.path.exists(path):
            continue
        if not named and kind == "gone":
            os.unlink(path)
        else:
            lose(path, min(size, os.path.getsize(path)), kind)


def crash(tag, action, kinds, step):
    """ACTION at one call after the other, and what was not synced is lost in one of the ways KINDS; None: it is not."""
    with tempfile.TemporaryDirectory() as d, Lab(tag + "." + ZONE, d) as lab:
        nth, met, handle, kept = 1, True, None, ""
        while met:
            kind = kinds[nth // step % len(kinds)]
            g = Injected(state_dir=d)
            wrong = []
            if handle is None:
                handle = lab.integrate(g)
            if not soon(lambda: lab.serves(g, handle)):
                wrong.append("does not serve after " + kept)
            lab.upstream.look_back()
            g.arm("*", "*", nth, action)
            wrong += lab.add_and_remove(g, handle)
            _, met, name = g.disarm()
            if met and action.startswith("end"):
                durable = g.durable()
                g.kill()
                lose_power(durable, kind)
            else:
                wrong += check_end(g, lab)
            kept = "%s %s %d %s" % (action, name, nth, kind)
            lab.injected["%s %s" % (name, kind) if kind else name] += met
            lab.wrong += ["%s: %s" % (kept, w) for w in wrong]
            nth += step


def make(*args):
    return lambda: crash(*args[:3], 1 if ALL else args[3] * STEP)


for _tag, _action, _kinds, _step in (
        ("role", "kill", (None,), 41), ("role-after", "killed", (None,), 43), ("gateway", "end", (None,), 47),
        ("gateway-after", "ended", (None,), 53), ("power", "end", ("gone", "half", "zeros"), 37),
        ("power-after", "ended", ("gone", "half", "zeros"), 31)):
    globals()["test_" + _tag.replace("-", "_")] = make(_tag, _action, _kinds, _step)

if __name__ == "__main__":
    tap.main(globals())
