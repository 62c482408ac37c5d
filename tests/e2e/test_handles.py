# SPDX-License-Identifier: ISC
"""What a handle lets one do, and what it does not."""
import base64

import handle_reader as inside
import tap
from common import add, added, credentials, gateway, gateway_of, integrate, pdns, refused, remove, together, txt
from openapi import check_answers
from servers import ROOT, wait_for

check_answers()

ZONE = "handles.example"
P = pdns(ZONE)


def test_found_changes_nothing():
    with gateway() as g:
        handle = integrate(g, P)
        name = "_acme-challenge.found." + ZONE
        first = added(g, handle, name, "v")
        serial = P.serial(ZONE)
        second = added(g, handle, name, "v")
        assert P.serial(ZONE) == serial, "the second add changed the zone"
        assert g.post("/inspect_handle", {"handle": first})[1]["found"] is False
        assert g.post("/inspect_handle", {"handle": second})[1]["found"] is True
        wait_for(lambda: [l["result"] for l in g.audit() if l["event"] == "add_record.outcome"] == ["ok", "found"], 5)
        # at _acme-challenge a replace would be allowed, so the found one may be removed too
        assert remove(g, handle, second) == (200, {"removed": True})
        assert txt(P, name) == []


def test_customers_own_record_stays():
    with gateway() as g:
        handle = integrate(g, P)
        name = "plain." + ZONE
        P.set_records(ZONE, name, "TXT", 300, ['"their own"'])
        rh = added(g, handle, name, "their own")
        assert remove(g, handle, rh) == (200, {"removed": False})
        assert txt(P, name) == [b"their own"]
        # but what we made there, we may remove
        rh = added(g, handle, name, "ours")
        assert remove(g, handle, rh) == (200, {"removed": True})
        assert txt(P, name) == [b"their own"]


def test_other_integration():
    with gateway() as g:
        one, two = integrate(g, P), integrate(g, P)
        name = "_acme-challenge.mismatch." + ZONE
        rh = added(g, one, name, "v")
        refused(remove(g, two, rh), 403, "handle_mismatch", "record_handle")
        assert txt(P, name) == [b"v"]
        assert remove(g, one, rh) == (200, {"removed": True})


def test_other_customer():
    with gateway() as g:
        a = integrate(g, P, customer="a")
        name = "_acme-challenge.customer." + ZONE
        rh = added(g, a, name, "v", customer="a")
        for customer in ("b", "A", "a ", "aa"):
            refused(add(g, a, name, "w", customer=customer), 422, "handle_invalid", "integration_handle")
            refused(g.post("/inspect_handle", {"handle": a, "customer": customer}), 422, "handle_invalid")
        refused(add(g, a, name, "w"), 422, "handle_invalid", "integration_handle")
        b = integrate(g, P, customer="b")
        refused(remove(g, b, rh, customer="b"), 422, "handle_invalid", "record_handle")
        assert txt(P, name) == [b"v"]
        # a handle made without a customer does not open for one
        n = integrate(g, P)
        refused(add(g, n, name, "w", customer="a"), 422, "handle_invalid")
        remove(g, a, rh, customer="a")


def test_type_confusion():
    with gateway() as g:
        handle = integrate(g, P)
        rh = added(g, handle, "_acme-challenge.kind." + ZONE, "v")
        refused(g.post("/get_zones", {"integration_handle": rh}), 422, "handle_invalid")
        refused(remove(g, handle, handle), 422, "handle_invalid", "record_handle")
        refused(remove(g, rh, rh), 422, "handle_invalid", "integration_handle")
        for swapped in ("ptr1_" + handle[5:], ):
            refused(remove(g, handle, swapped), 422, "handle_invalid")
        refused(g.post("/get_zones", {"integration_handle": "pti1_" + rh[5:]}), 422, "handle_invalid")
        remove(g, handle, rh)


def test_other_root_key():
    with gateway() as g, gateway() as other:
        handle = integrate(g, P)
        refused(other.post("/get_zones", {"integration_handle": handle}), 422, "handle_invalid")


def test_every_byte():
    with gateway() as g:
        handle = integrate(g, P)
        rh = added(g, handle, "_acme-challenge.byte." + ZONE, "v")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

        def changed(text, i):
            c = alphabet[(alphabet.find(text[i]) + 1) % 64]
            return text[:i] + c + text[i + 1:]

        bad = [changed(handle, i) for i in range(len(handle))]
        bad += [handle[:i] for i in range(0, len(handle), 7)] + [handle + c for c in "A=.\n "] + [" " + handle]
        for result in together(lambda h: g.post("/get_zones", {"integration_handle": h}), bad, 16):
            refused(result, 422, "handle_invalid", "integration_handle")
        for result in together(lambda i: remove(g, handle, changed(rh, i)), range(len(rh)), 16):
            refused(result, 422, "handle_invalid", "record_handle")
        assert remove(g, handle, rh) == (200, {"removed": True})


def test_nothing_readable_in_a_handle():
    with gateway() as g:
        handle = integrate(g, P, customer="visible-customer")
        raw = base64.urlsafe_b64decode(handle[5:] + "=" * (-len(handle[5:]) % 4))
        for word in (P.api_key, "visible-customer", "powerdns", P.api_url):
            assert word.encode() not in raw and word not in handle


def test_golden_by_a_second_reader():
    """tests/unit/seal_rig.h has what was sealed, and the key."""
    def golden(name):
        with open(ROOT + "/tests/vectors/golden/" + name) as f:
            return inside.read(f.read().strip(), b"root key A, thirty-two bytes lon", b"customer-42")

    integration, record, setup, delegated = (golden(n + ".txt") for n in ("integration", "record", "setup", "setup-delegated"))
    for fields in integration, record, setup, delegated:
        assert fields[inside.PROVIDER] == b"cloudflare" and int.from_bytes(fields[inside.CREATED], "big") == 1795572630
        assert fields[inside.INTEGRATION] == b"integration-id-\0"
    assert inside.elements(integration[inside.ZONES]) == [b"example.com", b"example.org"] and integration[inside.POLICY] == b"\2"
    assert inside.elements(integration[inside.CREDENTIALS]) == [b"api_token", b"s3cr3t-token"]
    assert [record[n] for n in range(inside.ZONE, inside.LOG_INDEX)] == [
        b"example.com", b"zone-id", b"_acme-challenge.example.com", b"\1", b'value"\\\1', b"\1", b"record-id", b"\1"]
    assert record[inside.LOG_INDEX] == bytes.fromhex("1122334455667788") and record[inside.LEAF].startswith(b"a leaf hash")
    assert setup[inside.WAY] == b"\0" and len(setup[inside.STATE]) == 32 and setup[inside.REDIRECT_URI] == b"https://app.example/back?x=1"
    assert delegated[inside.WAY] == b"\1" and delegated[inside.EXTERNAL_ID] == b"0123456789abcdef"


def test_ours_by_a_second_reader():
    with gateway_of('self_hosted { plain_http = {"127.0.0.1"} }\n') as g:
        with open(g.dir + "/a.key", "rb") as f:
            secret = f.read()
        handle = integrate(g, P, customer="customer-7", zones=[ZONE], policy="guarded")
        name = "_acme-challenge.second." + ZONE
        status, answer = add(g, handle, name, "v", customer="customer-7")
        assert status == 200, answer
        sealed, record = (inside.read(h, secret, b"customer-7") for h in (handle, answer["record_handle"]))
        pairs = iter(inside.elements(sealed[inside.CREDENTIALS]))
        assert {k.decode(): v.decode() for k, v in zip(pairs, pairs)} == {**credentials(P), "server_id": "localhost"}, "with what has a default"
        assert inside.elements(sealed[inside.ZONES]) == [ZONE.encode()] and sealed[inside.POLICY] == b"\1"
        assert record[inside.INTEGRATION] == sealed[inside.INTEGRATION] and record[inside.FQDN] == name.encode()
        assert (record[inside.VALUE], record[inside.FOUND]) == (b"v", b"\0")
        assert int.from_bytes(record[inside.LOG_INDEX], "big") == answer["receipt"]["index"]
        assert record[inside.LEAF].hex() == answer["receipt"]["leaf"]


def test_handles_outlive_a_restart():
    import tempfile
    with tempfile.TemporaryDirectory() as d:
        with gateway(state_dir=d) as g:
            handle = integrate(g, P)
            rh = added(g, handle, "_acme-challenge.restart." + ZONE, "v")
        with gateway(state_dir=d) as g:
            assert remove(g, handle, rh) == (200, {"removed": True})
            seqs = [l["seq"] for l in g.audit()]
            assert seqs == list(range(len(seqs))), "the log goes on where it stopped"


if __name__ == "__main__":
    tap.main(globals())
