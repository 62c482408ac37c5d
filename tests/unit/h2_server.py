# SPDX-License-Identifier: ISC
"""For test_client_h2: a server of HTTP/2 that frames by hand, and behaves as it is told.

Arguments: address, certificate, key, behaviour (a function below).
Prints its port. Ends when its standard input does. Requests' heads are not read: what is asked follows from their order, and from what they post.
"""
import fcntl
import itertools
import os
import socket
import ssl
import struct
import sys
import termios
import threading
import time

DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM = 0, 2, 7
MAX_CONCURRENT_STREAMS = 3


def block(*fields):
    """A head's fields, each as a literal that is not indexed (RFC 7541 section 6.2.2)."""
    out = b""
    for name, value in fields:
        assert len(name) < 127 and len(value) < 65536
        length = bytes([len(value)]) if len(value) < 127 else b"\x7f" + varint(len(value) - 127)
        out += b"\0" + bytes([len(name)]) + name + length + value
    return out


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n % 128 + 128])
        n //= 128
    return out + bytes([n])


def await_arrival(sock):
    """All that was sent is there: the other side's kernel has acknowledged it."""
    while struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0]:
        time.sleep(0.001)


OK = block((b":status", b"200"), (b"x-wanted", b"there"))


class Gone(Exception):
    pass


class Connection:
    numbers = itertools.count(1)

    def __init__(self, sock, settings=()):
        self.sock, self.rest, self.number = sock, b"", next(self.numbers)
        self.window, self.windows, self.initial, self.open = 65535, {}, 65535, {}
        if self.take(24) != b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
            os._exit(1)  # nobody is served any more
        self.send(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *s) for s in settings))

    def await_bytes(self, n):
        while len(self.rest) < n:
            more = self.sock.recv(65536)
            if not more:
                raise Gone
            self.rest += more

    def take(self, n):
        self.await_bytes(n)
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def send(self, kind, flags, stream, payload=b""):
        self.sock.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def frame(self):
        """(kind, flags, stream, payload), and what it does to windows."""
        self.await_bytes(9)
        n = int.from_bytes(self.rest[:3], "big")
        self.await_bytes(9 + n)
        head, payload = self.take(9), self.take(n)
        kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
        if kind == SETTINGS and not flags & ACK:
            for i in range(0, len(payload), 6):
                if int.from_bytes(payload[i:i + 2], "big") == 4:
                    self.initial = int.from_bytes(payload[i + 2:i + 6], "big")
            self.send(SETTINGS, ACK, 0)
        if kind == DATA and payload:
            for updated in 0, stream:
                self.send(WINDOW_UPDATE, 0, updated, struct.pack(">I", len(payload)))
        if kind == WINDOW_UPDATE:
            more = int.from_bytes(payload, "big")
            if stream:
                self.windows[stream] = self.windows.get(stream, self.initial) + more
            else:
                self.window += more
        return kind, flags, stream, payload

    def requests(self):
        """(stream, body) of each request, once it is whole."""
        while True:
            kind, flags, stream, payload = self.frame()
            if kind in (HEADERS, DATA):
                self.open[stream] = self.open.get(stream, b"") + (payload if kind == DATA else b"")
                if flags & END_STREAM:
                    yield stream, self.open.pop(stream)
            elif kind == RST_STREAM:
                self.open.pop(stream, None)

    def answer(self, stream, body=b"hello", head=OK):
        self.send(HEADERS, END_HEADERS, stream, head)
        self.data(stream, body)

    def data(self, stream, body, end=True):
        """As the windows allow."""
        while True:
            n = min(len(body), 16384, self.window, self.windows.get(stream, self.initial))
            if n or not body:
                self.window -= n
                self.windows[stream] = self.windows.get(stream, self.initial) - n
                self.send(DATA, END_STREAM if end and n == len(body) else 0, stream, body[:n])
                body = body[n:]
                if not body:
                    return
            else:
                self.frame()


# ---- behaviours: each has a connection ----

def ok(c):
    for stream, _ in c.requests():
        c.answer(stream)


def echo(c):
    """What was posted, and on which connection."""
    for stream, body in c.requests():
        c.answer(stream, body + b" %d" % c.number)


def at_last(c):
    """Answers the first of a connection, and of those that follow the last of ten first."""
    requests = c.requests()
    c.answer(next(requests)[0], b"first")
    for _ in range(2):
        ten = list(itertools.islice(requests, 10))
        for stream, body in reversed(ten):
            c.answer(stream, body + b" %d" % c.number)


def interim(c):
    for stream, _ in c.requests():
        c.send(HEADERS, END_HEADERS, stream, block((b":status", b"103"), (b"x-wanted", b"early")))
        c.send(HEADERS, END_HEADERS, stream, OK)
        c.data(stream, b"hello", end=False)
        c.send(HEADERS, END_HEADERS | END_STREAM, stream, block((b"x-wanted", b"late")))


def only_interim(c):
    for stream, _ in c.requests():
        c.send(HEADERS, END_HEADERS, stream, block((b":status", b"103")))
        c.send(DATA, END_STREAM, stream)


def no_body(c):
    for stream, _ in c.requests():
        c.send(HEADERS, END_HEADERS | END_STREAM, stream, block((b":status", b"204")))


def goes_before(c):
    """The first connection has not looked at what is asked: it is to go."""
    for stream, body in c.requests():
        if c.number == 1:
            c.send(GOAWAY, 0, 0, struct.pack(">II", 0, NO_ERROR))
            raise Gone
        c.answer(stream, body + b" %d" % c.number)


def goes_after(c):
    """Each connection serves one, and is to go then."""
    for stream, body in c.requests():
        c.send(GOAWAY, 0, 0, struct.pack(">II", stream, NO_ERROR))
        c.answer(stream, body + b" %d" % c.number)


def goes_soon(c):
    """Each connection serves 30; with more under way, those behind them were not looked at."""
    for n, (stream, body) in enumerate(c.requests(), 1):
        if n == 30:
            c.send(GOAWAY, 0, 0, struct.pack(">II", stream, NO_ERROR))
        if n <= 30:
            c.answer(stream, body + b" %d" % c.number)


def refuses_twice(c):
    refused = 0
    for stream, body in c.requests():
        if refused < 2:
            refused += 1
            c.send(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM))
        else:
            c.answer(stream, body + b" %d" % c.number)


def resets_with(error):
    def behave(c):
        for stream, _ in c.requests():
            c.send(RST_STREAM, 0, stream, struct.pack(">I", error))
    return behave


refuses_ever, resets = resets_with(REFUSED_STREAM), resets_with(INTERNAL_ERROR)


def resets_in_the_middle(c):
    for stream, _ in c.requests():
        c.send(HEADERS, END_HEADERS, stream, OK)
        c.data(stream, b"hel", end=False)
        c.send(RST_STREAM, 0, stream, struct.pack(">I", NO_ERROR))


def refuses_in_the_middle(c):
    """What it has answered in part it has looked at, whatever it says."""
    for n, (stream, body) in enumerate(c.requests()):
        if n == 0:
            c.send(HEADERS, END_HEADERS, stream, OK)
            c.data(stream, b"hel", end=False)
            c.send(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM))
        else:
            c.answer(stream, body + b" %d" % c.number)


def answers_early(c):
    """At once, and reads no more of the body, nor makes room for it."""
    while True:
        head = c.take(9)
        c.take(int.from_bytes(head[:3], "big"))
        if head[3] == HEADERS:
            c.answer(int.from_bytes(head[5:], "big"), b"denied", block((b":status", b"403")))


def resets_when_whole(c):
    """It need not have all of the request (RFC 9113 section 8.1)."""
    while True:
        kind, flags, stream, _ = c.frame()
        if kind == HEADERS:
            c.answer(stream)
            if not flags & END_STREAM:
                c.send(RST_STREAM, 0, stream, struct.pack(">I", NO_ERROR))


def hangs_up(c):
    next(c.requests())


def hangs_up_in_the_middle(c):
    stream, _ = next(c.requests())
    c.send(HEADERS, END_HEADERS, stream, OK)
    c.data(stream, b"hel", end=False)


def serves_one(c):
    """Each connection one, and then it hangs up, without a word, when the next has come."""
    requests = c.requests()
    stream, body = next(requests)
    c.answer(stream, body + b" %d" % c.number)
    next(requests)


def answers(*fields, body=b"hello"):
    def behave(c):
        for stream, _ in c.requests():
            c.answer(stream, body, block(*fields))
    return behave


GOOD = (b":status", b"200")
status_429 = answers((b":status", b"429"), (b"retry-after", b"17"), body=b"slow down")
too_short = answers(GOOD, (b"content-length", b"10"))
too_long = answers(GOOD, (b"content-length", b"3"))
no_status = answers((b"x-wanted", b"there"))
bad_status = answers((b":status", b"two"))
capitals = answers(GOOD, (b"X-Wanted", b"there"))
connection_field = answers(GOOD, (b"connection", b"close"))
line_break = answers(GOOD, (b"x-wanted", b"a\r\nb: c"))
largest_body = answers(GOOD, (b"x-wanted", b"there"), body=b"x" * (4 << 20))
large_body = answers(GOOD, (b"x-wanted", b"there"), body=b"x" * ((4 << 20) + 1))


def large_head(c):
    """Four times what it may be, in fields of which each is small."""
    fields = block(*((b"x-more", b"%d" % i + b"x" * 1000) for i in range(256)))
    for stream, _ in c.requests():
        head = block((b":status", b"200")) + fields
        c.send(HEADERS, 0, stream, head[:16384])
        for i in range(16384, len(head), 16384):
            c.send(CONTINUATION, END_HEADERS if i + 16384 >= len(head) else 0, stream, head[i:i + 16384])
        c.data(stream, b"hello")


def large_and_small(c):
    """Behind a first one, of two at once one is too large, and much of it is on its way when the other is answered."""
    requests = c.requests()
    c.answer(next(requests)[0])
    (large, _), (small, _) = next(requests), next(requests)
    c.send(HEADERS, END_HEADERS, large, OK)
    c.data(large, b"x" * (4 << 20), end=False)
    while min(c.window, c.windows[large]) < 8 * 16384:
        c.frame()
    for _ in range(8):
        c.send(DATA, 0, large, b"x" * 16384)
    c.answer(small)
    next(requests)


def beyond_the_window(c):
    for stream, _ in c.requests():
        c.send(HEADERS, END_HEADERS, stream, OK)
        for _ in range(256):
            c.send(DATA, 0, stream, b"x" * 16384)


def pushes(c):
    for stream, _ in c.requests():
        c.send(PUSH_PROMISE, END_HEADERS, stream, struct.pack(">I", 2) + block(
            (b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", b"/")))
        c.answer(stream)


def bad_frame(c):
    for stream, _ in c.requests():
        c.send(RST_STREAM, 0, stream, b"xx")


def bad_compression(c):
    for stream, _ in c.requests():
        c.send(HEADERS, END_HEADERS, stream, b"\xff\xff\xff\xff\xff\xff")


def stream_of_nobody(c):
    for stream, _ in c.requests():
        c.send(HEADERS, END_HEADERS, stream + 100, OK)


def not_http2(c):
    next(c.requests())
    c.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def forever(send):
    def behave(c):
        stream, _ = next(c.requests())
        while True:
            send(c, stream)
    return behave


pings = forever(lambda c, stream: c.send(PING, 0, 0, b"12345678"))
settings = forever(lambda c, stream: c.send(SETTINGS, 0, 0))
window_updates = forever(lambda c, stream: c.send(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)))
unknown_frames = forever(lambda c, stream: c.send(200, 0, 0, b"x"))
priorities = forever(lambda c, stream: c.send(2, 0, stream + 2, b"\0\0\0\0\1"))
interims = forever(lambda c, stream: c.send(HEADERS, END_HEADERS, stream, block((b":status", b"103"))))


def empty_data(c):
    stream, _ = next(c.requests())
    c.send(HEADERS, END_HEADERS, stream, OK)
    while True:
        c.send(DATA, 0, stream)


def continuations(c):
    stream, _ = next(c.requests())
    c.send(HEADERS, 0, stream, block((b":status", b"200")))
    while True:
        c.send(CONTINUATION, 0, stream)


def silent(c):
    """Says nothing to what is asked on the first connection."""
    for stream, body in c.requests():
        if c.number > 1:
            c.answer(stream, body + b" %d" % c.number)


def forges(c):
    """While nobody asks it, the first connection answers what would be asked next: once a second one has come, which hangs up then (see serve())."""
    for stream, body in c.requests():
        c.answer(stream, body + b" %d" % c.number)
        if c.number == 1:
            rested.wait()
            c.answer(stream + 2, b"forged")
            await_arrival(c.sock)
            forged.set()


def one_at_a_time(c):
    c.send(SETTINGS, 0, 0, struct.pack(">HI", MAX_CONCURRENT_STREAMS, 1))
    echo(c)


def ten_at_once(c):
    """What is beyond is refused; the ten are answered when nobody has asked for a while."""
    c.send(SETTINGS, 0, 0, struct.pack(">HI", MAX_CONCURRENT_STREAMS, 10))
    c.sock.settimeout(0.1)
    active = []
    while True:
        try:
            for stream, body in c.requests():
                if len(active) < 10:
                    active.append((stream, body))
                else:
                    c.send(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM))
        except TimeoutError:
            for stream, body in active:
                c.answer(stream, body + b" %d" % c.number)
            active = []


def one_and_a_hole(c):
    """It serves one at a time; connections after the first never shake hands (see serve())."""
    c.send(SETTINGS, 0, 0, struct.pack(">HI", MAX_CONCURRENT_STREAMS, 1))
    for stream, body in c.requests():
        if body == b"slow":
            threading.Event().wait(0.5)
        c.answer(stream, body + b" %d" % c.number)


def no_more(c):
    """Serves one, and says that there is no room for another."""
    for stream, body in c.requests():
        c.send(SETTINGS, 0, 0, struct.pack(">HI", MAX_CONCURRENT_STREAMS, 0))
        c.answer(stream, body + b" %d" % c.number)


# ---- the server ----

rested, forged = threading.Event(), threading.Event()
together, asked_again = threading.Barrier(10), itertools.count(1)


def by_http1(s, number):
    """The first ten connections answer when all have come, and hang up when they are asked again. How often that was is told by those that come then."""
    s.recv(65536)
    body = b"by HTTP/1"
    if number <= 10 and HOW == "http1_kept":
        together.wait()
    elif HOW == "http1_kept":
        body = b"asked again: %d" % (next(asked_again) - 1)
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    if s.recv(65536):
        next(asked_again)


def serve(sock, context, behave, number):
    if HOW == "one_and_a_hole" and number > 1:
        return
    if HOW == "forges" and number == 2:
        rested.set()
        forged.wait()
        sock.shutdown(socket.SHUT_RDWR)
        return
    try:
        with context.wrap_socket(sock, server_side=True) as s:
            if s.selected_alpn_protocol() == "h2":
                behave(Connection(s))
                # So that what was sent is read, and no reset overtakes it.
                s.unwrap()
            else:
                by_http1(s, number)
    except (OSError, Gone, StopIteration):
        sock.close()


def main(address, cert, key, how):
    kept = []  # nobody hangs up because nobody has it
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    global HOW
    HOW = how
    context.set_alpn_protocols(["http/1.1" if how.startswith("http1") else "h2"])
    listener = socket.create_server((address, 0), backlog=512)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    for number in itertools.count(1):
        sock, _ = listener.accept()
        kept.append(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(sock, context, globals().get(how), number), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
