# SPDX-License-Identifier: ISC
"""The log fails: changes are refused, nothing is done at the provider, /readyz is red; cured, service comes back by itself."""
import concurrent.futures
import contextlib
import glob
import os
import signal
import subprocess
import tempfile
import time

import tap
from common import add, added, file_size_limit, gateway, integrate, pdns, refused, remove, txt
from openapi import check_answers
from servers import FakeUpstream, wait_for

check_answers()

ZONE = "log.example"
P = pdns(ZONE)


def segment(g):
    return sorted(glob.glob(os.path.join(g.audit_dir, "audit-*.jsonl")))[-1]


def expect_red(g, handle, tag):
    """Within two seconds the gateway notices; from then on changes are refused and nothing happens in DNS."""
    name = "_acme-challenge.red-%s.%s" % (tag, ZONE)
    status, answer = add(g, handle, name, "v")
    assert (status, answer.get("code")) == (503, "audit_unavailable"), (status, answer)
    assert txt(P, name) == []
    wait_for(lambda: g.get("/readyz")[0] == 503, 5)
    serial = P.serial(ZONE)
    refused(add(g, handle, name, "v"), 503, "audit_unavailable")
    assert P.serial(ZONE) == serial and txt(P, name) == []
    # a read's result is not given out either
    refused(g.post("/get_zones", {"integration_handle": handle}), 503, "audit_unavailable")


def expect_green(g, handle, tag):
    wait_for(lambda: g.get("/readyz")[0] == 200, 10)
    added(g, handle, "_acme-challenge.green-%s.%s" % (tag, ZONE), "v")


def check_sequence(lines):
    seqs = [l["seq"] for l in lines]
    assert seqs == sorted(set(seqs)), "sequence numbers are not rising"


def test_unlinked():
    with gateway() as g:
        handle = integrate(g, P)
        os.unlink(segment(g))
        expect_refusal_then_recovery(g, handle, "unlinked")


def test_replaced():
    with gateway() as g:
        handle = integrate(g, P)
        path = segment(g)
        os.rename(path, path + ".moved")
        with open(path, "w"):
            pass
        expect_refusal_then_recovery(g, handle, "replaced")


def test_truncated_by_somebody():
    with gateway() as g:
        handle = integrate(g, P)
        os.truncate(segment(g), 10)
        expect_refusal_then_recovery(g, handle, "truncated")


def expect_refusal_then_recovery(g, handle, tag):
    """The one who notices first is refused; then a new segment opens, and its first line says what is missing."""
    name = "_acme-challenge.%s.%s" % (tag, ZONE)
    statuses = []
    for i in range(3):
        status, answer = add(g, handle, name, "v%d" % i)
        statuses.append(status)
        if status != 200:
            assert (status, answer["code"]) == (503, "audit_unavailable"), answer
            assert ("v%d" % i).encode() not in txt(P, name)
    assert statuses[0] == 503, "the change was let through"
    expect_green(g, handle, tag)
    opened = [l for l in g.audit_of(segment(g)) if l["event"] == "log.open"]
    assert opened and opened[0]["value"], opened


def test_unwritable_directory():
    """The file is gone and the directory lets nobody make a new one."""
    with gateway() as g:
        handle = integrate(g, P)
        os.chmod(g.audit_dir, 0o500)
        os.unlink(segment(g))
        try:
            expect_red(g, handle, "ro")
        finally:
            os.chmod(g.audit_dir, 0o700)
        expect_green(g, handle, "ro")
        check_sequence(g.audit())


class small_tmpfs:
    """A tmpfs of that size at a temporary directory; needs root."""

    def __init__(self, size):
        self.size = size

    def __enter__(self):
        if os.geteuid() != 0:
            raise tap.Skip("needs root to mount a tmpfs")
        self.dir = tempfile.mkdtemp()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + self.size + ",mode=0755", "postern-test", self.dir],
                       check=True)
        return self.dir

    def __exit__(self, *exc):
        subprocess.run(["umount", "-l", self.dir], check=True)
        os.rmdir(self.dir)


def fill(d):
    """Take all the room that is left."""
    path = os.path.join(d, "ballast")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for size in (65536, 4096, 1):
        with contextlib.suppress(OSError):
            while os.write(fd, b"x" * size):
                pass
    os.close(fd)
    return path


def test_full_disk():
    with small_tmpfs("1m") as d, gateway(state_dir=d) as g:
        handle = integrate(g, P)
        rh = added(g, handle, "_acme-challenge.full." + ZONE, "v")
        ballast = fill(d)
        # what was reserved may still be used up; sooner or later the room is gone
        wait_for(lambda: add(g, handle, "_acme-challenge.filling." + ZONE, "v")[0] == 503, 60)
        expect_red(g, handle, "full")
        refused(remove(g, handle, rh), 503, "audit_unavailable")
        os.unlink(ballast)
        expect_green(g, handle, "full")
        assert remove(g, handle, rh) == (200, {"removed": True})
        check_sequence(g.audit())
        wait_for(lambda: not g.cli("audit", "unresolved", "--dir", g.audit_dir).stdout, 5)


def test_scribe_hangs():
    """Stopped, not dead: nobody waits for it longer than seconds, nothing is changed, and another scribe takes over."""
    with gateway() as g:
        handle = integrate(g, P)
        old = g.pids()["postern-scribe"]
        os.kill(old, signal.SIGSTOP)
        name, started = "_acme-challenge.hangs." + ZONE, time.monotonic()
        refused(add(g, handle, name, "v"), 503, "audit_unavailable")
        assert time.monotonic() - started < 8
        assert txt(P, name) == []
        wait_for(lambda: g.pids().get("postern-scribe", old) != old, 5)
        expect_green(g, handle, "hangs")
        wait_for(lambda: any(l["event"] == "role.restart" and "scribe" in l["value"] for l in g.audit()), 5)
        wait_for(lambda: not g.cli("audit", "unresolved", "--dir", g.audit_dir).stdout, 5)


def test_read_waits_for_its_line():
    """What was read is given out only once its line is durable."""
    with gateway() as g:
        handle = integrate(g, P)
        assert g.post("/get_zones", {"integration_handle": handle})[0] == 200
        old = g.pids()["postern-scribe"]
        os.kill(old, signal.SIGSTOP)
        refused(g.post("/get_zones", {"integration_handle": handle}), 503, "audit_unavailable")
        wait_for(lambda: g.pids().get("postern-scribe", old) != old, 5)
        wait_for(lambda: g.get("/readyz")[0] == 200, 10)
        assert g.post("/get_zones", {"integration_handle": handle})[0] == 200


def test_events_while_there_is_no_scribe():
    """What the gateway has to say of itself is kept for the next scribe."""
    with gateway() as g:
        pids = g.pids()
        os.kill(pids["postern-scribe"], signal.SIGSTOP)  # it takes nothing in any more
        os.kill(pids["postern-planner"], signal.SIGKILL)
        wait_for(lambda: "postern-planner ended" in g.stderr_text(), 5)
        os.kill(pids["postern-scribe"], signal.SIGKILL)

        def restarts():
            return [l["value"] for l in g.audit() if l["event"] == "role.restart"]
        wait_for(lambda: len(restarts()) == 2, 5)
        assert restarts() == ["postern-planner ended by signal 9", "postern-scribe ended by signal 9"], restarts()
        assert [l["event"] for l in g.audit()].count("gateway.start") == 1


def test_outcome_that_cannot_be_written():
    """The change is made, and just then writing fails: the outcome is kept, and written when it can be."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to limit the scribe")
    with gateway() as g, FakeUpstream(proxy=P.api_url) as upstream:
        status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials":
                                                      {"url": upstream.url, "api_key": P.api_key}})
        assert status == 200, answer
        upstream.hold_answers_to("PATCH")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(add, g, answer["integration_handle"], "_acme-challenge.kept." + ZONE, "v")
            assert upstream.holding.wait(10)
            scribe = g.pids()["postern-scribe"]
            file_size_limit(scribe, "1")
            upstream.release()
            assert call.result(20)[0] == 200
        wait_for(lambda: g.get("/readyz")[0] == 503, 5)
        assert not [l for l in g.audit() if l["event"] == "add_record.outcome"]
        assert g.cli("audit", "unresolved", "--dir", g.audit_dir).stdout
        file_size_limit(scribe, "unlimited")
        outcome = wait_for(lambda: [l for l in g.audit() if l["event"] == "add_record.outcome"], 5)
        assert [l["result"] for l in outcome] == ["ok"], outcome
        assert g.pids()["postern-scribe"] == scribe
        expect_green(g, integrate(g, P), "kept")


def test_torn_last_line():
    with tempfile.TemporaryDirectory() as d:
        with gateway(state_dir=d) as g:
            handle = integrate(g, P)
            added(g, handle, "_acme-challenge.torn." + ZONE, "v")
            path = segment(g)
        with open(path, "ab") as f:
            f.write(b'{"seq":999,"time":"2026')
        with gateway(state_dir=d) as g:
            lines = g.audit()
            check_sequence(lines)
            assert any(l["event"] == "log.repaired" for l in lines)
            assert add(g, handle, "_acme-challenge.torn2." + ZONE, "v")[0] == 200


def test_show_and_unresolved():
    with gateway() as g:
        handle = integrate(g, P, customer="acme")
        added(g, handle, "_acme-challenge.show." + ZONE, "v", customer="acme")
        added(g, integrate(g, P), "_acme-challenge.other." + ZONE, "w")
        # An answer does not wait for its outcome's line.
        wait_for(lambda: [l["event"] for l in g.audit()].count("add_record.outcome") == 2)
        out = g.cli("audit", "show", "--dir", g.audit_dir, "--customer", "acme", "--json").stdout
        assert out.count("\n") == 3 and "other" not in out, out
        human = g.cli("audit", "show", "--dir", g.audit_dir, "--zone", ZONE).stdout
        assert "_acme-challenge.show." + ZONE in human and "add_record.intent" in human
        assert g.cli("audit", "unresolved", "--dir", g.audit_dir).returncode == 0


if __name__ == "__main__":
    tap.main(globals())
