# SPDX-License-Identifier: ISC
"""certbot, dehydrated and lego get certificates from Pebble, in strict mode, through `postern hook`, the gateway and a real PowerDNS."""
import atexit

import tap
from acme_clients import Certbot, Dehydrated, DehydratedChained, Lego, LegoRaw, acme_gateway, host, obtain, renew
from acme_servers import Pebble, installed
from common import integrate, pdns, together

CLIENTS = [Certbot, Dehydrated, DehydratedChained, Lego, LegoRaw]
ZONE = "acme.example"
P = pdns(ZONE)
_pebble = None


def pebble():
    global _pebble
    missing = installed("pebble", *{c.NEEDS for c in CLIENTS})
    if missing:
        raise tap.Skip(missing)
    if _pebble is None:
        _pebble = Pebble(P)
        atexit.register(_pebble.stop)
    return _pebble


def clean(h, p=P, zone=ZONE):
    """Nothing is left, in DNS or on the host."""
    assert p.all_txt(zone) == [] and h.entries() == [], (p.all_txt(zone), h.entries())
    h.hook("sweep", "--older-than", "0s", check=True)


def with_client(scenario):
    """SCENARIO(client) with each client, on a host of its own, and one gateway for all."""
    with acme_gateway() as g:
        handle = integrate(g, P, zones=[ZONE], customer="customer-1")
        for kind in CLIENTS:
            print("# with", kind.__name__, flush=True)
            with host(g, handle, customer="customer-1") as h:
                scenario(kind(h, pebble()))
                clean(h)


def one_name(client):
    obtain(client, "www." + ZONE)
    renew(client)


def test_one_name():
    with_client(one_name)


def wildcard(client):
    obtain(client, ZONE, "*." + ZONE)
    renew(client)


def test_wildcard_and_apex():
    """Two values at one name."""
    with_client(wildcard)


def ten_names(client):
    obtain(client, *["n%d.%s" % (n, ZONE) for n in range(10)])


def test_ten_names():
    with_client(ten_names)


def parallel(kind):
    kind, g, handle = kind
    with host(g, handle) as h:
        client = kind(h, pebble())
        obtain(client, ZONE, "*." + ZONE)
        assert h.entries() == []


def test_ten_clients_at_once():
    """Each a host of its own; all at one name, with two values each."""
    with acme_gateway() as g:
        handle = integrate(g, P)
        pebble()
        together(parallel, [(kind, g, handle) for kind in 2 * CLIENTS])
        assert P.all_txt(ZONE) == [], P.all_txt(ZONE)


if __name__ == "__main__":
    tap.main(globals())
