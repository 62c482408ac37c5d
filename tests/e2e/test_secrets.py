# SPDX-License-Identifier: ISC
"""A canary credential and every handle are looked for wherever they must not be."""
import base64
import glob
import hmac
import os
import urllib.parse

import tap
from common import add, everyone, gateway, integrate, pdns, refused, remove
from clouds import Azure
from memory import holds
from servers import FakeUpstream
from test_delegated import at_azure

ZONE = "secrets.example"
CANARY = "CANARYq7Zk2Vb9Xw4Lt8Rm1Ns5Hd3Gf6"
P = pdns(ZONE)


def forms(secret):
    raw = secret.encode()
    return [raw, base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"="),
            urllib.parse.quote(secret, safe="").encode(), raw.hex().encode(), raw[::-1]]


def use(g, up):
    """Each endpoint, with success and failure, with the canary as credential. Returns the secrets: canary and handles."""
    secrets = [CANARY]
    make = {"provider": "powerdns", "credentials": {"url": P.api_url, "api_key": CANARY}}
    answers = [g.post("/make_integration", make), g.post("/make_integration", dict(make, verify=False)),
               g.post("/make_integration", dict(make, extra=CANARY)),
               g.post("/make_integration", dict(make, provider="cloudflare"))]
    for behaviour in ("echo", "html", "status:401", "garbage", "reset"):
        up.behave(behaviour)
        answers.append(g.post("/make_integration", dict(make, credentials={"url": up.url, "api_key": CANARY})))
    status, made = g.post("/make_integration", dict(make, verify=False))
    bad = made["integration_handle"]
    handle = integrate(g, P)
    secrets += [bad, handle]
    answers += [g.post("/get_zones", {"integration_handle": bad}), add(g, bad, "_acme-challenge." + ZONE, "v")]
    status, answer = add(g, handle, "_acme-challenge." + ZONE, "v")
    secrets.append(answer["record_handle"])
    assert remove(g, handle, answer["record_handle"])[0] == 200
    answers += [g.post("/check_record", {"integration_handle": handle, "record_handle": answer["record_handle"]}),
                add(g, handle, "_acme-challenge." + ZONE, "v", follow_cname=True)]
    answers += [g.post("/inspect_handle", {"handle": h}) for h in (bad, handle, answer["record_handle"])]
    for a in answers:
        for f in forms(CANARY):
            assert f not in str(a).encode(), a
    return secrets


def test_canary():
    with gateway() as g, FakeUpstream() as up:
        secrets = use(g, up) + [P.api_key, g.token]
        needles = [f for s in secrets for f in (forms(s) if len(s) < 200 else [s.encode(), s[40:120].encode()])]
        # the log and what was said on stderr
        for path in glob.glob(os.path.join(g.audit_dir, "*")):
            with open(path, "rb") as f:
                text = f.read()
            assert not [n for n in needles if n in text], path
        text = g.stderr_text().encode()
        assert not [n for n in needles if n in text], "stderr"
        # nobody's arguments or environment
        for name, pid in list(g.pids().items()) + [("postern", g.pid)]:
            for what in ("cmdline", "environ"):
                with open("/proc/%d/%s" % (pid, what), "rb") as f:
                    text = f.read()
                assert not [n for n in needles if n in text], (name, what)


def test_echoed_key():
    """An upstream that says the key back, in an error or in its data: not to the caller, and not to the log."""
    key = CANARY + "\"/\\<&>"
    needles = forms(key) + forms(CANARY) + [CANARY[:8].encode(), CANARY[:8].encode().hex().encode()]
    # what base64 of "u:" and the key has of the key's first eight bytes
    needles.append(base64.b64encode(b"u:" + CANARY[:7].encode()).rstrip(b"=")[3:11])
    with gateway() as g, FakeUpstream() as up:
        status, made = g.post("/make_integration", {
            "provider": "powerdns", "credentials": {"url": up.url, "api_key": key}, "verify": False})
        assert status == 200, made
        handle = made["integration_handle"]
        for number in (400, 401, 403, 404, 409, 422, 429, 500, 503, 302):
            for how in ("plain", "cut", "hex", "url", "base64", "twice"):
                up.behave("echo_key:%d,%s" % (number, how))
                asked = len(up.requests)
                answers = [g.post("/get_zones", {"integration_handle": handle}),
                           add(g, handle, "_acme-challenge." + ZONE, "v")]
                assert len(up.requests) >= asked + 2
                for a in answers:
                    assert a[0] >= 400, a
                    assert not [n for n in needles if n in str(a).encode() or n in repr(a).encode()], (number, how, a)
                if number == 422 and how != "cut":
                    assert "bad key" in str(answers[0]) and "****" in str(answers[0]), answers[0]
        # In data, where it might be somebody's record: nothing is done with it.
        up.behave("echo_key:200,plain")
        answer = refused(g.post("/get_zones", {"integration_handle": handle}), 422, "provider_rejected")
        assert "credential itself" in str(answer), answer
        refused(add(g, handle, "_acme-challenge." + ZONE, "v"), 422, "provider_rejected")
        for path in glob.glob(os.path.join(g.audit_dir, "*")):
            with open(path, "rb") as f:
                text = f.read()
            assert b"provider_rejected" in text or not path.endswith(".jsonl"), path
            assert not [n for n in needles if n in text], path
        text = g.stderr_text().encode()
        assert not [n for n in needles if n in text], "stderr"


def test_memory():
    """
    While nothing is in flight: the credential is nowhere. Root keys are, for restarts, in the supervisor; what handles' keys are derived from is in the vault; both are
    nowhere else.
    """
    if os.geteuid() != 0:
        raise tap.Skip("needs root to read other processes' memory")
    with gateway() as g, FakeUpstream() as up:
        secrets = use(g, up)
        with open(os.path.join(g.state_dir, "root.key"), "rb") as f:
            root_key = f.read()
        derived = hmac.new(bytes(32), root_key, "sha256").digest()  # HKDF-Extract, RFC 5869
        pids = dict(everyone(g), postern=g.pid)
        for name, pid in pids.items():
            assert bool(holds(pid, [root_key])) == (name == "postern"), (name, "root key")
            assert bool(holds(pid, [derived])) == (name == "postern-vault"), (name, "what is derived from the root key")
            for secret in secrets:
                needles = [secret.encode()] if len(secret) < 200 else [secret[40:140].encode()]
                assert not holds(pid, needles), (name, secret[:12])


def test_the_gateways_own_secret():
    """What it has of its own at a provider is the couriers' of fixed hosts; those that speak with customers' own servers have nothing of it."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to read other processes' memory")
    with Azure() as azure, at_azure(azure) as g:
        needle = [b"azure-canary-secret"]
        assert holds(g.pids()["postern-courier"], needle), "the test looks in the wrong place"
        for name, pid in everyone(g).items():
            assert name == "postern-courier" or not holds(pid, needle), name


def test_planners_never_hold_a_credential():
    """Not even while a call is in flight."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to read other processes' memory")
    import threading
    with gateway() as g, FakeUpstream() as up:
        up.behave("silent")
        status, made = g.post("/make_integration", {
            "provider": "powerdns", "credentials": {"url": up.url, "api_key": CANARY}, "verify": False})
        t = threading.Thread(target=lambda: g.post("/get_zones", {"integration_handle": made["integration_handle"]}, timeout=60))
        t.start()
        up.wait_for_request()
        pids = everyone(g)
        needle = [CANARY.encode()]
        assert holds(pids["postern-courier-self"], needle), "the test looks in the wrong place"
        for name in ("postern-planner", "postern-planner-self", "postern-scribe", "postern-courier", "postern-resolver"):
            assert not holds(pids[name], needle), name
        up.behave("reset")
        up.release()
        t.join()


def test_processes_are_closed_up():
    with gateway() as g:
        uids = set()
        for name, pid in everyone(g).items():
            with open("/proc/%d/status" % pid) as f:
                status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
            assert status["NoNewPrivs"] == "1", name
            if os.geteuid() == 0:
                uids.add(status["Uid"])
                assert "\t0" not in "\t" + status["Uid"], (name, status["Uid"])
                assert status["CapEff"].strip("0") == "" and status["Groups"].strip() == "", name
            # an undumpable process's files belong to root
            assert os.stat("/proc/%d/environ" % pid).st_uid == 0, name
            with open("/proc/%d/limits" % pid) as f:
                core = [line for line in f if line.startswith("Max core file size")][0].split()
            assert core[4] == "0" and core[5] == "0", name
        if os.geteuid() == 0:
            assert len(uids) == 8, "each role has a uid of its own"


if __name__ == "__main__":
    tap.main(globals())
