# SPDX-License-Identifier: ISC
"""The log's tree and checkpoints, held against a verifier that is not ours: RFC 6962's own recursion, and openssl for the signatures."""
import base64
import contextlib
import datetime
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import tap
from common import add, added, gateway, gateway_of, integrate, pdns, remove, together
from servers import BINARY, wait_for

ZONE = "tlog.example"
P = pdns(ZONE)
ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: what stands before a public key


# ---- the other verifier ----

def sha256(b):
    return hashlib.sha256(b).digest()


def leaves_of(directory):
    """The lines' leaf hashes. A gap is void."""
    found = {}
    for name in sorted(n for n in os.listdir(directory) if n.endswith(".jsonl")):
        first = int(name[6:26])
        with open(os.path.join(directory, name), "rb") as f:
            for i, line in enumerate(f.read().split(b"\n")[:-1]):
                assert json.loads(line)["seq"] == first + i
                found[first + i] = sha256(b"\0" + line)
    return [found.get(i, sha256(b"\0")) for i in range(max(found) + 1)]


def root_of(leaves):
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"")
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:]))


def openssl_verifies(public, message, signature):
    with tempfile.TemporaryDirectory() as d:
        for name, data in (("key", ED25519_PREFIX + public), ("text", message), ("signature", signature)):
            with open(d + "/" + name, "wb") as f:
                f.write(data)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", d + "/key", "-rawin",
                               "-in", d + "/text", "-sigfile", d + "/signature"], capture_output=True).returncode == 0


def open_note(note, vkey):
    """(origin, size, root) of a checkpoint that VKEY has signed."""
    name, key_id, key = vkey.split("+", 2)
    public = base64.b64decode(key)[1:]
    assert sha256(name.encode() + b"\n\1" + public)[:4].hex() == key_id
    text, _, signatures = note.rpartition("\n\n")
    for line in signatures.splitlines():
        dash, signer, value = line.split(" ")
        raw = base64.b64decode(value)
        if (dash, signer, raw[:4].hex()) == ("—", name, key_id):
            assert openssl_verifies(public, (text + "\n").encode(), raw[4:])
            origin, size, root = text.split("\n")[:3]
            return origin, int(size), base64.b64decode(root)
    raise AssertionError("not signed by " + vkey)


def notes_of(directory):
    """The notes, each as it was signed: up to the line of its frontier."""
    with open(directory + "/checkpoints", encoding="utf-8") as f:
        rest = f.read()
    notes = []
    while "\nfrontier" in rest:
        note, _, rest = rest.partition("\nfrontier")
        notes.append(note + "\n")
        rest = rest.partition("\n\n")[2]
    return notes


def fold(leaf, index, size, proof):
    """The root that an inclusion proof leads to (RFC 6962 section 2.1.1, read from the leaf up)."""
    first, last, node = index, size - 1, leaf
    for h in proof:
        if first % 2 or first == last:
            node = sha256(b"\1" + h + node)
            while first % 2 == 0 and first:
                first, last = first // 2, last // 2
        else:
            node = sha256(b"\1" + node + h)
        first, last = first // 2, last // 2
    return node


# ---- postern's ----

def audit(*args):
    return subprocess.run([BINARY, "audit", *args], capture_output=True, text=True)


def keys(g):
    return [line["value"] for line in g.audit() if line["event"] == "checkpoint.key"]


def verify(directory, key, *more):
    return audit("verify", "--dir", directory, "--key", key, *more)


@contextlib.contextmanager
def used_log(n=5):
    """A log that a gateway has left: (its directory, its key, record handles, the root key's file)."""
    with gateway() as g:
        handle = integrate(g, P)
        answers = [add(g, handle, "_acme-challenge.t%d.%s" % (i, ZONE), "v")[1] for i in range(n)]
        handles = [a["record_handle"] for a in answers]
        for h in handles[:2]:
            remove(g, handle, h)
        lines = {line["seq"]: line for line in g.audit()}
        for i, a in enumerate(answers):
            line = lines[a["receipt"]["index"]]
            assert line["event"] == "add_record.intent" and line["fqdn"] == "_acme-challenge.t%d.%s" % (i, ZONE), line
        key = keys(g)[0]
        g.stop()
        yield g.audit_dir, key, handles, g.state_dir + "/root.key"


@contextlib.contextmanager
def changed(directory, change):
    """A copy in which the lines of the only segment are CHANGE(lines)."""
    with tempfile.TemporaryDirectory() as d:
        copy = shutil.copytree(directory, d + "/log")
        name = copy + "/" + next(n for n in os.listdir(copy) if n.endswith(".jsonl"))
        with open(name, "rb") as f:
            lines = f.read().splitlines(keepends=True)
        with open(name, "wb") as f:
            f.write(b"".join(change(list(lines))))
        yield copy


# ---- tests ----

def test_another_verifier_agrees():
    with used_log() as (directory, key, _, _):
        leaves, notes = leaves_of(directory), notes_of(directory)
        assert len(notes) >= 2
        for note in notes:
            origin, size, root = open_note(note, key)
            assert origin == "postern-dev" and root_of(leaves[:size]) == root, size
        # The last one, as postern gives it, covers everything.
        note = audit("checkpoint", "--dir", directory, "--key", key).stdout
        assert open_note(note, key)[1] == len(leaves) and note == notes[-1]
        done = verify(directory, key)
        assert done.returncode == 0 and "the last covers %d lines" % len(leaves) in done.stdout, done
        for index in range(len(leaves)):
            proof = json.loads(audit("prove", "--index", str(index), "--dir", directory, "--key", key).stdout)
            assert fold(leaves[index], index, proof["size"], [base64.b64decode(h) for h in proof["proof"]]) == root_of(leaves)
        proof = json.loads(audit("prove", "--old", "4", "--dir", directory, "--key", key).stdout)
        assert base64.b64decode(proof["root"]) == root_of(leaves) and proof["proof"], proof


def test_what_is_found():
    def flip(lines):
        lines[3] = lines[3].replace(b"20", b"21", 1)
        return lines

    cases = [(flip, 3), (lambda ls: ls[:4] + ls[5:], 4), (lambda ls: ls[:6] + [ls[5]] + ls[6:], 6),
             (lambda ls: ls[:2] + [ls[3], ls[2]] + ls[4:], 2), (lambda ls: ls[:-2], None), (lambda ls: ls[:7] + [b"{}\n"] + ls[8:], 7)]
    with used_log() as (directory, key, _, _):
        total = len(leaves_of(directory))
        for change, line in cases:
            with changed(directory, change) as copy:
                done = verify(copy, key)
                want = "BAD: line %d" % (total - 2 if line is None else line)
                assert done.returncode == 1 and done.stdout.startswith(want), (want, done.stdout)
        # Whoever has the key of somebody else believes nothing of it.
        with used_log(1) as (_, other, _, _):
            done = verify(directory, other)
            assert done.returncode == 1 and "not signed by a known key" in done.stdout, done


def test_receipts_and_older_checkpoints():
    """What the backend keeps anyway, and what an auditor kept, are witnesses."""
    with used_log() as (directory, key, handles, root_key), tempfile.TemporaryDirectory() as d:
        said = subprocess.run([BINARY, "inspect", handles[3], "--key", root_key], capture_output=True, text=True).stdout
        fields = dict(line.strip().split(": ", 1) for line in said.splitlines() if ": " in line)
        receipt = "%s:%s" % (fields["log_index"], fields["leaf_hash"])
        assert leaves_of(directory)[int(fields["log_index"])].hex() == fields["leaf_hash"]
        assert verify(directory, key, "--receipt", receipt).returncode == 0
        done = verify(directory, key, "--receipt", receipt.replace(":", ":00")[:len(receipt)])
        assert done.returncode == 1 and "BAD: line %s: not the line that the receipt" % fields["log_index"] in done.stdout, done
        kept = d + "/kept"
        with open(kept, "w", encoding="utf-8") as f:
            f.write(audit("checkpoint", "--dir", directory, "--key", key).stdout)
        assert verify(directory, key, "--since", kept).returncode == 0
        # Everything as it was some time ago, checkpoints too: signed, and shorter than what was kept.
        old = shutil.copytree(directory, d + "/old")
        size = open_note(notes_of(directory)[0], key)[1]
        with open(old + "/checkpoints", encoding="utf-8") as f:
            first = f.read().partition("\nfrontier")
        with open(old + "/checkpoints", "w", encoding="utf-8") as f:
            f.write(first[0] + first[1] + first[2].partition("\n\n")[0] + "\n\n")
        with changed(old, lambda ls: ls[:size]) as copy:
            assert verify(copy, key).returncode == 0
            for witness in ("--since", kept), ("--receipt", receipt):
                done = verify(copy, key, *witness)
                assert done.returncode == 1 and "missing" in done.stdout, done


def signed(text):
    """(lines, root) of each checkpoint that standard error names."""
    return [(int(n), root) for n, root in re.findall(r"signed: (\d+) lines, root ([0-9a-f]{64})", text)]


def test_cut_checkpoints():
    """Whoever takes checkpoints away and changes what they covered is found out; after a start too, for the log says that there was a gap."""
    with tempfile.TemporaryDirectory() as state:
        os.chmod(state, 0o755)
        with gateway(state_dir=state) as g:
            handle, key = integrate(g, P), keys(g)[0]
            for i in range(5):
                add(g, handle, "_acme-challenge.c%d.%s" % (i, ZONE), "v")
            g.stop()
            notes = notes_of(g.audit_dir)
            told = signed(g.stderr_text())
            assert told == [(n, r.hex()) for _, n, r in (open_note(note, key) for note in (notes[0], notes[-1]))], told
        log = state + "/audit"
        covered, total = open_note(notes[0], key)[1], len(leaves_of(log))
        with open(log + "/checkpoints", encoding="utf-8") as f:
            first, mark, rest = f.read().partition("\nfrontier")
        with open(log + "/checkpoints", "w", encoding="utf-8") as f:
            f.write(first + mark + rest.partition("\n\n")[0] + "\n\n")
        name = next(n for n in os.listdir(log) if n.endswith(".jsonl"))
        with open(log + "/" + name, encoding="utf-8") as f:
            lines = f.read().splitlines(keepends=True)
        # They are from half an hour, and not what was signed.
        ago = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        lines[covered] = re.sub(r'"time":"[^"]*"', '"time":"%s"' % ago, lines[covered]).replace('"all"', '"nobody"')
        with open(log + "/" + name, "w", encoding="utf-8") as f:
            f.writelines(lines)
        os.unlink(log + "/leaves")
        done = verify(log, key)
        assert done.returncode == 1 and done.stdout.startswith("BAD: line %d, or one up to %d: no checkpoint covers" % (covered, total - 1)), done
        with gateway(state_dir=state) as g:
            gap = "lines %d to %d had no checkpoint" % (covered, total - 1)
            assert [line["value"] for line in g.audit() if line["event"] == "checkpoint.gap"] == [gap]
            assert "%d lines of the log, %d to %d, had no checkpoint" % (total - covered, covered, total - 1) in g.stderr_text()
            g.stop()
        with gateway(state_dir=state) as g:
            assert "had no checkpoint" not in g.stderr_text()
            g.stop()
        done = verify(log, key)
        assert done.returncode == 0 and "; 1 gaps in the checkpoints" in done.stdout and "says: " + gap in done.stdout, done


def test_what_is_no_line():
    """A torn end is a note; bytes at the end of an older segment are bad; void lines are marked."""
    with used_log(1) as (directory, key, _, _):
        with changed(directory, lambda ls: ls + [b'{"seq":']) as copy:
            done = verify(copy, key)
            assert done.returncode == 0 and "note: the log ends in 7 bytes that are no line yet" in done.stdout, done
        with changed(directory, lambda ls: ls + [b"\0forged"]) as copy:
            done = verify(copy, key)
            assert done.returncode == 0 and "note: the log ends in 7 bytes" in done.stdout, done
        total = len(leaves_of(directory))
        opening = json.dumps({"seq": total + 2, "time": "2040-01-01T00:00:00.000000Z", "event": "log.open", "value": "unresolved 0 from seq 0; void from seq %d" % total,
                              "duration_ms": None}, separators=(",", ":")).encode() + b"\n"
        forged = b'{"seq":%d,"time":"2040-01-01T00:00:00.000000Z","event":"forged.outcome","duration_ms":null}\n' % total
        with changed(directory, lambda ls: ls + [forged]) as copy:
            with open(copy + "/audit-%020d.jsonl" % (total + 2), "wb") as f:
                f.write(opening)
            done = verify(copy, key)
            assert done.returncode == 0 and "note: lines %d to %d are void" % (total, total + 1) in done.stdout, done
            shown = audit("show", "--dir", copy)
            assert "VOID 2040-01-01T00:00:00.000000Z forged.outcome\n" in shown.stdout, shown
            shown = audit("show", "--dir", copy, "--json")
            assert "forged" not in shown.stdout and "left out: its number is void" in shown.stderr, shown
            with open(copy + "/audit-%020d.jsonl" % (total + 3), "wb") as f:
                f.write(opening.replace(b'"seq":%d' % (total + 2), b'"seq":%d' % (total + 3)).replace(b"; void from seq %d" % total, b""))
            with open(copy + "/audit-%020d.jsonl" % (total + 2), "ab") as f:
                f.write(b"forged")
            done = verify(copy, key)
            assert done.returncode == 1 and "bytes that are no line" in done.stdout, done


def test_proof_of_a_changed_log():
    """There is none, with exit 1; and what nobody signed is called so."""
    with used_log() as (directory, key, _, _):
        sizes = [open_note(note, key)[1] for note in notes_of(directory)]
        args = ["--index", "0", "--key", key]
        for size in sizes:
            done = audit("prove", "--dir", directory, "--size", str(size), *args)
            assert done.returncode == 0 and not done.stderr, done
        done = audit("prove", "--dir", directory, "--size", str(sizes[-1] - 1), *args)
        assert done.returncode == 0 and "not signed" in done.stderr and json.loads(done.stdout), done
        with changed(directory, lambda ls: [ls[0].replace(b"20", b"21", 1)] + ls[1:]) as copy:
            for more in [], ["--size", str(sizes[0])], ["--size", str(sizes[-1])]:
                done = audit("prove", "--dir", copy, *more, *args)
                assert done.returncode == 1 and not done.stdout and "not those that were signed" in done.stderr, done
        with changed(directory, lambda ls: ls[:-1]) as copy:
            done = audit("prove", "--dir", copy, *args)
            assert done.returncode == 1 and "not those that were signed" in done.stderr, done


def test_pipes_keep_nobody_waiting():
    with used_log(1) as (directory, key, _, _), tempfile.TemporaryDirectory() as d:
        os.mkfifo(d + "/pipe")
        done = verify(directory, key, "--since", d + "/pipe")
        assert done.returncode == 3 and "this is no file" in done.stderr, done
        with changed(directory, lambda ls: ls) as copy:
            os.unlink(copy + "/leaves")
            os.mkfifo(copy + "/leaves")
            done = verify(copy, key)
            assert done.returncode == 0 and "note: leaves cannot be read" in done.stdout, done
            os.unlink(copy + "/checkpoints")
            os.mkfifo(copy + "/checkpoints")
            for command in ["verify"], ["checkpoint"], ["prove", "--index", "1"]:
                done = audit(*command, "--dir", copy, "--key", key)
                assert done.returncode == 3 and "no file" in done.stderr, done


def test_moved_away():
    """Older segments need not be there for a start, nor for a verifier that is told so."""
    section = 'self_hosted {{ plain_http = {{"127.0.0.0/8"}} }}\naudit {{ origin = "x.example/log" checkpoint_keys = {{"{key}"}} segment_size = 1 }}\n'
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        subprocess.run([BINARY, "keygen", d + "/key"], check=True, capture_output=True)
        with gateway_of(section.format(key=d + "/key")) as g:
            handle, key = integrate(g, P), keys(g)[0]

            def segments():
                return sorted(n for n in os.listdir(g.audit_dir) if n.endswith(".jsonl"))
            while len(segments()) < 2:
                together(lambda _: g.post("/get_zones", {"integration_handle": handle}), range(100), workers=8)
            old = segments()[0]
            os.kill(g.pids()["postern-scribe"], signal.SIGKILL)
            wait_for(lambda: len(notes_of(g.audit_dir)) > 1)
            os.rename(g.audit_dir + "/" + old, d + "/" + old)
            os.kill(g.pids()["postern-scribe"], signal.SIGKILL)
            wait_for(lambda: g.get("/readyz")[0] == 200)
            g.post("/get_zones", {"integration_handle": handle})
            g.stop()
            assert "had no checkpoint" not in g.stderr_text()
            assert verify(g.audit_dir, key).returncode == 1
            begin = str(int(segments()[0][6:26]))
            done = verify(g.audit_dir, key, "--from", begin)
            assert done.returncode == 0 and "were not looked at" in done.stdout, done
            os.rename(d + "/" + old, g.audit_dir + "/" + old)
            assert verify(g.audit_dir, key).returncode == 0


def test_kill_9_under_load():
    """Of the scribe, and of everything: what was signed stays true, and the tree goes on."""
    with tempfile.TemporaryDirectory() as state:
        os.chmod(state, 0o755)
        for turn in range(3):
            with gateway(state_dir=state) as g:
                handle, key = integrate(g, P), keys(g)[-1]
                pids = g.pids()

                def one(i):
                    if i == 20:
                        os.kill(pids["postern-scribe"], signal.SIGKILL)
                    with contextlib.suppress(OSError):
                        add(g, handle, "_acme-challenge.k%d-%d.%s" % (turn, i, ZONE), "v")

                together(one, range(60), workers=8)
                wait_for(lambda: g.get("/readyz")[0] == 200)
                assert add(g, handle, "_acme-challenge.after%d.%s" % (turn, ZONE), "v")[0] == 200
                if turn < 2:
                    os.kill(g.pid, signal.SIGKILL)
                else:
                    g.stop()
        done = verify(state + "/audit", key)
        assert done.returncode == 0, done
        leaves, notes = leaves_of(state + "/audit"), notes_of(state + "/audit")
        for note in notes:
            _, size, root = open_note(note, key)
            assert root_of(leaves[:size]) == root


def test_keys_take_turns():
    """Two sign for a while; `audit keys` has them as verifiers want them."""
    section = 'self_hosted {{ plain_http = {{"127.0.0.0/8"}} }}\naudit {{ origin = "gateway.example/audit" checkpoint_keys = {{{keys}}} }}\n'
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        for name in "one", "two":
            subprocess.run([BINARY, "keygen", d + "/" + name], check=True, capture_output=True)
        config = section.format(keys=", ".join('"%s/%s"' % (d, n) for n in ("one", "two")))
        with gateway_of(config) as g:
            config_file = g.dir + "/postern.conf"
            printed = audit("keys", "--config", config_file).stdout.split()
            assert len(printed) == 2 and printed == keys(g) and all(k.startswith("gateway.example/audit+") for k in printed)
            handle = integrate(g, P)
            record = added(g, handle, "_acme-challenge.keys." + ZONE, "v")
            g.stop()
            for key in printed:
                assert verify(g.audit_dir, key).returncode == 0
            done = audit("verify", "--config", config_file, "--receipt", record)
            assert done.returncode == 0, done


if __name__ == "__main__":
    tap.main(globals())
