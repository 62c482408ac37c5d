# SPDX-License-Identifier: ISC
"""What the end-to-end tests share: a gateway beside a real PowerDNS, and words for what is done with them."""
import atexit
import base64
import concurrent.futures
import contextlib
import os
import subprocess
import tempfile

from servers import BINARY, PowerDNS, Postern

_pdns = None


def pdns(*zones):
    """One PowerDNS for all tests of a program; zones are made when missing."""
    global _pdns
    if _pdns is None:
        _pdns = PowerDNS()
        atexit.register(_pdns.stop)
    for zone in zones:
        _pdns.ensure_zone(zone)
    return _pdns


@contextlib.contextmanager
def gateway(**kw):
    g = Postern(**kw)
    try:
        yield g
    finally:
        g.stop()


CONF = """
listen = {"127.0.0.1:0"}
audit_dir = "{d}/audit"
callers = "{d}/callers"
root_key "a" { file = "{d}/a.key" }
"""


# What a test asks of one caller is what many would.
NO_LIMITS = "limits { caller_rate = none caller_zones = none integration_rate = none }\n"


class Configured:
    """A gateway with a configuration; one caller, who may do everything. All else is the Postern's that runs now."""

    def __init__(self, directory, token, env=None):
        self.dir, self.token, self.env, self.said = directory, token, env, ""
        self.start()

    def start(self):
        self.now = Postern(config=self.dir + "/postern.conf", token=self.token, audit_dir=self.dir + "/audit",
                           env=self.env)

    def restart(self):
        self.said += self.now.stderr_text()
        self.now.stop()
        self.start()

    def stderr_text(self):
        return self.said + self.now.stderr_text()

    def __getattr__(self, name):
        return getattr(self.now, name)


@contextlib.contextmanager
def configured(section, token_line=None, **files):
    """A directory with a whole configuration, SECTION in it, where {d} stands for the directory; FILES, name=text, are there for it alone."""
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        if token_line is None:
            token_line = make_token()[1]
        subprocess.run([BINARY, "keygen", d + "/a.key"], check=True, capture_output=True)
        limits = "" if "limits {" in section else NO_LIMITS
        files = {"callers": token_line + "\n", "postern.conf": CONF + limits + section, **files}
        for name, text in files.items():
            with open(os.path.join(d, name), "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(text.replace("{d}", d) if name == "postern.conf" else text)
        yield d


def make_token(name="all", verbs="all"):
    """(token, its line for the callers file)"""
    return subprocess.run([BINARY, "keygen", "--token", name, "--verbs", verbs], check=True, capture_output=True,
                          text=True).stdout.splitlines()[:2]


@contextlib.contextmanager
def gateway_of(section, env=None, **files):
    """A gateway of such a configuration."""
    token, line = make_token()
    with configured(section, line, **files) as d:
        g = Configured(d, token, env)
        try:
            yield g
        finally:
            g.stop()


def speak_httpreq(g, p, name="web", zones=(), dns=None):
    """Have a gateway of gateway_of() do so: a name for its one caller, and a handle for P. The headers that a client sends.

    DNS: the dns_answers.NameServer that says where CNAMEs lead, where the configuration has none yet.
    """
    with open(g.dir + "/httpreq.handle", "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(integrate(g, p) + "\n")
    with open(g.dir + "/postern.conf", "a") as f:
        f.write('\nhttpreq "%s" { handle_file = "%s/httpreq.handle" zones = {%s} callers = {"all"} }\n' % (
            name, g.dir, ", ".join('"%s"' % z for z in zones)))
        if dns:
            f.write('resolver { servers = {"127.0.0.1:%d"} }\n' % dns.port)
    g.restart()
    pair = "%s:%s" % (name, g.token)
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode(), "Content-Type": "application/json"}


def credentials(p):
    return {"url": p.api_url, "api_key": p.api_key}


def integrate(g, p, **kw):
    """A fresh integration handle for PowerDNS."""
    body = {"provider": "powerdns", "credentials": credentials(p)}
    body.update(kw)
    status, answer = g.post("/make_integration", body)
    assert status == 200, (status, answer)
    return answer["integration_handle"]


def add(g, handle, fqdn, value, type="TXT", **kw):
    """(status, answer) of an add_record; keywords: mode, ttl, follow_cname, customer."""
    record = {"fqdn": fqdn, "type": type, "value": value}
    for key in ("mode", "ttl", "follow_cname"):
        if key in kw:
            record[key] = kw.pop(key)
    return g.post("/add_record", dict(integration_handle=handle, record=record, **kw))


def remove(g, handle, record_handle, **kw):
    """(status, answer); the receipt was looked at, which there is when a change was meant, and is left out."""
    status, answer = g.post("/remove_record", dict(integration_handle=handle, record_handle=record_handle, **kw))
    receipt = answer.pop("receipt", None)
    assert status == 200 or receipt is None, answer
    assert receipt is not None or not answer.get("removed"), answer
    if receipt is not None:
        assert receipt["index"] > 0 and len(receipt["leaf"]) == 64, receipt
    return status, answer


def added(g, handle, fqdn, value, **kw):
    """The record handle of an add that must succeed."""
    status, answer = add(g, handle, fqdn, value, **kw)
    assert status == 200, (status, answer)
    return answer["record_handle"]


def wake(g):
    """Need the roles that are started only when somebody needs them: for a server that is not there, and for a name."""
    nowhere = {"url": "http://127.0.0.1:1", "api_key": "nobody's"}
    status, answer = g.post("/make_integration", {"provider": "powerdns", "credentials": nowhere, "verify": False})
    if status == 200:
        handle = answer["integration_handle"]
        g.post("/get_zones", {"integration_handle": handle})
        add(g, handle, "_acme-challenge.wake.example", "v", follow_cname=True)


def everyone(g):
    """The gateway's pids(), each role's."""
    wake(g)
    pids = g.pids()
    assert len(pids) == 8, pids
    return pids


def refused(result, status, code, field=None):
    """The answer is that problem."""
    got, answer = result
    assert (got, answer.get("code")) == (status, code), result
    if field is not None:
        assert answer.get("field") == field, result
    return answer


def file_size_limit(pid, limit):
    """How far the process may write in a file from now on. Its own user may say so, root only with one capability more."""
    with open("/proc/%d/status" % pid) as f:
        uid = next(line for line in f if line.startswith("Uid:")).split()[1]
    subprocess.run(["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups",
                    "prlimit", "--pid", str(pid), "--fsize=%s:unlimited" % limit], check=True)


def together(fn, items, workers=64):
    """fn(item) for all items at once; the results in order."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(fn, items))


def txt(p, name):
    """The TXT values that DNS gives at a name, as bytes, sorted."""
    return sorted(p.txt(name))
