# SPDX-License-Identifier: ISC
"""What the figures come to: medians, ratios, and the targets beside them."""
import disk
import figures


def best_go(s, row, figure, highest, *more):
    """The best of all: Go as it comes, and with GOGC=400; of more rows than one, where it may choose between them too."""
    values = [v for v in (s.get(r, name, figure) for r in (row, *more) for name in ("go", "go400")) if v is not None]
    return (max if highest else min)(values) if values else None


def ratio(a, b):
    return a / b if a is not None and b else None


class Target:
    """A figure and what it must, and should, be. AT_LEAST: more is better."""

    def __init__(self, title, value, must, aim, at_least=False, unit=""):
        self.title, self.value, self.must, self.aim, self.at_least, self.unit = title, value, must, aim, at_least, unit

    def reached(self, mark):
        if self.value is None or mark is None:
            return None
        return self.value >= mark if self.at_least else self.value <= mark

    def row(self):
        if self.value is None:
            return None
        sign = ">=" if self.at_least else "<="
        words = ["-" if m is None else "%s %g" % (sign, m) for m in (self.must, self.aim)]
        return "%-62s %9.2f%-4s %9s %9s  %s" % (self.title, self.value, self.unit, *words, self.verdict())

    def verdict(self):
        if self.reached(self.aim) or (self.aim is None and self.reached(self.must)):
            return "met"
        if self.reached(self.must):
            return "met, the aim not"
        if self.must is not None:
            return "NOT MET"
        return "aim not met" if self.aim is not None else ""

    def as_json(self):
        return {"title": self.title, "value": self.value, "must": self.must, "aim": self.aim, "at_least": self.at_least,
                "must_met": self.reached(self.must), "aim_met": self.reached(self.aim)}


def growth(s, row, names, figure):
    """From the least to the most of what there was."""
    return ratio(s.get(row, str(names[-1]), figure), s.get(row, str(names[0]), figure))


def targets(s, keys, lines):
    """The issue's targets."""
    def get(row, figure, name="postern"):
        return s.get(row, name, figure)

    fast, many, rate = "add_record, 64", "add_record, 1000", "add_record at 4000/s"
    fast_h2, many_h2 = fast + ", HTTP/2", many + ", HTTP/2"
    durable, make, slow = "durable, both cores, 64", "make_integration, 64", "in flight, 8000"
    slow_h2 = slow + ", HTTP/2"
    return [
        Target("add_record a second, 64 connections, over Go", ratio(get(fast, "rate"), best_go(s, fast, "rate", True)), 2.0, 3.0, True),
        Target("add_record a second, 1,000 connections, over Go", ratio(get(many, "rate"), best_go(s, many, "rate", True)), 2.5, 3.5, True),
        Target("... 64 connections, HTTP/2 upstream, over Go by either", ratio(get(fast_h2, "rate"), best_go(s, fast, "rate", True, fast_h2)), 2.0, 3.0, True),
        Target("... 1,000 connections, HTTP/2 upstream, over Go by either",
               ratio(get(many_h2, "rate"), best_go(s, many, "rate", True, many_h2)), 2.5, 3.5, True),
        Target("... 64 connections, over nginx's bare proxy", ratio(get(fast, "rate"), get(fast, "rate", "nginx")), 0.45, 0.65, True),
        Target("... 1,000 connections, over nginx's bare proxy", ratio(get(many, "rate"), get(many, "rate", "nginx")), 0.6, 0.8, True),
        Target("CPU per add_record, over Go", ratio(get(fast, "cpu"), best_go(s, fast, "cpu", False)), 0.5, 0.32),
        Target("... with HTTP/2 upstream, over Go by either", ratio(get(fast_h2, "cpu"), best_go(s, fast, "cpu", False, fast_h2)), 0.5, 0.32),
        Target("... over nginx's bare proxy", ratio(get(fast, "cpu"), get(fast, "cpu", "nginx")), None, None),
        Target("durable over not durable, both cores", ratio(get(durable, "rate", "postern, durable"), get(durable, "rate")), 0.75, 0.9, True),
        Target("durable over Go that syncs each change, both cores",
               ratio(get(durable, "rate", "postern, durable"), get(durable, "rate", "go, each")), 5, 7, True),
        Target("... where the disk takes %s writes a second" % format(disk.WRITES, ","),
               ratio(get(disk.ROW, "rate", "postern, durable"), get(disk.ROW, "rate", "go, each")), 5, 7, True),
        Target("p99 at 4,000/s, over Go", ratio(get(rate, "p99"), best_go(s, rate, "p99", False)), 0.65, 0.5),
        Target("p99 at 4,000/s, over nginx's bare proxy", ratio(get(rate, "p99"), get(rate, "p99", "nginx")), 1.3, 1.1),
        Target("make_integration a second, over Go", ratio(get(make, "rate"), best_go(s, make, "rate", True)), 1.8, 2.8, True),
        Target("memory idle, all roles (PSS), over Go", ratio(get("idle", "pss"), best_go(s, "idle", "pss", False)), 1.0, 0.5),
        Target("... of the roles that were needed", ratio(get("idle, roles in use", "pss"), best_go(s, "idle", "pss", False)), None, None),
        Target("... what is all roles' alone (private), over Go", ratio(get("idle", "private"), best_go(s, "idle", "private", False)), None, None),
        Target("memory per request, 8,000 in flight, HTTP/1.1", get(slow, "kib"), 45, 24, unit=" KiB"),
        Target("memory per request, 8,000 in flight, HTTP/2 upstream", get(slow_h2, "kib"), None, 10, unit=" KiB"),
        Target("start to the first answer", get("start", "ms"), 30, 8, unit=" ms"),
        Target("CPU per add_record, 8,000 in flight over 64 in flight", ratio(get(slow, "cpu"), get("in flight, 64", "cpu")), 1.3, None),
        Target("... over 64 connections, upstream at once", ratio(get(slow, "cpu"), get(fast, "cpu")), None, None),
        Target("... over that, both with HTTP/2 upstream", ratio(get(slow_h2, "cpu"), get(fast_h2, "cpu")), None, None),
        Target("... over few in flight, at the same rate", ratio(get(slow, "cpu"), get("add_record at 2667/s", "cpu")), None, None),
        Target("scribe's CPU, a log of %s lines over an empty one" % format(lines[-1], ","), growth(s, "log", lines, "scribe"), 1.2, None),
        Target("vault's CPU, %d keys listed over one" % keys[-1], growth(s, "keys", keys, "vault"), 1.2, None),
        Target("get_zones: CPU a zone, of 5,000 over of 500", ratio(get("get_zones, 5000", "usec"), get("get_zones, 500", "usec")), 1.2, None),
        Target("get_zones: memory at most, 10,000 zones, over the answer",
               ratio(get("get_zones, 10000", "kib"), get("get_zones, 10000", "answer_kib")), None, None),
    ]


# ---- medians ----

COLUMNS = (("postern", "postern"), ("go", "go"), ("go400", "go GOGC=400"), ("nginx", "nginx"))

MEDIANS = (  # row, figure, unit, digits, factor
    ("add_record, 1", "rate", "/s", 0, 1), ("add_record, 64", "rate", "/s", 0, 1), ("add_record, 1000", "rate", "/s", 0, 1),
    ("add_record, 1", "cpu", "us CPU", 0, 1), ("add_record, 64", "cpu", "us CPU", 0, 1), ("add_record, 1000", "cpu", "us CPU", 0, 1),
    ("add_record, 64, HTTP/2", "rate", "/s", 0, 1), ("add_record, 1000, HTTP/2", "rate", "/s", 0, 1),
    ("add_record, 64, HTTP/2", "cpu", "us CPU", 0, 1), ("add_record, 1000, HTTP/2", "cpu", "us CPU", 0, 1),
    ("add_record, 64", "busy", "cores used", 2, 1), ("add_record, 1000", "busy", "cores used", 2, 1),
    ("add_record at 2667/s", "p50", "ms p50", 2, 1e-3), ("add_record at 2667/s", "p99", "ms p99", 2, 1e-3),
    ("add_record at 4000/s", "p50", "ms p50", 2, 1e-3), ("add_record at 4000/s", "p99", "ms p99", 2, 1e-3),
    ("add_record at 2667/s", "cpu", "us CPU", 0, 1), ("add_record at 4000/s", "cpu", "us CPU", 0, 1),
    ("make_integration, 64", "rate", "/s", 0, 1), ("make_integration, 64", "cpu", "us CPU", 0, 1),
    ("idle", "pss", "KiB PSS", 0, 1), ("idle", "private", "KiB private", 0, 1), ("idle, roles in use", "pss", "KiB PSS", 0, 1),
    ("in flight, 64", "cpu", "us CPU", 0, 1),
    ("in flight, 1000", "kib", "KiB each", 1, 1), ("in flight, 1000", "cpu", "us CPU", 0, 1),
    ("in flight, 8000", "kib", "KiB each", 1, 1), ("in flight, 8000", "cpu", "us CPU", 0, 1), ("in flight, 8000", "connections", "upstream connections", 0, 1),
    ("in flight, 8000, HTTP/2", "kib", "KiB each", 1, 1), ("in flight, 8000, HTTP/2", "cpu", "us CPU", 0, 1),
    ("in flight, 8000, HTTP/2", "connections", "upstream connections", 0, 1),
    ("start", "ms", "ms", 1, 1), ("start, add_record", "ms", "ms", 1, 1),
    ("get_zones, 500", "usec", "us CPU a zone", 2, 1),
    ("get_zones, 5000", "usec", "us CPU a zone", 2, 1), ("get_zones, 10000", "kib", "KiB at most", 0, 1),
)


def put_cells(cells):
    return "".join("%14s" % c for c in cells)


def medians(s):
    lines = ["%-26s %-20s%s" % ("median of", "", put_cells(title for _, title in COLUMNS))]
    for row, figure, unit, digits, factor in MEDIANS:
        values = [s.get(row, name, figure) for name, _ in COLUMNS]
        if any(v is not None for v in values):
            lines.append("%-26s %-20s%s" % (row, unit, put_cells("-" if v is None else "%.*f" % (digits, v * factor) for v in values)))
    return lines


def one_figure(s, title, row, names, figure, unit):
    values = [(n, s.get(row, n, figure)) for n in names]
    values = [(n, v) for n, v in values if v is not None]
    return ["%-46s %s" % (title, "   ".join("%s: %.1f %s" % (n, v, unit) for n, v in values))] if values else []


def durable(s):
    names = ("postern", "postern, durable", "go", "go, each", "go, group")
    return one_figure(s, "add_record, both cores, 64 connections", "durable, both cores, 64", names, "rate", "/s") + one_figure(
        s, "... a disk of %s writes a second" % format(disk.WRITES, ","), disk.ROW, names, "rate", "/s")


def behind(s, rates):
    """Who did not keep up with a rate: a median of a tenth of a second is a queue. Ratios of such latencies say little."""
    found = ["%s at %d/s" % (title, rate) for rate in rates for name, title in COLUMNS if (s.get("add_record at %d/s" % rate, name, "p50") or 0) > 100000]
    return ["did not keep up: " + ", ".join(found)] if found else []


def shares(s, row, prefix, unit):
    """Each process's part of Postern's figure."""
    parts = sorted((f[len(prefix):], figures.median(v)) for (r, c, f), v in s.values.items() if (r, c) == (row, "postern") and f.startswith(prefix))
    whole = sum(v for _, v in parts)
    lines = ["%-26s %9.1f %s" % (name, v, unit) + ("   %3.0f %%" % (100 * v / whole) if whole else "") for name, v in parts]
    return ["", "%s, of postern's processes" % row, *lines] if parts else []


def everything(s, keys, log_lines, rates):
    rows = [t.row() for t in targets(s, keys, log_lines)]
    lines = medians(s) + behind(s, rates) + [""] + durable(s)
    lines += one_figure(s, "scribe's CPU per add_record, log of so many lines", "log", map(str, log_lines), "scribe", "us")
    lines += one_figure(s, "vault's CPU per inspect_handle, so many keys", "keys", map(str, keys), "vault", "us")
    for row in ("add_record, 64", "add_record, 1000"):
        lines += shares(s, row, "cpu ", "us CPU")
    lines += shares(s, "idle", "pss ", "KiB PSS")
    for row in ("in flight, 8000", "in flight, 8000, HTTP/2"):
        lines += shares(s, row, "kib ", "KiB a request")
    return lines + ["", "%-62s %9s     %9s %9s" % ("figure", "is", "must", "aim")] + [r for r in rows if r]
