# SPDX-License-Identifier: ISC
"""For test_client_tls: HTTPS that, while nobody asks it, forges an answer and sends half a TLS record of it; the other half follows when it is asked again.

Arguments: address, certificate, key, and one that is not read. Prints its port. Ends when its standard input does.
The first connection forges once a second one has come, which hangs up then.
"""
import itertools
import os
import socket
import ssl
import sys
import threading

from h2_server import await_arrival

rested, forged = threading.Event(), threading.Event()


def answer(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def serve(sock, context, number):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)

    def until_done(fn):
        while True:
            try:
                fn()
                return
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
            finally:
                sock.sendall(outgoing.read())

    until_done(tls.do_handshake)
    until_done(lambda: tls.read(65536))
    until_done(lambda: tls.write(answer(b"posted %d" % number)))
    if number == 1:
        rested.wait()
        tls.write(answer(b"forged"))
        record = outgoing.read()
        sock.sendall(record[:len(record) // 2])
        await_arrival(sock)
        forged.set()
        if sock.recv(65536):
            sock.sendall(record[len(record) // 2:])
    sock.recv(65536)


def tell(sock):
    rested.set()
    forged.wait()
    sock.close()


def main(address, cert, key, _):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    listener = socket.create_server((address, 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    for number in itertools.count(1):
        sock, _ = listener.accept()
        arguments = (sock,) if number == 2 else (sock, context, number)
        threading.Thread(target=tell if number == 2 else serve, args=arguments, daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
