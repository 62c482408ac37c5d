# SPDX-License-Identifier: ISC
"""Certificates from Pebble through `postern hook` when things are not as they should be: the gateway dies, the hook dies, names are delegated, servers are
others than PowerDNS. And what a thief finds on the host.
"""
import base64
import os
import signal
import threading

import tap
from acme_clients import Certbot, Dehydrated, DehydratedChained, HeldAfterChange, Lego, LegoRaw, acme_gateway, host, obtain, renew
from acme_servers import Pebble, pebble_of
from common import credentials, integrate, pdns, together
from dns_servers import Bind, Knot
from servers import FakeUpstream

CLIENTS = [Certbot, Dehydrated, DehydratedChained, Lego, LegoRaw]
ZONE, DELEGATED = "faults.example", "challenges.example"
P = pdns(ZONE, DELEGATED)


def pebble():
    return pebble_of(P, CLIENTS)


def nothing_left(h, zone=ZONE, p=P):
    assert p.all_txt(zone) == [] and h.entries() == [], (p.all_txt(zone), h.entries())
    done = h.hook("sweep", "--older-than", "0s", check=True)
    assert done.stdout == "", done


def test_gateway_killed():
    """In the middle of an issuance, with the record just made and the answer not given. It comes back; the hook has tried on, and the certificate is there."""
    pebble()
    for kind in Lego, Certbot:
        with acme_gateway(P) as g, HeldAfterChange(P) as upstream:
            with host(g, integrate(g, P, credentials={**credentials(P), "url": upstream.url})) as h:
                client, said = kind(h, pebble()), []
                thread = threading.Thread(target=lambda: said.append(client.try_obtain(ZONE, "*." + ZONE)))
                thread.start()
                assert upstream.holding.wait(60)
                assert len(P.all_txt(ZONE)) == 1
                g.now.kill()
                upstream.release()
                g.start()
                thread.join(170)
                assert said and said[0].returncode == 0, said
                assert client.pebble.names_of(client.file) == sorted([ZONE, "*." + ZONE])
                nothing_left(h)
            # The change of the one that was killed has an outcome too: nobody knows.
            outcomes = [line["result"] for line in g.audit() if line["event"] == "add_record.outcome"]
            assert outcomes.count("unknown") == 1 and outcomes.count("found") >= 1, outcomes


def test_client_killed():
    """With its hook, in the middle: `sweep` finds what it left, and the next try gets the certificate."""
    pebble()
    with acme_gateway(P) as g, HeldAfterChange(P) as upstream:
        with host(g, integrate(g, P, credentials={**credentials(P), "url": upstream.url})) as h:
            client = Lego(h, pebble())
            h.script("lego-hook", 'echo $$ >"%s/hook.pid"\nexec postern hook lego "$@"\n' % h.dir)
            thread = threading.Thread(target=client.try_obtain, args=(ZONE, "*." + ZONE))
            thread.start()
            assert upstream.holding.wait(60)
            assert len(P.all_txt(ZONE)) == 1
            h.script("lego-hook", "exit 1\n")
            with open(h.dir + "/hook.pid") as f:
                os.kill(int(f.read()), signal.SIGKILL)
            thread.join(170)
            upstream.release()
            assert [e["record_handles"] for e in h.entries()] == [[]] and len(P.all_txt(ZONE)) == 1
            assert h.hook("sweep", "--older-than", "0s", check=True).stdout == "removed _acme-challenge.%s\n" % ZONE
            client = Lego(h, pebble())
            obtain(client, ZONE, "*." + ZONE)
            nothing_left(h)


def test_cleanup_fails():
    """The certificates are there all the same, and `sweep` takes away what was left."""
    pebble()
    kinds = Certbot, Dehydrated, DehydratedChained, Lego
    with acme_gateway(P) as g, FakeUpstream(proxy=g.url) as between, host(g, integrate(g, P), url=between.url) as h:
        between.behave("status:500", "/remove_record")
        for kind in kinds:
            obtain(kind(h, pebble()), kind.__name__.lower() + "." + ZONE)
        assert len(h.entries()) == len(P.all_txt(ZONE)) == len(kinds), h.entries()
        between.behave("ok", "/remove_record")
        assert h.hook("sweep", "--older-than", "0s", check=True).stdout.count("removed ") == len(kinds)
        nothing_left(h)


def by_updates(kind):
    with kind(ZONE) as server, Pebble(server) as authority, acme_gateway(server) as g:
        key = server.sha256
        handle = integrate(g, P, provider="rfc2136", credentials={
            "server": "%s:%s" % (server.dns_host, server.dns_port), "zones": ZONE, "tsig_name": key.name, "tsig_algorithm": key.algorithm,
            "tsig_secret": key.secret})
        with host(g, handle) as h:
            obtain(Lego(h, authority), ZONE, "*." + ZONE)
            assert server.txt("_acme-challenge." + ZONE) == [] and h.entries() == []


def test_bind_and_knot():
    """By dynamic updates."""
    pebble()
    together(by_updates, [Bind, Knot])


def delegated(arguments):
    kind, g, handle = arguments
    name = "%s.%s" % (kind.__name__.lower(), ZONE)
    P.set_records(ZONE, "_acme-challenge." + name, "CNAME", 60, ["_acme-challenge.%s.%s." % (kind.__name__.lower(), DELEGATED)])
    with host(g, handle) as h:
        client = kind(h, pebble())
        obtain(client, name, "*." + name)
        renew(client)
        assert h.entries() == []
    P.set_records(ZONE, "_acme-challenge." + name, "CNAME", 60, [])


def test_delegated():
    """`_acme-challenge` is a CNAME into another zone, the only one that the handle is for."""
    pebble()
    with acme_gateway(P) as g:
        handle = integrate(g, P, zones=[DELEGATED])
        together(delegated, [(kind, g, handle) for kind in CLIENTS])
        assert P.all_txt(DELEGATED) == P.all_txt(ZONE) == []
        zones = {line["zone"] for line in g.audit() if line["event"] == "add_record.outcome"}
        assert zones == {DELEGATED}, zones


def forms(secret):
    """The ways in which a secret may stand somewhere."""
    for n in range(3):  # wherever it begins in a longer text, base64 has these characters in its midst
        yield base64.b64encode(b"x" * n + secret)[4 if n else 0:-4]
    yield from (secret, secret.hex().encode(), secret[::-1])


def test_nothing_else_on_the_host():
    """After all clients did their work: the provider's credential is nowhere, nor is anything of the gateway's; the handle and the token are where they were put,
    and nowhere else.
    """
    with acme_gateway(P) as g:
        handle = integrate(g, P, zones=[ZONE])
        with host(g, handle) as h:
            obtained = together(lambda kind: obtain(kind(h, pebble()), kind.__name__.lower() + "." + ZONE), [Certbot, Dehydrated, Lego])
            assert h.hook("add", "_acme-challenge.kept." + ZONE, "v").returncode == 0
            found = dict(h.files())
            assert len(found) > 20 and any("/state/" in path for path in found)
            found.update({"output %d" % n: (done.stdout + done.stderr).encode() for n, done in enumerate(obtained)})
            with open(g.dir + "/a.key", "rb") as f:
                root_key = f.read()
            for secret in P.api_key.encode(), root_key, g.token.encode():
                for form in forms(secret):
                    assert not [path for path, text in found.items() if form in text], form
            for secret, where in (handle, "/etc/handle"), (g.web, "/etc/token"):
                assert [path for path, text in found.items() if secret.encode() in text] == [h.dir + where]
            assert h.hook("remove", "_acme-challenge.kept." + ZONE, "v").returncode == 0
            nothing_left(h)


if __name__ == "__main__":
    tap.main(globals())
