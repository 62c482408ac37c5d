# SPDX-License-Identifier: ISC
"""For test_client_tls: HTTPS that sends back what was posted.

Arguments: address, certificate, key, the name of an ssl.TLSVersion or "".
Prints its port. Ends when its standard input does.
"""
import http.server
import ssl
import sys
import threading


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body == b"forge":
            self.forge()
            return
        body += b" %d" % self.client_address[1]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def forge(self):
        """An answer, and one that nobody asked for in the same record."""
        head, rest = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", b"forged"
        self.wfile.write(head % 5 + b"right" + head % len(rest) + rest)

    do_GET = do_POST

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass


address, cert, key, version = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
if version:
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("ALL:@SECLEVEL=0")
server = Server((address, 0), Echo)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
