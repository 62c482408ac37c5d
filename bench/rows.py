# SPDX-License-Identifier: ISC
"""The rows: what is measured, of whom, and in which turn. Candidates take turns run by run, in each round."""
import json
import os
import subprocess
import time

import disk
import figures
import load
from candidates import (BOTH, BUILD, GATEWAY_CORE, OTHER_CORE, RECORD, ZONES_MAX, Peer, Postern, Proxy, Refused, Upstream, put, run,
                        zones_token)

RATES = (2667, 4000)  # the first: what 8,000 calls in flight of three seconds each come to
KEYS = (1, 4, 16)
LOG_LINES = (0, 100000, 1000000)
ZONES = (500, 5000)


class Bench:
    """With .refused, what was wrong with runs that do not count."""

    def __init__(self, place, samples, seconds, rounds, say):
        self.place, self.samples, self.seconds, self.rounds, self.say = place, samples, seconds, rounds, say
        self.refused = []

    # ---- candidates, as the rows want them ----

    def postern(self):
        return Postern(self.place)

    def go(self):
        return Peer(self.place)

    def go400(self):
        return Peer(self.place, gogc="400")

    def go_h2(self):
        return Peer(self.place, h2=True)

    def go400_h2(self):
        return Peer(self.place, gogc="400", h2=True)

    def nginx(self):
        return Proxy(self.place)

    def all(self):
        return {"postern": self.postern, "go": self.go, "go400": self.go400, "nginx": self.nginx}

    def take_turns(self, row, candidates, measure, *args, rounds=None, **kw):
        rounds = rounds or self.rounds
        for n in range(rounds):
            for name, make in candidates.items():
                self.say("%s: %s, %d of %d" % (row, name, n + 1, rounds))
                self.guard(row, measure, row, name, make, *args, **kw)

    def guard(self, row, fn, *args, **kw):
        try:
            fn(*args, **kw)
        except Refused as e:
            self.refused.append("%s: %s" % (row, e))
            self.say("REFUSED: " + self.refused[-1])

    # ---- add_record as fast as it goes ----

    def throughput(self):
        rounds = 2 * self.rounds - 1  # it drifts most from run to run
        for connections in (64, 1, 1000):
            candidates = self.all()
            if connections == 1:
                del candidates["go400"]
            self.take_turns("add_record, %d" % connections, candidates, self.run_wrk, connections, rounds=rounds)
        candidates = {"postern": self.postern, "go": self.go_h2, "go400": self.go400_h2}
        for connections in (64, 1000):
            self.take_turns("add_record, %d, HTTP/2" % connections, candidates, self.run_wrk, connections, port="FAST_H2", rounds=rounds)

    def run_wrk(self, row, name, make, connections, cores=GATEWAY_CORE, event="add_record.outcome", requests=lambda g: g.change(), port="FAST", limit=None):
        with Upstream(self.place, BOTH if cores == BOTH else OTHER_CORE) as upstream, make().start(upstream.ports[port], cores) as g:
            count = load.Count(g, event)
            if limit:
                limit.take(g.pids().values())
            figure, by_process = load.wrk(g, requests(g), connections, self.seconds if connections > 1 else min(self.seconds, 2), count)
            self.ended(g, count)
        self.samples.add(row, name, **figure)
        for process, usec in by_process.items():
            self.samples.add(row, name, **{"cpu " + process: usec})

    @staticmethod
    def ended(g, count):
        """Its log, when all is in it."""
        g.stop()
        count.check()

    # ---- add_record at a rate ----

    def latency(self):
        for rate in RATES:
            candidates = self.all()
            if rate != RATES[-1]:
                del candidates["go400"]
            self.take_turns("add_record at %d/s" % rate, candidates, self.run_rate, rate)

    def run_rate(self, row, name, make, rate):
        with Upstream(self.place) as upstream, make().start(upstream.port) as g:
            count = load.Count(g)
            figure = load.at_rate(g, g.change(), rate, self.seconds, count)
            self.ended(g, count)
        self.samples.add(row, name, **figure)

    # ---- durable and not, on both cores ----

    def durable(self):
        candidates = {
            "postern": lambda: Postern(self.place, "memory"),
            "postern, durable": lambda: Postern(self.place, "disk"),
            "go": self.go,
            "go, each": lambda: Peer(self.place, "disk", fsync="each"),
            "go, group": lambda: Peer(self.place, "disk", fsync="group"),
        }
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {0, 1})
        try:
            self.take_turns("durable, both cores, 64", candidates, self.run_wrk, 64, BOTH)
            self.durable_slowly({name: candidates[name] for name in ("postern, durable", "go, each", "go, group")})
        finally:
            os.sched_setaffinity(0, mine)

    def durable_slowly(self, candidates):
        try:
            limit = disk.Limited(self.place.disk, disk.WRITES)
        except OSError as e:
            self.say("no disk can be made slower here: %s" % e)
            return
        with limit:
            self.take_turns(disk.ROW, candidates, self.run_wrk, 64, BOTH, limit=limit)

    # ---- make_integration ----

    def make(self):
        candidates = self.all()
        del candidates["nginx"]
        self.take_turns("make_integration, 64", candidates, self.run_wrk, 64, GATEWAY_CORE, "make_integration.outcome", lambda g: g.making())

    # ---- memory ----

    def idle(self):
        self.take_turns("idle", {"postern": self.postern, "go": self.go, "nginx": self.nginx}, self.run_idle)
        self.take_turns("idle, roles in use", {"postern": self.postern}, self.run_idle)

    def run_idle(self, row, name, make):
        with Upstream(self.place) as upstream, make().start(upstream.port) as g:
            if name != "nginx":
                for _ in range(3):
                    g.post("/add_record", {"integration_handle": g.handle, "record": RECORD})
            if name == "postern" and row == "idle":
                g.wake()
            time.sleep(2)  # idle: nothing of the start, and of those calls, goes on
            pids = g.pids()
            private, pss = figures.memory(pids)
            for process, (own, share) in figures.memory_by_process(pids).items():
                self.samples.add(row, name, **{"private " + process: own, "pss " + process: share})
        self.samples.add(row, name, private=private, pss=pss)

    def flight(self):
        for calls in (64, 1000, 8000):
            candidates = {"postern": self.postern, "go": self.go}
            self.take_turns("in flight, %d" % calls, candidates, self.run_flight, calls, "SLOW")
        candidates["go"] = self.go_h2
        self.take_turns("in flight, 8000, HTTP/2", candidates, self.run_flight, 8000, "SLOW_H2")

    def run_flight(self, row, name, make, calls, port):
        with Upstream(self.place) as upstream, make().start(upstream.ports[port]) as g:
            count = load.Count(g)
            figure, by_process = load.in_flight(g, g.change(), calls, count, upstream.ports[port])
            self.ended(g, count)
        self.samples.add(row, name, **figure)
        for process, kib in by_process.items():
            self.samples.add(row, name, **{"kib " + process: kib})

    # ---- start ----

    def start(self):
        """The first answer; and the first change, which needs more of Postern's roles."""
        with Upstream(self.place) as upstream:
            with self.postern().start(upstream.port) as g:
                handle = g.handle  # is good for all of them
            for row in "start", "start, add_record":
                self.take_turns(row, {"postern": self.postern, "go": self.go}, self.run_start, upstream.port, handle, rounds=4 * self.rounds)

    def run_start(self, row, name, make, upstream_port, handle):
        g = make()
        g.handle = handle
        argv, env = g.command(upstream_port)
        put(self.place.dir + "/request", load.http(g, *(g.making() if row == "start" else g.change())[0]))
        usec = run(BUILD + "/start", str(g.port), self.place.dir + "/request", "taskset", "-c", GATEWAY_CORE, *argv, env=dict(os.environ, **(env or {})),
                   stderr=subprocess.DEVNULL)
        self.samples.add(row, name, ms=int(usec) / 1000)

    # ---- growth ----

    def log(self):
        """The scribe's share of a change, by what the log holds already. The lines are written by the store itself."""
        directories = {}
        for lines in LOG_LINES:
            d = "%s/lines-%d" % (self.place.disk, lines)
            os.makedirs(d + "/audit", 0o755)
            if lines:
                run(BUILD + "/big-log", d + "/audit", str(lines // 2))
            directories[lines] = d
        self.give_to_scribe(directories)
        rows = {"%d" % n: (lambda d=d: Postern(self.place, d)) for n, d in directories.items()}
        self.take_turns("log", rows, self.run_log)

    def give_to_scribe(self, directories):
        """As the gateway owns the one that it has made, or found empty."""
        with Upstream(self.place) as upstream, Postern(self.place, directories[0]).start(upstream.port):
            owner = os.stat(directories[0] + "/audit")
        for d in directories.values():
            for path in [d + "/audit", *(e.path for e in os.scandir(d + "/audit"))]:
                os.chown(path, owner.st_uid, owner.st_gid)

    def run_log(self, row, name, make):
        with Upstream(self.place) as upstream, make().start(upstream.port) as g:
            _, by_process = load.wrk(g, g.change(), 64, min(self.seconds, 2), load.Count(g))
        self.samples.add(row, name, scribe=by_process["postern-scribe"])

    def keys(self):
        """The vault's share of an inspect_handle, by how many keys are listed; the handle is the last one's."""
        for n in range(max(KEYS)):
            self.place.make_key("key-%d" % n)
        rows = {}
        for n in KEYS:
            names = ["key-0"] + ["key-%d" % (k + 1) for k in range(n - 1)]
            try:
                handle = self.handle_of(names[-1])
                with Upstream(self.place) as upstream, Postern(self.place, keys=names).start(upstream.port):
                    rows["%d" % n] = (names, handle)
            except Refused as e:  # more than may be listed
                self.say("%d root keys: %s" % (n, str(e).strip()))
        self.take_turns("keys", rows, self.run_keys, rounds=3 * self.rounds)  # short, and so a matter of chance

    def handle_of(self, key):
        with Upstream(self.place) as upstream, Postern(self.place, keys=[key]).start(upstream.port) as g:
            return g.handle

    def run_keys(self, row, name, made):
        names, handle = made
        with Upstream(self.place) as upstream, Postern(self.place, keys=names).start(upstream.port) as g:
            requests = [g.request("/inspect_handle", {"handle": handle})]
            _, by_process = load.wrk(g, requests, 64, 1, load.Count(g, "inspect_handle.outcome"))
        self.samples.add(row, name, vault=by_process["postern-vault"])

    def zones(self):
        for n in (*ZONES, ZONES_MAX):
            self.place.make_pages(n)
        for n in ZONES:
            self.take_turns("get_zones, %d" % n, {"postern": self.postern, "go": self.go}, self.run_zones, n)
        self.take_turns("get_zones, %d" % ZONES_MAX, {"postern": self.postern, "go": self.go}, self.run_most_zones)

    def run_zones(self, row, name, make, zones):
        with Upstream(self.place) as upstream, make().start(upstream.port) as g:
            handle = g.make_integration(zones_token(zones))
            got = len(g.post("/get_zones", {"integration_handle": handle})["zones"])
            if got != zones:
                raise Refused("%s: %d zones of %d" % (name, got, zones))
            count = load.Count(g, "get_zones.outcome")
            figure, _ = load.wrk(g, [g.request("/get_zones", {"integration_handle": handle})], 4, 1, count)
            self.ended(g, count)
        self.samples.add(row, name, usec=figure["cpu"] / zones)

    def run_most_zones(self, row, name, make):
        """Memory at most, over what it was before."""
        with Upstream(self.place) as upstream, make().start(upstream.port) as g:
            handle = g.make_integration(zones_token(ZONES_MAX))
            pids = g.pids()
            figures.reset_peaks(pids)
            before = figures.peak_kib(pids)
            answer = g.post("/get_zones", {"integration_handle": handle})
            if len(answer["zones"]) != ZONES_MAX:
                raise Refused("%s: %d zones of %d" % (name, len(answer["zones"]), ZONES_MAX))
            self.samples.add(row, name, kib=figures.peak_kib(pids) - before, answer_kib=len(json.dumps(answer)) / 1024)

    # ---- handles of each, opened by the other ----

    def exchange(self):
        """An integration of each, used by the other; a record that each has added, removed by the other."""
        with Upstream(self.place) as upstream, self.postern().start(upstream.port) as p, self.go().start(upstream.port) as q:
            for maker, user in ((p, q), (q, p)):
                handle = maker.handle
                zones = [g.post("/get_zones", {"integration_handle": handle})["zones"] for g in (maker, user)]
                added = user.post("/add_record", {"integration_handle": handle, "record": RECORD})
                removed = maker.post("/remove_record", {"integration_handle": handle, "record_handle": added["record_handle"]})
                if zones[0] != zones[1] or added["zone"] != "example.com" or removed["removed"] is not True:
                    raise Refused("%s's handle at %s: %s %s %s" % (maker.name, user.name, zones, added, removed))
        self.say("handles: what Postern sealed the Go peer opens, and the other way about")


GROUPS = ("exchange", "throughput", "latency", "durable", "make", "idle", "flight", "start", "log", "keys", "zones")
