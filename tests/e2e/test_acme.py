# SPDX-License-Identifier: ISC
"""certbot, dehydrated and lego get certificates from Pebble, in strict mode, through `postern hook`, the gateway and a real PowerDNS."""
import tap
from acme_clients import Certbot, Dehydrated, DehydratedChained, Lego, LegoRaw, acme_gateway, host, obtain, renew
from acme_servers import pebble_of
from common import integrate, pdns, together

CLIENTS = [Certbot, Dehydrated, DehydratedChained, Lego, LegoRaw]
ZONE = "acme.example"
P = pdns(ZONE)


def pebble():
    return pebble_of(P, CLIENTS)


def clean(h, below, p=P, zone=ZONE):
    """Nothing is left at and below that name in DNS, or on the host."""
    left = [record for record in p.all_txt(zone) if record[0].endswith("." + below)]
    assert left == [] and h.entries() == [], (left, h.entries())


def with_each_client(scenario, kinds=CLIENTS):
    """SCENARIO(client, a name for it alone), all at once, each on a host of its own; one gateway for all."""
    def run(kind):
        below = "%s.%s" % (kind.__name__.lower(), ZONE)
        with host(g, handle, customer="customer-1") as h:
            scenario(kind(h, pebble()), below)
            clean(h, below)

    pebble()
    with acme_gateway(P) as g:
        handle = integrate(g, P, zones=[ZONE], customer="customer-1")
        together(run, kinds)


def one_name(client, below):
    obtain(client, "www." + below)
    renew(client)


def test_one_name():
    with_each_client(one_name)


def wildcard(client, below):
    obtain(client, below, "*." + below)
    renew(client)


def test_wildcard_and_apex():
    """Two values at one name."""
    with_each_client(wildcard)


def ten_names(client, below):
    obtain(client, *["n%d.%s" % (n, below) for n in range(10)])


def test_ten_names():
    with_each_client(ten_names, [Certbot, DehydratedChained, Lego])


def parallel(job):
    kind, names, g, handle = job
    with host(g, handle) as h:
        obtain(kind(h, pebble()), *names)
        assert h.entries() == []


def test_ten_clients_at_once():
    """Each a host of its own; five at one name and five at another, most with two values. Eight values are what a name may have here:
    Pebble asks by UDP without EDNS, and takes an answer cut short (RFC 1035, 4.2.1) for one that says there is nothing."""
    with acme_gateway(P) as g:
        handle = integrate(g, P)
        pebble()
        orders = [[name, "*." + name] if n < 3 else [name] for name in (ZONE, "b." + ZONE) for n in range(len(CLIENTS))]
        together(parallel, [(kind, names, g, handle) for kind, names in zip(2 * CLIENTS, orders)])
        assert P.all_txt(ZONE) == [], P.all_txt(ZONE)


if __name__ == "__main__":
    tap.main(globals())
