# SPDX-License-Identifier: ISC
"""What /proc says of a gateway's processes, and what is made of many figures."""
import os
import re
import statistics

TICK = os.sysconf("SC_CLK_TCK")


def children(pid):
    """Name -> process id, of the process and its children. Two of a name get a number."""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % entry) as f:
                ppid = int(f.read().rsplit(")", 1)[1].split()[1])
            if pid not in (ppid, int(entry)):
                continue
            with open("/proc/%s/cmdline" % entry) as f:
                name = os.path.basename(f.read().split("\0")[0].split(":")[0])
        except OSError:
            continue
        found[name + " 2" if name in found else name] = int(entry)
    return found


def cpu(pids):
    """Seconds of user and system time so far, per process. From the scheduler's own account, for a tick is 10 ms."""
    return {name: cpu_of(pid) for name, pid in pids.items()}


def cpu_of(pid):
    try:
        total = 0
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/schedstat" % (pid, task)) as f:
                total += int(f.read().split()[0])
        if total:
            return total / 1e9
    except OSError:
        pass  # the kernel keeps none
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pids):
    """(private KiB, PSS KiB) of all together: what is theirs alone; and with their share of what several have mapped."""
    private = pss = 0
    for pid in pids.values():
        with open("/proc/%d/smaps_rollup" % pid) as f:
            rows = dict(re.findall(r"^(\w+):\s+(\d+) kB", f.read(), re.M))
        private += int(rows["Private_Clean"]) + int(rows["Private_Dirty"])
        pss += int(rows["Pss"])
    return private, pss


def memory_by_process(pids):
    return {name: memory({name: pid}) for name, pid in pids.items()}


def reset_peaks(pids):
    for pid in pids.values():
        with open("/proc/%d/clear_refs" % pid, "w") as f:
            f.write("5")


def peak_kib(pids):
    """The most that each process has had resident since reset_peaks(), summed."""
    total = 0
    for pid in pids.values():
        with open("/proc/%d/status" % pid) as f:
            total += int(re.search(r"^VmHWM:\s+(\d+)", f.read(), re.M)[1])
    return total


def connections_to(port):
    """Established TCP connections whose other end is that port of this machine."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f][1:]
    return sum(1 for r in rows if r[3] == "01" and int(r[2].split(":")[1], 16) == port)


def median(values):
    return statistics.median(values)


class Samples:
    """What was measured: (row, candidate, figure) -> a value per round."""

    def __init__(self):
        self.values = {}

    def add(self, row, candidate, **figures):
        for figure, value in figures.items():
            self.values.setdefault((row, candidate, figure), []).append(value)

    def get(self, row, candidate, figure):
        """The median, or None where nothing was measured."""
        values = self.values.get((row, candidate, figure))
        return median(values) if values else None

    def as_json(self):
        return [{"row": r, "candidate": c, "figure": f, "median": median(v), "values": v} for (r, c, f), v in self.values.items()]
