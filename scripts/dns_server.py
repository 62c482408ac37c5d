# SPDX-License-Identifier: ISC
"""What scripts/bind and scripts/knot share: a DNS server with keys for dynamic updates on a free loopback port, or on port 53 of given addresses."""
import base64
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time

ATTEMPTS = 5  # a port found free may be taken by another before the server binds it
SECONDS = 15

# Each may update every zone that is open. Name: algorithm, bytes of the secret.
KEYS = {"postern-sha256": ("hmac-sha256", 32), "postern-sha512": ("hmac-sha512", 64)}

ZONE = """\
$ORIGIN {zone}.
@ 60 IN SOA ns1 hostmaster 1 3600 600 86400 5
@ 60 IN NS ns1
ns1 60 IN A 127.0.0.1
"""


def free_port():
    """Of 127.0.0.1, free for UDP as for TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


def serves(address, port, zone):
    """An authoritative answer to a question for the zone's SOA."""
    name = b"".join(struct.pack("B", len(label)) + label for label in zone.encode().split(b".")) + b"\0"
    question = struct.pack("!6H", 1, 0, 1, 0, 0, 0) + name + struct.pack("!2H", 6, 1)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(0.5)
        try:
            udp.connect((address, port))
            udp.send(question)
            answer = udp.recv(4096)
        except OSError:
            return False
    flags, _, count = struct.unpack_from("!3H", answer, 2)
    return flags & 0x0400 and flags & 0xf == 0 and count == 1


class Server:
    """NAME is the script's; COMMAND runs in the foreground and takes the path of its configuration last."""

    def __init__(self, name, package, command, config):
        self.name, self.package, self.command, self.config = name, package, command, config
        self.at = ["127.0.0.1"]
        self.port = None

    def die(self, text):
        sys.exit("%s: %s" % (self.name, text))

    def path(self, suffix):
        return "%s/%s.%s" % (self.dir, self.name, suffix)

    def zone_file(self, zone):
        return self.path("zone." + zone)

    def launch(self, keys, zones, closed):
        """(process, port) once it serves all zones; None when it ended before."""
        port = self.port or free_port()
        with open(self.path("conf"), "w") as f:
            f.write(self.config(self, port, keys, zones, closed))
        with open(self.path("log"), "a") as log:
            process = subprocess.Popen([*self.command, self.path("conf")], stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=log, start_new_session=True)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and process.poll() is None:
            if all(serves(address, port, zone) for zone in zones + closed for address in self.at):
                return process, port
            time.sleep(0.02)
        process.kill()
        process.wait()
        return None

    def start(self, zones, closed):
        os.umask(0o077)
        os.makedirs(self.dir, exist_ok=True)
        if os.path.exists(self.path("conf")):
            self.die(self.dir + " is in use already")
        keys = {name: (algorithm, base64.b64encode(secrets.token_bytes(size)).decode())
                for name, (algorithm, size) in KEYS.items()}
        for zone in zones + closed:
            with open(self.zone_file(zone), "w") as f:
                f.write(ZONE.format(zone=zone))
        try:
            started = next(filter(None, (self.launch(keys, zones, closed) for _ in range(ATTEMPTS))), None)
        except FileNotFoundError:
            self.die("needs the Debian package " + self.package)
        if started is None:
            with open(self.path("log")) as f:
                sys.stderr.write(f.read()[-2000:])
            self.die("the server did not come up (its log is above)")
        process, port = started
        with open(self.path("process"), "w") as f:
            f.write("%d\n" % process.pid)
        values = {"DNS": "%s:%d" % (self.at[0], port), "PID": process.pid}
        for name, (algorithm, secret) in keys.items():
            kind = algorithm[len("hmac-"):].upper()
            values["KEY_%s_NAME" % kind], values["KEY_%s_SECRET" % kind] = name, secret
        for key, value in values.items():
            print("%s_%s=%s" % (self.name.upper(), key, value))

    def is_ours(self, pid):
        """Still the process that we started, and not one that was given its number afterwards?"""
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                return self.path("conf").encode() in f.read().split(b"\0")
        except OSError:
            return False

    def stop(self):
        try:
            with open(self.path("process")) as f:
                pid = int(f.read())
        except FileNotFoundError:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            end = time.monotonic() + 5
            if self.is_ours(pid):
                os.kill(pid, number)
            while self.is_ours(pid) and time.monotonic() < end:
                time.sleep(0.01)
        os.unlink(self.path("process"))

    def main(self, usage):
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        args = sys.argv[1:]
        if len(args) < 2 or args[0] not in ("start", "stop"):
            sys.exit(usage)
        self.dir = os.path.abspath(args[1])
        if args[0] == "stop":
            self.stop()
            return
        zones = args[2:]
        if zones[:1] == ["--at"]:
            self.at, self.port, zones = zones[1].split(","), 53, zones[2:]
        closed = [zones.pop(i + 1) for i in reversed(range(len(zones) - 1)) if zones[i] == "--closed"]
        self.start([z for z in zones if z != "--closed"], closed)
