# SPDX-License-Identifier: ISC
"""What lies in a process's memory."""
import tap


def memory(pid):
    """All that the process has mapped and can be read. Root may."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb") as mem:
        for line in maps:
            span, perms = line.split()[:2]
            if not perms.startswith("r") or "[v" in line:
                continue
            lo, hi = (int(x, 16) for x in span.split("-"))
            if hi - lo > 1 << 36:
                raise tap.Skip("a sanitizer's shadow memory cannot be searched")
            try:
                mem.seek(lo)
                yield mem.read(hi - lo)
            except (OSError, ValueError, OverflowError):
                continue


def holds(pid, needles):
    return [n for block in memory(pid) for n in needles if n in block]
