# SPDX-License-Identifier: ISC
"""Ten thousand requests: no role grows."""
import os

import tap
from common import add, gateway, integrate, pdns, remove, together
from servers import BINARY

ZONE = "soak.example"
P = pdns(ZONE)
ROUNDS = int(os.environ.get("SOAK_REQUESTS", "10000")) // 10


def private_kib(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(("Private_Clean", "Private_Dirty")))


def one_round(g, handle, n):
    """Ten requests: adds, removes, reads, refusals."""
    names = ["_acme-challenge.s%d-%d.%s" % (n, i, ZONE) for i in range(3)]
    handles = [add(g, handle, name, "soak")[1]["record_handle"] for name in names]
    assert g.post("/get_zones", {"integration_handle": handle})[0] == 200
    assert g.post("/inspect_handle", {"handle": handle})[0] == 200
    assert add(g, handle, "_dmarc." + ZONE, "x")[0] == 403
    assert g.post("/get_zones", {"integration_handle": "pti1_x"})[0] == 422
    for h in handles:
        assert remove(g, handle, h) == (200, {"removed": True})


def test_no_role_grows():
    with open(BINARY, "rb") as f:
        if b"__asan_init" in f.read():
            raise tap.Skip("AddressSanitizer keeps what was freed")
    with gateway() as g:
        handle = integrate(g, P)
        pids = g.pids()
        together(lambda n: one_round(g, handle, n), range(ROUNDS // 5), 8)  # pools and caches fill
        before = {name: private_kib(pid) for name, pid in pids.items()}
        together(lambda n: one_round(g, handle, n), range(ROUNDS), 8)
        after = {name: private_kib(pid) for name, pid in pids.items()}
        assert g.pids() == pids, "a role was restarted"
        print("# private KiB before and after: %s" % {n: (before[n], after[n]) for n in pids})
        for name in pids:
            assert after[name] - before[name] < 600, (name, before[name], after[name])


if __name__ == "__main__":
    tap.main(globals())
