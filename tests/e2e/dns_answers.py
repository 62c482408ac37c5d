# SPDX-License-Identifier: ISC
"""A DNS server that answers whatever the test wants, and a network in which every address leads to the test."""
import atexit
import contextlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

import tap

A, NS, CNAME, TXT, AAAA = 1, 2, 5, 16, 28
SERVFAIL, NXDOMAIN = 2, 3
NAMESERVER = "127.0.0.53"


# ---- a network of the test's own ----

def enter_network(hosts):
    """
    The program runs again in namespaces of its own, where every address there is belongs to this machine (though connections to it do not come
    from it), the name server is NAMESERVER, and HOSTS is the hosts file. Where that cannot be, nothing happens: see need_network().
    """
    if "POSTERN_TEST_NETWORK" not in os.environ:
        if os.geteuid() == 0 and not subprocess.run(["unshare", "-n", "-m", "true"], stderr=subprocess.DEVNULL).returncode:
            os.environ["POSTERN_TEST_NETWORK"] = "1"
            os.execvp("unshare", ["unshare", "-n", "-m", sys.executable, *sys.argv])
        return
    directory = tempfile.mkdtemp(prefix="postern-net-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    os.chmod(directory, 0o755)
    files = {"hosts": hosts, "resolv.conf": "nameserver %s\n" % NAMESERVER}
    commands = ["ip link set lo up", "ip route add local default dev lo src 127.0.0.1",
                "ip -6 route add local default dev lo src ::1"]
    for name, text in files.items():
        with open("%s/%s" % (directory, name), "w") as f:
            f.write(text)
        commands.append("mount --bind %s/%s /etc/%s" % (directory, name, name))
    for command in commands:
        subprocess.run(command.split(), check=True)


def need_network():
    if "POSTERN_TEST_NETWORK" not in os.environ:
        raise tap.Skip("needs root, and may make namespaces")


# ---- names ----

def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"


def record(owner, rtype, data, ttl=0):
    """OWNER None: the name that was asked for."""
    if rtype in (A, AAAA):
        data = socket.inet_pton(socket.AF_INET if rtype == A else socket.AF_INET6, data)
    elif rtype in (CNAME, NS):
        data = wire_name(data)
    return (b"\xc0\x0c" if owner is None else wire_name(owner)) + struct.pack("!HHIH", rtype, 1, ttl, len(data)) + data


class Question:
    def __init__(self, message, tcp):
        self.message, self.tcp, labels, at = message, tcp, [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode().lower())
            at += 1 + message[at]
        self.name, self.type, self.end = ".".join(labels), struct.unpack_from("!H", message, at + 1)[0], at + 5

    def answer(self, *records, rcode=0, truncated=False):
        flags = 0x8180 | rcode | (0x200 if truncated else 0)
        return self.message[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0) + self.message[12:self.end] + b"".join(records)

    def addresses(self, *addresses, ttl=0):
        """Those of the type that was asked for."""
        kind = {a: AAAA if ":" in a else A for a in addresses}
        return self.answer(*(record(None, self.type, a, ttl) for a in addresses if kind[a] == self.type))


class NameServer:
    """.names: name -> function(Question) that gives the answer's bytes, or None for silence; all others do not exist. .asked: (name, type)."""

    def __init__(self, address=NAMESERVER, port=53):
        self.names, self.asked = {}, []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.tcp = socket.create_server((address, port), family=family, backlog=256)
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((address, self.port))
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.serve_udp, self.serve_tcp)]
        for t in self.threads:
            t.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for s in (self.udp, self.tcp):
            with contextlib.suppress(OSError):  # "not connected", but it wakes whoever waits
                s.shutdown(socket.SHUT_RDWR)
        for t in self.threads:
            t.join()
        self.udp.close()
        self.tcp.close()

    def reply(self, message, tcp):
        question = Question(message, tcp)
        self.asked.append((question.name, question.type))
        found = self.names.get(question.name)
        return found(question) if found else question.answer(rcode=NXDOMAIN)

    def serve_udp(self):
        while True:
            try:
                message, peer = self.udp.recvfrom(4096)
                if not message:
                    return
                answer = self.reply(message, False)
                if answer is not None:
                    self.udp.sendto(answer, peer)
            except OSError:
                return

    def serve_tcp(self):
        while True:
            try:
                s, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_connection, args=(s,), daemon=True).start()

    def serve_connection(self, s):
        with s, s.makefile("rb") as stream:
            try:
                while len(length := stream.read(2)) == 2:
                    answer = self.reply(stream.read(struct.unpack("!H", length)[0]), True)
                    if answer is not None:
                        s.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:
                pass


# ---- whoever is reached ----

class Everywhere:
    """One port of every address there is: HTTP or TLS, an empty list as answer. .reached: the addresses that somebody connected to; .requests: heads."""

    def __init__(self, certificate=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if certificate:
            self.context.load_cert_chain(*certificate)
        self.reached, self.requests = [], []
        self.listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.reached.append(s.getsockname()[0].removeprefix("::ffff:"))
            threading.Thread(target=self.serve_connection, args=(s,), daemon=True).start()

    def serve_connection(self, s):
        try:
            if self.context and s.recv(1, socket.MSG_PEEK) == b"\x16":
                s = self.context.wrap_socket(s, server_side=True)
            with s:
                head = s.recv(65536)
                if head:
                    self.requests.append(head)
                    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]")
        except OSError:
            s.close()

    def take(self):
        """The set of addresses reached since the last time."""
        reached, self.reached = self.reached, []
        return set(reached)
