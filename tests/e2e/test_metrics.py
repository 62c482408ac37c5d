# SPDX-License-Identifier: ISC
"""GET /metrics: what it says is true, promtool and a real Prometheus take it, it names no customer, and it is there when little else is."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import urllib.parse

import tap
from common import add, added, gateway_of, integrate, pdns, refused, remove
from servers import ROOT, exchange, wait_for

ZONE = "metrics.example"
P = pdns(ZONE)
PLAIN = 'self_hosted { plain_http = {"127.0.0.1"} }\n'
RULES = ROOT + "/examples/prometheus-rules.yml"


def parse(text):
    """{(name, {(label, value)}): number}"""
    series = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        m = re.fullmatch(r'([a-z_]+)(?:\{(.*)\})? ([0-9.]+)', line)
        assert m, line
        labels = frozenset(re.findall(r'([a-z_]+)="([^"]*)"', m[2] or ""))
        assert (m[1], labels) not in series, line
        series[m[1], labels] = float(m[3])
    return series


def page(g):
    status, body, headers = exchange(g.url, "GET", "/metrics")
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", (status, headers)
    return body.decode()


def metric(g, name, **labels):
    """0 where there is no such series."""
    return parse(page(g)).get((name, frozenset(labels.items())), 0)


def promtool(*args, stdin=None):
    return subprocess.run(["promtool", *args], input=stdin, capture_output=True, text=True)


def test_counts_what_was_done():
    with gateway_of(PLAIN) as g:
        handle = integrate(g, P)
        record = added(g, handle, "_acme-challenge.a." + ZONE, "v1")
        added(g, handle, "_acme-challenge.a." + ZONE, "v2")
        refused(add(g, handle, "www." + ZONE, "192.0.2.1", type="A"), 403, "policy_denied")
        refused(add(g, handle, "_acme-challenge.nowhere.example", "v"), 422, "zone_not_found")
        assert remove(g, handle, record)[0] == 200
        assert g.get("/nothing")[0] == 404
        assert exchange(g.url, "POST", "/add_record", "{}", {"Content-Type": "application/json"})[0] == 401
        m = parse(page(g))

        def value(name, **labels):
            return m.get((name, frozenset(labels.items())), 0)

        assert value("postern_requests_total", endpoint="add_record", code="ok") == 2
        assert value("postern_requests_total", endpoint="add_record", code="policy_denied") == 1
        assert value("postern_requests_total", endpoint="add_record", code="unauthenticated") == 1
        assert value("postern_requests_total", endpoint="", code="not_found") == 1
        assert value("postern_calls_total", endpoint="add_record", provider="powerdns", code="ok") == 2
        assert value("postern_calls_total", endpoint="add_record", provider="powerdns", code="zone_not_found") == 1
        assert value("postern_calls_total", endpoint="remove_record", provider="powerdns", code="ok") == 1
        assert value("postern_call_duration_seconds_count", endpoint="add_record", provider="powerdns") == 4
        assert value("postern_policy_refusals_total", rule="type_coexist") == 1
        key = json.loads(exchange(g.url, "POST", "/inspect_handle", json.dumps({"handle": handle}), {
            "Content-Type": "application/json", "Authorization": "Bearer " + g.token})[1])["key_id"]
        assert value("postern_key_opens_total", key_id=key, kind="integration") == 5
        assert value("postern_key_opens_total", key_id=key, kind="record") == 1
        assert value("postern_ready") == value("postern_log_writable") == 1
        lines = len(g.audit())
        wait_for(lambda: metric(g, "postern_log_lines_total") >= lines - 1)  # the inspection's; log.open is not counted
        assert 0 < value("postern_log_sync_duration_seconds_count") <= value("postern_log_lines_total")
        wait_for(lambda: metric(g, "postern_log_unresolved_intents") == 0)  # an outcome comes with the next batch
        for role in ("front", "vault", "scribe", "planner", "courier-self"):
            assert value("postern_role_up", role="postern-" + role) == 1, role
            assert value("postern_sandbox", role="postern-" + role, what="system calls") == 1, role


def test_histograms_are_whole():
    with gateway_of(PLAIN) as g:
        integrate(g, P)
        m = parse(page(g))
        names = {n[:-len("_count")] for n, _ in m if n.endswith("_count")}
        assert names == {"postern_call_duration_seconds", "postern_log_sync_duration_seconds"}, names
        for (name, labels), n in m.items():
            if not name.endswith("_count"):
                continue
            buckets = sorted((float(dict(other)["le"]), k) for (nm, other), k in m.items()
                             if nm == name[:-len("count")] + "bucket" and labels < other)
            assert [k for _, k in buckets] == sorted(k for _, k in buckets), buckets
            assert buckets[-1] == (float("inf"), n), buckets
            assert m[name[:-len("count")] + "sum", labels] > 0


def test_promtool_finds_no_fault():
    with gateway_of(PLAIN) as g:
        integrate(g, P)
        done = promtool("check", "metrics", stdin=page(g))
        assert done.returncode == 0 and done.stdout + done.stderr == "", done
        # A page that is wrong is found to be so.
        assert promtool("check", "metrics", stdin=page(g) + "no_help_of_it 1\n").returncode != 0


def test_names_no_customer():
    with gateway_of(PLAIN) as g:
        customer, name = "kanarie-customer", "_acme-challenge.kanarie-name." + ZONE
        handle = integrate(g, P, customer=customer)
        added(g, handle, name, "kanarie-value", customer=customer)
        integration = json.loads(exchange(g.url, "POST", "/inspect_handle", json.dumps({"handle": handle, "customer": customer}), {
            "Content-Type": "application/json", "Authorization": "Bearer " + g.token})[1])["integration"]
        text = page(g)
        for secret in ("kanarie", ZONE, integration, P.api_key, g.token, handle[:20]):
            assert secret not in text, secret


def test_roles_that_restart_are_counted():
    with gateway_of(PLAIN) as g:
        os.kill(g.pids()["postern-planner"], signal.SIGKILL)
        wait_for(lambda: metric(g, "postern_role_restarts_total", role="postern-planner") == 1)
        wait_for(lambda: metric(g, "postern_role_up", role="postern-planner") == 1)
        # The front's own restart does not make it forget the others'.
        front = g.pids()["postern-front"]
        os.kill(front, signal.SIGKILL)
        wait_for(lambda: g.pids().get("postern-front") not in (None, front) and g.get("/readyz")[0] == 200)
        assert metric(g, "postern_role_restarts_total", role="postern-planner") == 1
        assert metric(g, "postern_role_restarts_total", role="postern-front") == 1


def test_answers_without_vault_and_scribe():
    with gateway_of(PLAIN) as g:
        for role in ("postern-scribe", "postern-vault"):
            pid = g.pids()[role]
            os.kill(pid, signal.SIGSTOP)
            m = parse(page(g))
            assert m["postern_ready", frozenset()] in (0, 1)
            assert ("postern_log_lines_total", frozenset()) not in m
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: g.pids().get(role) not in (None, pid))
            wait_for(lambda: metric(g, "postern_log_writable") == 1)


def test_rules_are_good():
    done = promtool("check", "rules", RULES)
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done
    done = promtool("test", "rules", ROOT + "/tests/e2e/prometheus-rules.test.yml")
    assert done.returncode == 0, done
    # Each rule is tested, and each series that a rule speaks of is there.
    with open(RULES) as f:
        rules = f.read()
    with open(ROOT + "/tests/e2e/prometheus-rules.test.yml") as f:
        tests = f.read()
    alerts = re.findall(r"alert: (\w+)", rules)
    assert len(alerts) > 5 and all("alertname=\"%s\"" % a in tests for a in alerts), alerts
    with gateway_of(PLAIN) as g:
        integrate(g, P)
        families = set(re.findall(r"^# TYPE (\S+)", page(g), re.M))
    for name in re.findall(r"postern_\w+", rules):
        assert re.sub("_(bucket|sum|count)$", "", name) in families, name


class Prometheus:
    """A real one, with the rules of the examples."""

    def __init__(self, target):
        self.dir = tempfile.TemporaryDirectory()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = self.dir.name + "/prometheus.yml"
        with open(config, "w") as f:
            json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [RULES],
                       "scrape_configs": [{"job_name": "postern", "static_configs": [{"targets": [target]}]}]}, f)
        self.process = subprocess.Popen(["prometheus", "--config.file=" + config, "--storage.tsdb.path=" + self.dir.name + "/data",
                                         "--web.listen-address=127.0.0.1:%d" % self.port, "--log.level=error"])

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait()
        self.dir.cleanup()

    def query(self, text):
        """The values, while it answers."""
        with contextlib.suppress(OSError):
            status, body, _ = exchange("http://127.0.0.1:%d" % self.port, "GET", "/api/v1/query?" + urllib.parse.urlencode({"query": text}))
            if status == 200:
                return [float(r["value"][1]) for r in json.loads(body)["data"]["result"]]
        return []


def test_prometheus_takes_it():
    with gateway_of(PLAIN) as g:
        added(g, integrate(g, P), "_acme-challenge.prom." + ZONE, "v")
        with Prometheus(g.url.split("//")[1]) as prom:
            wait_for(lambda: prom.query("up") == [1], 30)
            assert prom.query('postern_calls_total{endpoint="add_record",code="ok"}') == [1]
            wait_for(lambda: prom.query('histogram_quantile(0.5, postern_log_sync_duration_seconds_bucket)'))


if __name__ == "__main__":
    tap.main(globals())
