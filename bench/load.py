# SPDX-License-Identifier: ISC
"""Load: wrk for throughput, and bench/load.c where a rate, or the number of calls in flight, is to be held."""
import contextlib
import json
import re
import subprocess
import tempfile
import time

import figures
from candidates import BUILD, Refused, put, run

WARM = 0.7  # seconds before each run

SCRIPT = """
local requests = {%s}
if #requests == 1 then
  request = function() return requests[1] end
else
  local n = 0
  request = function()
    n = n %% #requests + 1
    return requests[n]
  end
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
           e.status, e.connect + e.read + e.write + e.timeout))
end
"""


def http(g, method, path, body):
    """The whole request, as bytes are sent."""
    text = "" if body is None else json.dumps(body)
    token = getattr(g.place, "token", "")
    return "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        method, path, token, len(text), text)


def check_errors(g, bad, broken, said=""):
    if bad or broken:
        raise Refused("%s: %d answers were not 2xx, %d connections broke: %s %s" % (g.name, bad, broken, said, g.said()[-2000:]))


class Count:
    """How many changes were answered, and how many more may have been under way when the load ended, against the log."""

    def __init__(self, g, event="add_record.outcome"):
        self.g, self.event, self.answered, self.open = g, event, 0, 0
        self.before = g.count_log(event)

    def check(self):
        """When the gateway has ended."""
        if self.before is None:
            return
        lines = self.g.count_log(self.event) - self.before
        if not self.answered <= lines <= self.answered + self.open:
            raise Refused("%s: %d changes were answered, %d more at most were under way, and the log has %d lines %s" % (
                self.g.name, self.answered, self.open, lines, self.event))
        if self.event == "add_record.outcome" and self.g.count_log("add_record.intent") - self.before != lines:
            raise Refused("%s: intents and outcomes differ" % self.g.name)


def wrk_once(g, requests, connections, seconds, count):
    script = g.place.dir + "/load.lua"
    put(script, SCRIPT % ",".join(json.dumps(http(g, *r)) for r in requests))  # to Lua the same
    out = run("wrk", "-t1", "-c%d" % connections, "-d%s" % seconds_text(seconds), "--timeout", "30s", "-s", script, "http://127.0.0.1:%d/" % g.port)
    n, usec, p50, p99, bad, broken = (int(x) for x in re.search(r"RESULT (.*)", out)[1].split())
    check_errors(g, bad, broken, out)
    count.answered += n // len(requests)
    count.open += connections
    return n / len(requests), usec / 1e6, p50, p99


def seconds_text(seconds):
    """wrk takes whole ones."""
    return "%ds" % max(1, round(seconds))


def settle(pids):
    """Until the gateway has done what wrk has left behind: it waits for nobody."""
    end, before = time.monotonic() + 40, -1.0
    while time.monotonic() < end:
        now = sum(figures.cpu(pids).values())
        if now - before < 0.001:
            return
        before = now
        time.sleep(0.1)


def wrk(g, requests, connections, seconds, count):
    """Changes a second, CPU a change, all in all and by process. A change is all of REQUESTS."""
    wrk_once(g, requests, connections, WARM if connections < 500 else 2, count)
    pids = g.pids()
    settle(pids)
    before = figures.cpu(pids)
    n, took, p50, p99 = wrk_once(g, requests, connections, seconds, count)
    used = figures.cpu(pids)
    used = {name: used[name] - before[name] for name in used}
    if n < 1:
        return {"rate": 0.0}, {}
    figure = {"rate": n / took, "cpu": sum(used.values()) / n * 1e6, "busy": sum(used.values()) / took}
    return figure, {name: v / n * 1e6 for name, v in used.items()}


class Load:
    """bench/load.c under way: wait_begin(), wait_end(), finish()."""

    def __init__(self, g, mode, connections, rate, warm, seconds, requests, count):
        self.g, self.count = g, count
        files = []
        for n, r in enumerate(requests):
            files.append("%s/request-%d" % (g.place.dir, n))
            put(files[-1], http(g, *r))
        self.stderr = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([BUILD + "/load", mode, str(g.port), str(connections), str(round(rate)),
                                         str(round(1000 * warm)), str(round(1000 * seconds)), *files],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr, text=True)

    def rest(self):
        """What it wrote until its end, but for the lines that were waited for. Not by communicate(), which leaves out what came with those."""
        self.process.stdin.close()  # it holds calls in flight until then
        out = self.process.stdout.read()
        self.process.wait()
        self.stderr.seek(0)
        return out, self.stderr.read()

    def wait(self, word):
        line = self.process.stdout.readline()
        if line != word + "\n":
            out, err = self.rest()
            raise Refused("%s: no %s: %s%s%s %s" % (self.g.name, word, line, out, err, self.g.said()[-2000:]))

    def finish(self):
        """Its figures. Latencies are in microseconds."""
        out, err = self.rest()
        try:
            r = json.loads(out.splitlines()[-1])
        except (ValueError, IndexError):
            raise Refused("%s: %s" % (self.g.name, out + err)) from None
        check_errors(self.g, r["bad"] + r["unanswered"], r["broken"], err)
        self.count.answered += r["good"]
        return r

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.kill()
        self.process.wait()
        for f in (self.process.stdin, self.process.stdout, self.stderr):
            f.close()


@contextlib.contextmanager
def loading(*args):
    under_way = Load(*args)
    try:
        yield under_way
    finally:
        under_way.stop()


def at_rate(g, requests, rate, seconds, count):
    """p50 and p99, in microseconds, of so many changes a second, whenever the answers come; CPU for each."""
    pids = g.pids()
    with loading(g, "rate", 512, rate, WARM, seconds, requests, count) as under_way:
        under_way.wait("begin")
        before = sum(figures.cpu(pids).values())
        under_way.wait("end")
        used = sum(figures.cpu(pids).values()) - before
        r = under_way.finish()
    return {"p50": r["p50"], "p99": r["p99"], "given_up": r["given_up"], "cpu": used / max(r["measured"], 1) * 1e6}


def in_flight(g, requests, calls, count, upstream_port):
    """With so many changes under way at once: KiB of memory for each, CPU for each that is answered."""
    pids = g.pids()
    idle = figures.memory(pids)
    by_process = figures.memory_by_process(pids)
    # A change takes three seconds there. Connections come within the same time, so that calls begin evenly from then on; what is measured is one turn more.
    with loading(g, "hold", calls, calls / 3, 3.2, 3.1, requests, count) as under_way:
        under_way.wait("begin")
        before = figures.cpu(pids)
        began = time.monotonic()
        under_way.wait("end")
        used = sum(figures.cpu(pids).values()) - sum(before.values())
        took = time.monotonic() - began
        most, most_by = idle, by_process
        for _ in range(3):
            now_by = figures.memory_by_process(pids)
            now = tuple(sum(m[i] for m in now_by.values()) for i in range(2))
            if now[0] > most[0]:
                most, most_by = now, now_by
            time.sleep(0.15)
        upstream = figures.connections_to(upstream_port)
        r = under_way.finish()
    figure = {"kib": (most[0] - idle[0]) / calls, "rate": r["measured"] / took, "connections": upstream}
    if r["measured"] >= calls / 2:  # else nothing was steady, and the CPU went elsewhere
        figure["cpu"] = used / r["measured"] * 1e6
    return figure, {name: (most_by[name][0] - by_process[name][0]) / calls for name in most_by}
