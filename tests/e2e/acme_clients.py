# SPDX-License-Identifier: ISC
"""What ACME tests share: a machine that has a handle, a token and a URL, the ACME clients on it, and the gateway that it calls."""
import contextlib
import json
import os
import subprocess
import tempfile

from common import Configured, configured, make_token
from servers import BINARY, FakeUpstream, free_port

HERE = 'self_hosted { allow = {"127.0.0.1"} plain_http = {"127.0.0.1"} }\n'


def write(path, text, mode=0o600):
    """As a whole, whatever its mode was."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(text)
    os.chmod(path, mode)


class Gateway(Configured):
    """The gateway, with a second caller whose token, .web, may add, remove and check records; at one address for good."""


@contextlib.contextmanager
def acme_gateway(dns=None, more=""):
    """DNS: the server that it asks for CNAMEs. MORE: of its configuration."""
    section = HERE + more
    if dns:
        section += 'resolver { servers = {"%s:%s"} allow = {"127.0.0.0/8"} }\n' % (dns.dns_host, dns.dns_port)
    admin, admin_line = make_token()
    web, web_line = make_token("web", "add_record,remove_record,check_record")
    with configured(section, admin_line + "\n" + web_line) as d:
        with open(d + "/postern.conf") as f:
            text = f.read()
        write(d + "/postern.conf", text.replace("127.0.0.1:0", "127.0.0.1:%d" % free_port()))
        g = Gateway(d, admin)
        g.web = web
        try:
            yield g
        finally:
            g.stop()


class HeldAfterChange(FakeUpstream):
    """In front of PowerDNS: the first change that it has made sets .holding, and is answered after .release()."""

    def __init__(self, p):
        super().__init__(proxy=p.api_url)

    def answer(self, request):
        answer = super().answer(request)
        if request.method == "PATCH" and answer[0] == 204 and not self.holding.is_set():
            self.holding.set()
            self.hold()
        return answer


class Host:
    """A machine with what its administrator was given: DIR/etc/hook.conf, token, handle. State and the clients' files are below DIR too."""

    def __init__(self, url, token, handle, **settings):
        self.temporary = tempfile.TemporaryDirectory(prefix="postern-host-")
        self.dir = d = self.temporary.name
        for name in "etc", "bin", "state":
            os.mkdir(d + "/" + name, 0o700)
        os.symlink(BINARY, d + "/bin/postern")
        write(d + "/etc/token", token + "\n")
        write(d + "/etc/handle", handle + "\n")
        self.state = d + "/state"
        self.settings = {"url": url, "token_file": d + "/etc/token", "handle_file": d + "/etc/handle", "state_dir": self.state, **settings}
        self.config = d + "/etc/hook.conf"
        self.configure()
        self.env = {"PATH": d + "/bin:" + os.environ["PATH"], "HOME": d, "POSTERN_HOOK_CONFIG": self.config, "LC_ALL": "C.UTF-8"}

    def configure(self, **settings):
        self.settings.update(settings)
        write(self.config, "".join('%s = "%s"\n' % kv for kv in self.settings.items() if kv[1] is not None))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.temporary.cleanup()

    def run(self, *args, env=None, check=False, timeout=170):
        done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.dir, timeout=timeout,
                              env={**self.env, **(env or {})})
        assert not check or done.returncode == 0, done
        return done

    def hook(self, *args, **kw):
        return self.run("postern", "hook", *args, **kw)

    def start_hook(self, *args):
        return subprocess.Popen(["postern", "hook", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, cwd=self.dir, env=self.env)

    def entries(self):
        """What is kept, parsed."""
        found = []
        for name in sorted(os.listdir(self.state)):
            if name.endswith(".json"):
                with open(self.state + "/" + name) as f:
                    found.append(json.load(f))
        return found

    def files(self):
        """(path, content) of all there is, the links followed."""
        for folder, _, names in os.walk(self.dir):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.realpath(path) != os.path.realpath(BINARY):
                    with open(path, "rb") as f:
                        yield path, f.read()

    def script(self, name, text):
        path = "%s/bin/%s" % (self.dir, name)
        write(path, "#!/bin/sh\n" + text, 0o755)
        return path


# ---- the clients ----
# Each: obtain(*names) and renew() give the file that has the certificate and its chain.

class Certbot:
    NEEDS = "certbot"

    def __init__(self, host, pebble):
        self.host, self.pebble, self.dir = host, pebble, host.dir + "/certbot"
        self.common = ["--config-dir", self.dir, "--work-dir", self.dir + "/work", "--logs-dir", self.dir + "/logs"]

    def certbot(self, *args):
        return self.host.run("certbot", *args, *self.common, env=self.pebble.trust)

    def try_obtain(self, *names):
        self.file = "%s/live/%s/fullchain.pem" % (self.dir, names[0].replace("*.", ""))
        return self.certbot("certonly", "--non-interactive", "--agree-tos", "--register-unsafely-without-email", "--server", self.pebble.url,
                            "--cert-name", names[0].replace("*.", ""), "--manual", "--preferred-challenges", "dns",
                            "--manual-auth-hook", "postern hook certbot auth", "--manual-cleanup-hook", "postern hook certbot cleanup",
                            *[a for n in names for a in ("-d", n)])

    def try_renew(self):
        return self.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew")


class Dehydrated:
    NEEDS = "dehydrated"
    CHAIN = "no"

    def __init__(self, host, pebble):
        self.host, self.pebble, self.dir = host, pebble, host.dir + "/dehydrated-" + self.CHAIN
        os.mkdir(self.dir)
        hook = host.script("dehydrated-hook", 'exec postern hook dehydrated "$@"\n')
        write(self.dir + "/config", 'CA="%s"\nCHALLENGETYPE="dns-01"\nHOOK="%s"\nHOOK_CHAIN="%s"\nBASEDIR="%s"\nKEY_ALGO=prime256v1\n' % (
            pebble.url, hook, self.CHAIN, self.dir))
        self.registered = False

    def dehydrated(self, *args):
        return self.host.run("dehydrated", *args, "--config", self.dir + "/config", env=self.pebble.trust)

    def try_obtain(self, *names, force=()):
        if not self.registered:
            done = self.dehydrated("--register", "--accept-terms")
            assert done.returncode == 0, done
            self.registered = True
        self.names, alias = names, names[0].replace("*.", "")
        self.file = "%s/certs/%s/fullchain.pem" % (self.dir, alias)
        return self.dehydrated("--cron", "--alias", alias, "-d", " ".join(names), *force)

    def try_renew(self):
        return self.try_obtain(*self.names, force=["--force"])


class DehydratedChained(Dehydrated):
    CHAIN = "yes"


class Lego:
    """With the exec provider."""
    NEEDS = "lego"
    MODE = ""

    def __init__(self, host, pebble):
        self.host, self.pebble, self.dir = host, pebble, host.dir + "/lego" + self.MODE
        self.env = {"EXEC_PATH": host.script("lego-hook", 'exec postern hook lego "$@"\n'), "EXEC_MODE": self.MODE}
        self.env["EXEC_SEQUENCE_INTERVAL"] = "1"  # it would wait a minute between one challenge and the next

    def lego(self, *command):
        return self.host.run("lego", "--server", self.pebble.url, "--email", "admin@acme.example", "--accept-tos", "--path", self.dir,
                             "--dns", "exec", "--dns.disable-cp", *[a for n in self.names for a in ("-d", n)], *command,
                             env={**self.pebble.trust, **self.env})

    def try_obtain(self, *names):
        self.names = names
        self.file = "%s/certificates/%s.crt" % (self.dir, names[0].replace("*", "_"))
        return self.lego("run")

    def try_renew(self):
        return self.lego("renew", "--days", "100000", "--no-random-sleep")


class LegoRaw(Lego):
    MODE = "RAW"


def obtain(client, *names):
    """The certificate is there, verified, for these names. What the client said."""
    done = client.try_obtain(*names)
    assert done.returncode == 0, done
    assert client.pebble.names_of(client.file) == sorted(names), client.pebble.names_of(client.file)
    return done


def renew(client):
    """Another one is there, for the same names."""
    names, serial = client.pebble.names_of(client.file), client.pebble.serial_of(client.file)
    done = client.try_renew()
    assert done.returncode == 0, done
    assert client.pebble.names_of(client.file) == names and client.pebble.serial_of(client.file) != serial, done
    return done


@contextlib.contextmanager
def host(g, handle, **settings):
    with Host(settings.pop("url", g.url), g.web, handle, **settings) as h:
        yield h
