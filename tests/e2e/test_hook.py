# SPDX-License-Identifier: ISC
"""`postern hook` without ACME: its settings, what it keeps, and what it does when things go wrong."""
import base64
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import tempfile
import threading

import tap
from acme_clients import HeldAfterChange, Host, acme_gateway, host, write
from common import integrate, pdns, refused, together
from servers import BINARY, CA, FakeUpstream, exchange, free_port

ZONE, OTHER = "hook.example", "other.example"
P = pdns(ZONE, OTHER)
NAME = "_acme-challenge." + ZONE


def at(label):
    return "_acme-challenge.%s.%s" % (label, ZONE)


def values(name):
    return sorted(v for n, v in P.all_txt(ZONE) if n == name)


def works(done, out=""):
    assert (done.returncode, done.stdout, done.stderr) == (0, out, ""), done


def fails(status, text, done):
    assert done.returncode == status and done.stdout == "" and text in done.stderr, done
    return done


def on_host(test):
    """TEST(gateway, host)"""
    def run():
        with acme_gateway(P) as g, host(g, integrate(g, P, zones=[ZONE])) as h:
            test(g, h)
        assert P.all_txt(ZONE) == [], P.all_txt(ZONE)
    run.__name__ = test.__name__
    return run


# ---- what clients say ----

@on_host
def test_add_and_remove(g, h):
    name = at("plain")
    works(h.hook("add", name + ".", "-value"))
    assert values(name) == ["-value"]
    (entry,) = h.entries()
    assert (entry["name"], entry["value"]) == (name, "-value") and len(entry["record_handles"]) == 1
    assert {oct(os.stat(h.state + "/" + f).st_mode & 0o777) for f in os.listdir(h.state)} == {"0o600"}
    # Another value stays, and what was not added here is not removed.
    P.set_records(ZONE, name, "TXT", 60, ['"-value"', '"theirs"'])
    works(h.hook("remove", name, "theirs"))
    works(h.hook("remove", name.upper(), "-value"))
    works(h.hook("remove", name, "-value"))
    assert values(name) == ["theirs"] and os.listdir(h.state) == []
    P.set_records(ZONE, name, "TXT", 60, [])


@on_host
def test_certbot(g, h):
    env = {"CERTBOT_DOMAIN": "certbot." + ZONE, "CERTBOT_VALIDATION": "v1", "CERTBOT_REMAINING_CHALLENGES": "0"}
    works(h.hook("certbot", "auth", env=env))
    assert values(at("certbot")) == ["v1"]
    works(h.hook("certbot", "cleanup", env=env))
    fails(2, "CERTBOT_DOMAIN", h.hook("certbot", "auth"))
    fails(2, "auth or cleanup", h.hook("certbot", env=env))
    fails(2, "auth or cleanup", h.hook("certbot", "authenticate", env=env))
    # An HTTP challenge is what it asks for first, where nobody says dns.
    fails(2, "--preferred-challenges dns", h.hook("certbot", "auth", env={**env, "CERTBOT_VALIDATION": "token.thumbprint"}))
    for domain in "", "d." * 300:  # the prefix alone is no name for a challenge
        fails(2, "CERTBOT_DOMAIN" if not domain else "no domain name", h.hook("certbot", "auth", env={**env, "CERTBOT_DOMAIN": domain}))


@on_host
def test_dehydrated(g, h):
    triples = ["a." + ZONE, "file", "-v1", "*.a." + ZONE, "file", "v2", "b." + ZONE, "-file", "v3"]
    works(h.hook("dehydrated", "deploy_challenge", *triples))
    assert (values(at("a")), values(at("b"))) == (["-v1", "v2"], ["v3"])
    # What can be removed is, though one cannot.
    fails(2, "no domain name", h.hook("dehydrated", "clean_challenge", "a b", "file", "v0", *triples))
    assert P.all_txt(ZONE) == [] and h.entries() == []
    # Everything else is none of ours, and asks for no settings.
    for operation in "startup_hook", "deploy_cert", "this_hookscript_is_broken__dehydrated_is_working_fine__please_ignore_unknown_hooks_in_your_script":
        works(h.hook("dehydrated", operation, "-x", env={"POSTERN_HOOK_CONFIG": "/nowhere"}))
    for domain in "", "*.", "d." * 300:
        fails(2, "no domain name", h.hook("dehydrated", "deploy_challenge", domain, "file", "v"))
    # Another certificate's challenges may be HTTP's.
    for operation in "deploy_challenge", "clean_challenge":
        done = h.hook("dehydrated", operation, "a." + ZONE, "file", "token.thumbprint")
        assert done.returncode == 0 and "an HTTP challenge" in done.stderr and P.all_txt(ZONE) == [], done
    fails(2, "takes a domain", h.hook("dehydrated", "deploy_challenge", "a." + ZONE, "file"))
    fails(2, "takes a domain", h.hook("dehydrated", "deploy_challenge"))
    fails(2, "an operation", h.hook("dehydrated"))


@on_host
def test_dehydrated_goes_on(g, h):
    """It would stop, with its challenge answered and without the certificate, if cleaning up failed. What is left is told, and kept."""
    works(h.hook("dehydrated", "deploy_challenge", "a." + ZONE, "file", "v"))
    with between(h, g, remove_record=[problem(422, "provider_rejected")]):
        done = h.hook("dehydrated", "clean_challenge", "a." + ZONE, "file", "v")
    assert done.returncode == 0 and "removing %s: provider_rejected" % at("a") in done.stderr and len(h.entries()) == 1, done
    h.configure(url=g.url)
    fails(1, "policy_denied", h.hook("dehydrated", "deploy_challenge", "a." + OTHER, "file", "v"))
    works(h.hook("sweep", "--older-than", "0s"), "removed %s\n" % at("a"))


@on_host
def test_lego(g, h):
    authorization = "-token.thumbprint"
    value = base64.urlsafe_b64encode(hashlib.sha256(authorization.encode()).digest()).rstrip(b"=").decode()
    works(h.hook("lego", "present", "--", "raw." + ZONE, "-token", authorization))
    works(h.hook("lego", "present", at("raw") + ".", "-v"))
    assert values(at("raw")) == sorted(["-v", value])
    works(h.hook("lego", "cleanup", at("raw") + ".", "-v"))
    works(h.hook("lego", "cleanup", "--", "raw." + ZONE, "-token", authorization))
    fails(2, "FQDN VALUE", h.hook("lego", "present", at("raw")))
    fails(2, "present or cleanup", h.hook("lego", "timeout"))


# ---- settings ----

def test_settings():
    """The file, and the environment, which has the last word. What is wrong is told with its place, and never with its value."""
    with tempfile.TemporaryDirectory() as d:
        conf = d + "/hook.conf"
        write(d + "/token", "ptk1_x\n")
        write(d + "/handle", "pti1_x\n")
        good = {"url": "https://gateway.example", "token_file": d + "/token", "handle_file": d + "/handle", "state_dir": d + "/state"}

        def run(text, env=None):
            write(conf, text)
            return subprocess.run([BINARY, "hook", "sweep", "--config", conf], capture_output=True, text=True, env={"HOME": d, **(env or {})})

        def lines(**more):
            return "".join('%s = "%s"\n' % kv for kv in {**good, **more}.items() if kv[1] is not None)

        works(run(lines()))
        assert os.stat(d + "/state").st_mode & 0o777 == 0o700
        # A configuration of variables alone, and a file that is not there because nobody named it.
        env = {"POSTERN_" + k.upper(): v for k, v in good.items()}
        works(run("", env))
        works(run("url = https://another.example\n", env))
        fails(2, "POSTERN_WAIT must be a number", run(lines(), {"POSTERN_WAIT": "SECRET"}))
        for text, said in [
            (lines(url=None), "url is missing"), (lines(handle_file=None), "handle_file is missing"), (lines(token_file=None), "token_file is missing"),
            (lines(key="/k"), "certificate and key go together"), (lines(token_file=None, certificate="/k"), "certificate and key go together"),
            (lines(url="http://gateway.example"), ":1: url: must be https"), (lines(url="http://192.0.2.1"), "must be https"),
            (lines(url="SECRET"), ":1: url: must be http[s]"), ("# one\n# two\nhandle_file = SECRET\n", ":3: handle_file: must be an absolute path"),
            (lines(follow_cname="SECRET"), "must be true or false"), (lines(wait="-SECRET"), "must be a number"),
            (lines() + "SECRETS = 1\n", ":5: SECRETS: there is no such key"), (lines() + lines(), ":5: url: is given twice"),
            (lines() + '"SECRET" = 1\n', "SECRET"), (lines() + "url\n", "syntax error"), (lines() + "wait = {1, 2}\n", "hook.conf"),
        ]:
            done = fails(2, said, run(text))
            assert done.stderr.count("\n") == 1 and ("SECRET" not in done.stderr or "SECRET" in said), (text, done)
        for url in "http://127.0.0.2:1", "http://localhost:1", "http://[::1]:1":
            works(run(lines(url=url)))


def test_files_that_others_may_read():
    with tempfile.TemporaryDirectory() as d, Host("https://127.0.0.1:1", "ptk1_x", "pti1_x") as h:
        for name, said in ("token", "chmod 600"), ("handle", "chmod 600"), ("hook.conf", "hook.conf"):
            path = h.dir + "/etc/" + name
            os.chmod(path, 0o622)
            fails(2, said, h.hook("add", at("x"), "v"))
            os.chmod(path, 0o600)
        os.chmod(h.state, 0o750)
        fails(2, "chmod 700", h.hook("add", at("x"), "v"))
        os.chmod(h.state, 0o700)
        write(h.dir + "/etc/token", "two words\n")
        fails(2, "holds no token", h.hook("add", at("x"), "v"))
        os.unlink(h.dir + "/etc/token")
        fails(2, "No such file", h.hook("add", at("x"), "v"))
        write(h.dir + "/etc/token", "ptk1_x\n")
        write(h.dir + "/etc/handle", "\n")
        fails(2, "holds no handle", h.hook("add", at("x"), "v"))
        h.configure(state_dir=d + "/file/state")
        write(d + "/file", "")
        fails(2, "Not a directory", h.hook("add", at("x"), "v"))


# ---- answers ----

class Between(FakeUpstream):
    """In front of the gateway: SCRIPT, {path: [answers]}, first, each a (status, object) or a function of the request that gives one; then the gateway itself."""

    def __init__(self, g, **script):
        self.g, self.script = g, {"/" + k: list(v) for k, v in script.items()}
        super().__init__(proxy=g.url)

    def answer(self, request):
        waiting = self.script.get(request.path)
        if not waiting:
            return super().answer(request)
        said = waiting.pop(0)
        status, body = said(request) if callable(said) else said
        return status, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def asked(self):
        return [r.path for r in self.requests]


def problem(status, code, **more):
    return status, {"code": code, "detail": "as the test wants it", "status": status, **more}


def between(h, g, **script):
    b = Between(g, **script)
    h.configure(url=b.url)
    return b


@on_host
def test_refused(g, h):
    """Nothing is kept of what is refused, and it is said why."""
    fails(1, "policy_denied: ", h.hook("add", "_dmarc." + ZONE, "v"))
    fails(1, "adding _acme-challenge.%s: policy_denied" % OTHER, h.hook("add", "_acme-challenge." + OTHER, "v"))
    works(h.hook("remove", "_dmarc." + ZONE, "v"))
    fails(1, "policy_denied", h.hook("add", at("x"), "v=spf1 -all"))
    fails(2, "no domain name", h.hook("add", "a b", "v"))
    fails(2, "no value", h.hook("add", at("x"), ""))
    fails(2, "too long", h.hook("add", at("x"), "v" * 2049))
    fails(2, "not UTF-8", h.hook("add", at("x"), b"\xff"))
    write(h.dir + "/etc/token", "ptk1_other\n")
    fails(1, "unauthenticated", h.hook("add", at("x"), "v"))
    assert os.listdir(h.state) == []


@on_host
def test_tried_again(g, h):
    """What passes by: too many requests, a gateway that is not ready, an answer that did not come. What was done is not done twice."""
    with between(h, g, add_record=[problem(429, "rate_limited", retry_after=1), problem(503, "overloaded", retry_after=1), (502, "not JSON's"),
                                   problem(504, "provider_timeout")]) as b:
        works(h.hook("add", at("again"), "v"))
        assert b.asked() == ["/add_record"] * 5 and len(h.entries()) == 1
        b.script["/remove_record"] = [problem(503, "audit_unavailable", retry_after=1)]
        b.behave("reset", "/remove_record")
        threading.Timer(1, b.behave, ["ok", "/remove_record"]).start()
        works(h.hook("remove", at("again"), "v"))
        assert values(at("again")) == [] and h.entries() == []
        # Nobody waits for an hour: the brake's answer is told.
        for seconds in 3600, 1000000:
            b.script["/add_record"] = [problem(429, "rate_limited", retry_after=seconds)]
            fails(1, "rate_limited", h.hook("add", at("again"), "v"))
            assert h.entries() == []


@on_host
def test_the_answer_is_lost(g, h):
    """It may have been done: the entry stays, and `sweep` takes away what there is."""
    with between(h, g) as b:
        done_there = []

        def lost(request):
            done_there.append(FakeUpstream.answer(b, request)[0])
            return problem(429, "rate_limited", retry_after=3600) if len(done_there) > 1 else problem(504, "provider_timeout")

        b.script["/add_record"] = [lost, lost]
        fails(1, "rate_limited", h.hook("add", at("lost"), "v"))
        assert done_there == [200, 200] and values(at("lost")) == ["v"]
        assert [e["record_handles"] for e in h.entries()] == [[]]
        works(h.hook("sweep"))
        assert values(at("lost")) == ["v"], "it may be under way"
        works(h.hook("sweep", "--older-than", "0s"), "removed %s\n" % at("lost"))
        assert values(at("lost")) == [] and os.listdir(h.state) == []


@on_host
def test_where_found_records_stay(g, h):
    """At a name where no replacement is allowed, as behind a CNAME to one. What may be ours and cannot be removed is said, not called removed; what was surely there before is left alone."""
    name = "plain." + ZONE
    P.set_records(ZONE, name, "TXT", 60, ['"v"'])
    works(h.hook("add", name, "v"))
    works(h.hook("remove", name, "v"))
    assert values(name) == ["v"] and os.listdir(h.state) == []
    P.set_records(ZONE, name, "TXT", 60, [])
    with between(h, g) as b:
        def lost(request):
            assert FakeUpstream.answer(b, request)[0] == 200
            return problem(504, "provider_timeout")

        # Added by the first try, found by the second.
        b.script["/add_record"] = [lost]
        works(h.hook("add", name, "v"))
        (entry,) = h.entries()
        assert entry["unsure"] is True and len(entry["record_handles"]) == 1
        for args in ("remove", name, "v"), ("sweep", "--older-than", "0s"):
            fails(1, "removing %s: whose it is cannot be told" % name, h.hook(*args))
            assert values(name) == ["v"] and h.entries() == [entry]
        # When somebody has taken it away, it goes the usual way.
        P.set_records(ZONE, name, "TXT", 60, [])
        works(h.hook("add", name, "v"))
        works(h.hook("sweep", "--older-than", "0s"), "removed %s\n" % name)
        assert values(name) == [] and os.listdir(h.state) == []


def rewrapped(g, token, handle):
    status, body, _ = exchange(g.url, "POST", "/rewrap_handle", json.dumps({"handle": handle}),
                               {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    assert status == 200, body
    return json.loads(body)["handle"]


@on_host
def test_fresh_handles(g, h):
    """A rotated credential: the handle file is replaced, as a whole, and every try uses the newest; what an administrator puts there meanwhile stays."""
    handle = h.dir + "/etc/handle"
    with open(handle) as f:
        old = f.read().strip()
    fresh = [rewrapped(g, g.token, old) for _ in range(3)]
    os.rename(handle, handle + ".1")
    os.symlink("handle.1", handle)
    with between(h, g) as b:
        def bring(n, answer, put=None):
            def said(request):
                if put:
                    write(handle + ".1", put + "\n", 0o400)
                status, body = answer or (lambda a: (a[0], json.loads(a[2])))(FakeUpstream.answer(b, request))
                return status, {**body, "integration_handle": fresh[n]}
            return said

        b.script["/add_record"] = [bring(0, problem(503, "overloaded", retry_after=1)), bring(1, None)]
        works(h.hook("add", at("fresh"), "v"))
        assert [json.loads(r.body)["integration_handle"] for r in b.requests] == [old, fresh[0]]
        assert os.path.islink(handle) and os.stat(handle).st_mode & 0o777 == 0o600
        with open(handle) as f:
            assert f.read() == fresh[1] + "\n"
        b.script["/remove_record"] = [bring(2, None, put=old)]
        works(h.hook("remove", at("fresh"), "v"))
        with open(handle) as f:
            assert f.read() == old + "\n"
        assert sorted(os.listdir(h.dir + "/etc")) == ["handle", "handle.1", "hook.conf", "token"]


@on_host
def test_void_record_handles(g, h):
    """The integration was made anew, or the root key is another one: the record is found again, and removed."""
    works(h.hook("add", at("void"), "v"))
    write(h.dir + "/etc/handle", integrate(g, P, zones=[ZONE]) + "\n")
    works(h.hook("remove", at("void"), "v"))
    assert values(at("void")) == [] and os.listdir(h.state) == []
    # And where not even that helps, the entry stays, with a word on what to do.
    works(h.hook("add", at("void"), "v"))
    with between(h, g, remove_record=[problem(422, "handle_invalid", field="record_handle")] * 2):
        done = h.hook("sweep", "--older-than", "0s")
        assert done.returncode == 1 and "does not take its own" in done.stderr and ".json stays" in done.stderr, done
        works(h.hook("remove", at("void"), "v"))


@on_host
def test_added_twice(g, h):
    """Both handles are kept: only the first says that we made the record. Nine adds are no more than eight handles."""
    name = "twice." + ZONE  # no name at which a found record may be removed
    for _ in range(10):
        works(h.hook("add", name, "v"))
    (entry,) = h.entries()
    assert len(entry["record_handles"]) == 8
    works(h.hook("remove", name, "v"))
    assert values(name) == [] and h.entries() == []


@on_host
def test_what_is_kept_was_damaged(g, h):
    works(h.hook("add", at("damaged"), "v"))
    (name,) = [n for n in os.listdir(h.state) if n.endswith(".json")]
    for text in "", "{}", "{" * 100, '{"name": "a b", "value": "v", "record_handles": []}', "x" * 200000:
        write(h.state + "/" + name, text)
        fails(1, name + ": is none of ours", h.hook("sweep", "--older-than", "0s"))
    works(h.hook("remove", at("damaged"), "v"))
    assert values(at("damaged")) == [] and os.listdir(h.state) == []


@on_host
def test_two_configurations(g, h):
    """With one state directory: each sweeps what is its own."""
    works(h.hook("add", at("first"), "v"))
    with host(g, integrate(g, P), state_dir=h.state) as second:
        works(second.hook("add", at("second"), "v"))
        works(second.hook("sweep", "--older-than", "0s"), "removed %s\n" % at("second"))
    assert values(at("first")) == ["v"]
    works(h.hook("sweep", "--older-than", "0s"), "removed %s\n" % at("first"))


@on_host
def test_concurrent(g, h):
    """Many hooks at one name, and several with the very same record."""
    adds = [("add", at("many"), "v%d" % (i % 8)) for i in range(16)]
    for done in together(lambda a: h.hook(*a), adds):
        works(done)
    assert values(at("many")) == ["v%d" % i for i in range(8)] and len(h.entries()) == 8
    for done in together(lambda a: h.hook("remove", *a[1:]), adds):
        works(done)
    assert values(at("many")) == [] and os.listdir(h.state) == []


@on_host
def test_sweep_tidies(g, h):
    """What a crash leaves beside the entries goes as well, unless somebody is at it."""
    for name in "0" * 32 + ".lock", "1" * 32 + ".json.new", "2" * 32 + ".lock":
        write(h.state + "/" + name, "")
    write(h.state + "/notes", "")
    with open(h.state + "/" + "2" * 32 + ".lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        works(h.hook("sweep"))
        assert sorted(os.listdir(h.state)) == ["2" * 32 + ".lock", "notes"]
    works(h.hook("sweep"))
    assert os.listdir(h.state) == ["notes"]


# ---- waiting ----

@on_host
def test_wait(g, h):
    seen = {"visible": False, "provider": "pending", "servers": []}, {"visible": True, "provider": "applied", "servers": []}
    with between(h, g, check_record=[(200, seen[0]), problem(503, "overloaded", retry_after=1), (200, seen[1])]) as b:
        works(h.hook("add", "--wait", at("wait"), "v"))
        asked = [json.loads(r.body) for r in b.requests if r.path == "/check_record"]
        assert len(asked) == 3 and asked[0]["record_handle"] == h.entries()[0]["record_handles"][0]
        # It is not there in time: the authority looks itself.
        h.configure(wait="1")
        servers = [{"name": "ns1.example", "address": "192.0.2.1", "visible": True}, {"name": "ns2.example", "address": "192.0.2.2", "visible": False}]
        for answer, why in (seen[0], "DNS names no servers"), ({**seen[0], "servers": servers}, "ns2.example 192.0.2.2: has not got it"), (
                {**seen[0], "servers": [{"name": "ns3.example", "address": None, "visible": False, "problem": "no_answer"}]}, "ns3.example: no_answer"):
            b.script["/check_record"] = [(200, answer)] * 9
            done = h.hook("add", "--wait", at("wait"), "v")
            assert done.returncode == 0 and "%s: not at all name servers after 1 seconds: %s" % (at("wait"), why) in done.stderr, done
        # The gateway takes longer than there is time: it is not waited for, nor are the others asked.
        b.behave("silent", "/check_record")
        before = len(b.requests)
        done = h.hook("dehydrated", "--wait", "deploy_challenge", "wait." + ZONE, "f", "v", "b." + ZONE, "f", "v")
        assert done.returncode == 0 and "after 1 seconds: no answer" in done.stderr and "libcurl's error 28" in done.stderr, done
        assert [r.path for r in b.requests[before:]] == ["/add_record"] * 2 + ["/check_record"], b.asked()
        b.behave("ok", "/check_record")
        b.release()
        works(h.hook("remove", at("b"), "v"))
        h.configure(wait="60")
        # A caller who may not, a gateway that cannot.
        b.script["/check_record"] = [problem(403, "forbidden")]
        fails(1, "checking %s: forbidden" % at("wait"), h.hook("lego", "--wait", "present", at("wait"), "v"))
        b.script["/check_record"] = [problem(404, "not_found")]
        fails(1, "no check_record", h.hook("dehydrated", "--wait", "deploy_challenge", "wait." + ZONE, "f", "v"))
        works(h.hook("remove", at("wait"), "v"))


@on_host
def test_certbot_waits_once(g, h):
    """After the last challenge, for all of the order."""
    names = ["one." + ZONE, "*.one." + ZONE, "two." + ZONE]
    order = [{"CERTBOT_DOMAIN": n.replace("*.", ""), "CERTBOT_VALIDATION": "v%d" % i, "CERTBOT_ALL_DOMAINS": ",".join(names),
              "CERTBOT_REMAINING_CHALLENGES": str(len(names) - 1 - i)} for i, n in enumerate(names)]
    with between(h, g, check_record=[(200, {"visible": i != 1}) for i in range(4)]) as b:
        for env in order:
            works(h.hook("certbot", "--wait", "auth", env=env))
        assert b.asked() == ["/add_record"] * 3 + ["/check_record"] * 4, b.asked()
        handles = [json.loads(r.body)["record_handle"] for r in b.requests[3:]]
        assert len(set(handles)) == 3, "the one that was not there is asked for again"
        # What somebody damaged is no reason to call the challenge unanswered.
        write(h.state + "/" + "0" * 32 + ".json", "")
        b.script["/check_record"] = [(200, {"visible": True})] * 3
        done = h.hook("certbot", "--wait", "auth", env=order[-1])
        assert done.returncode == 0 and "is none of ours" in done.stderr, done
        os.unlink(h.state + "/" + "0" * 32 + ".json")
        for env in order:
            works(h.hook("certbot", "cleanup", env=env))


# ---- crashes ----

@on_host
def test_hook_killed(g, h):
    """While the provider has the record already, and nobody here knows: `sweep` finds it."""
    with HeldAfterChange(P) as upstream:
        write(h.dir + "/etc/handle", g.post("/make_integration", {"provider": "powerdns", "credentials": {"url": upstream.url, "api_key": P.api_key}}
                                            )[1]["integration_handle"] + "\n")
        hook = h.start_hook("add", at("killed"), "v")
        assert upstream.holding.wait(30)
        hook.send_signal(signal.SIGKILL)
        hook.communicate()
        upstream.release()
        assert values(at("killed")) == ["v"]
        assert [e["record_handles"] for e in h.entries()] == [[]], h.entries()
        works(h.hook("sweep", "--older-than", "0s"), "removed %s\n" % at("killed"))
        assert os.listdir(h.state) == []


@on_host
def test_gateway_away(g, h):
    """It comes back within the minute. And if not, that is said, and nothing is kept."""
    g.now.stop()
    hook = h.start_hook("add", at("away"), "v")
    g.start()
    out, err = hook.communicate(timeout=90)
    assert (hook.returncode, out, err) == (0, "", ""), (out, err)
    works(h.hook("remove", at("away"), "v"))


def test_nobody_there():
    """Refused once, and not for a minute, where that is not what passes by: a certificate that is not to be trusted."""
    with FakeUpstream(tls=True) as upstream, Host(upstream.url, "ptk1_x", "pti1_x") as h:
        fails(3, "no answer from https://127.0.0.1:", h.hook("add", at("x"), "v"))
        assert os.listdir(h.state) == []
        h.configure(ca_file=upstream.ca.file)
        fails(1, "no record handle", h.hook("add", at("x"), "v"))


# ---- TLS ----

def test_client_certificate():
    """In place of a token. And a gateway whose certificate comes from somebody else is not asked."""
    authority, port = CA(), free_port()
    try:
        (certificate, key), client = authority.issue("localhost"), authority.issue("host.example")
        tls = 'tls { listen = {"127.0.0.1:%d"} certificate = "%s" key = "%s" client_ca = "%s" client_certificates = "optional" }\n' % (
            port, certificate, key, authority.file)
        with acme_gateway(P, tls) as g:
            with open(g.dir + "/callers", "a") as f:
                f.write("\nhost dns:host.example add_record,remove_record\n")
            g.restart()
            url = "https://localhost:%d" % port
            with host(g, integrate(g, P), url=url, token_file=None, certificate=client[0], key=client[1]) as h:
                fails(3, "libcurl's error 60: ", h.hook("add", at("tls"), "v"))
                h.configure(ca_file=authority.file)
                works(h.hook("add", at("tls"), "v"))
                works(h.hook("remove", at("tls"), "v"))
                os.chmod(client[1], 0o640)
                fails(2, client[1] + ": must have no permission", h.hook("add", at("tls"), "v"))
            assert {line["caller"] for line in g.audit() if line["event"].endswith("record.outcome")} == {"host"}
    finally:
        authority.close()


# ---- who stole it all ----

@on_host
def test_stolen(g, h):
    """The handle, the token and the URL: what is refused with them, whatever one sends."""
    P.set_records(ZONE, ZONE, "TXT", 60, ['"site-verification=1"'])
    with open(h.dir + "/etc/handle") as f:
        handle = f.read().strip()

    def post(path, **body):
        status, answer, _ = exchange(g.url, "POST", path, json.dumps({"integration_handle": handle, **body}),
                                     {"Authorization": "Bearer " + g.web, "Content-Type": "application/json"})
        return status, json.loads(answer)

    def add(fqdn, type, value, **more):
        return post("/add_record", record={"fqdn": fqdn, "type": type, "value": value, **more})

    for type, value in ("A", "192.0.2.1"), ("AAAA", "2001:db8::1"), ("MX", "10 mail.example"):
        for name in "www." + ZONE, ZONE, at("x"):
            status, answer = add(name, type, value)
            assert (status, answer["code"]) in ((400, "invalid_request"), (403, "policy_denied")), answer
    refused(add("www." + ZONE, "CNAME", "evil.example", mode="replace"), 403, "policy_denied")
    refused(add("_dmarc." + ZONE, "TXT", "v=DMARC1"), 403, "policy_denied")
    refused(add("_acme-challenge." + OTHER, "TXT", "v"), 403, "policy_denied")
    # A record that is not ours can be found, but not removed; and there is no handle but from adding.
    status, answer = add(ZONE, "TXT", "site-verification=1")
    assert status == 200, answer
    status, answer = post("/remove_record", record_handle=answer["record_handle"])
    assert (status, answer.get("removed")) == (200, False), answer
    for path in "/get_zones", "/make_integration", "/inspect_handle", "/rewrap_handle":
        refused(post(path), 403, "forbidden")
    works(h.hook("remove", ZONE, "site-verification=1"))
    # With the policy of docs/acme.md not even TXT where no authority looks, and nothing that outlasts the token.
    handle = integrate(g, P, zones=[ZONE], policy="strict")
    for fqdn, type, value, mode, rule in ((ZONE, "TXT", "v", "coexist", "name_strict"), ("www." + ZONE, "TXT", "v", "coexist", "name_strict"),
                                          (NAME, "CNAME", "evil.example", "replace", "target_strict"), (NAME, "NS", "evil.example", "replace", "target_strict"),
                                          (ZONE, "CAA", '0 issue "evil.example"', "coexist", "authority_strict")):
        answer = refused(add(fqdn, type, value, mode=mode), 403, "policy_denied")
        assert answer["detail"].startswith(rule), answer
    # Of what he did not add: another's challenge, which a replacement could overwrite. No more.
    P.set_records(ZONE, NAME, "TXT", 60, ['"theirs"'])
    status, answer = add(NAME, "TXT", "theirs")
    assert status == 200, answer
    status, answer = post("/remove_record", record_handle=answer["record_handle"])
    assert (status, answer.get("removed")) == (200, True), answer
    assert P.all_txt(ZONE) == [(ZONE, "site-verification=1")] and P.all_txt(OTHER) == []
    P.set_records(ZONE, ZONE, "TXT", 60, [])


if __name__ == "__main__":
    tap.main(globals())
