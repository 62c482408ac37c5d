#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""As much of Cloudflare's API as Postern uses, in memory, over HTTPS, with kept connections: cloudflare_server.py CERTIFICATE KEY ZONES

Prints its port. ZONES zones, z0.soak.example and so on. GET /left: the records, as pairs of name and content.
"""
import asyncio
import contextlib
import itertools
import json
import re
import ssl
import subprocess
import sys
import urllib.parse

PER_PAGE = 50


def result(value, total=1):
    return 200, {"success": True, "errors": [], "result": value, "result_info": {"total_pages": total}}


GONE = 404, {"success": False, "errors": [{"code": 81044, "message": "Record does not exist."}], "result": None}
THERE = 400, {"success": False, "errors": [{"code": 81058, "message": "An identical record already exists."}], "result": None}


class Zones:
    def __init__(self, n):
        self.zones = [{"id": "%032x" % i, "name": "z%d.soak.example" % i, "status": "active", "type": "full"} for i in range(n)]
        self.records = {z["id"]: {} for z in self.zones}
        self.ids = itertools.count(1)

    def list_zones(self, query):
        page = int(query.get("page", 1))
        return result(self.zones[PER_PAGE * (page - 1):PER_PAGE * page], -(-len(self.zones) // PER_PAGE))

    def answer(self, method, target, body):
        path, _, query = target.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        if path == "/left":
            return 200, [[r["name"], r["content"]] for records in self.records.values() for r in records.values()]
        m = re.fullmatch(r"/client/v4/zones(?:/(\w+)/dns_records(?:/(\w+))?)?", path)
        zone, record = m.groups()
        if zone is None:
            return self.list_zones(query)
        records = self.records[zone]
        if method == "POST":
            made = dict(json.loads(body), id="%032x" % next(self.ids))
            if any(r["name"] == made["name"] and r["content"] == made["content"] for r in records.values()):
                return THERE
            records[made["id"]] = made
            return result(made)
        if record is None:
            return result([r for r in records.values() if r["name"] == query["name"]])
        if record not in records:
            return GONE
        return result(records.pop(record) if method == "DELETE" else records[record])


@contextlib.contextmanager
def cloudflare(ca, zones):
    """It runs, in a process of its own, with a certificate of CA's: its port."""
    cert, key = ca.issue("127.0.0.1")
    p = subprocess.Popen([sys.executable, __file__, cert, key, str(zones)], stdout=subprocess.PIPE, text=True)
    try:
        yield int(p.stdout.readline())
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


async def serve(zones, reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split(" ", 2)
            length = re.search(r"(?i)\r\ncontent-length: *(\d+)", head)
            body = await reader.readexactly(int(length[1])) if length else b""
            status, value = zones.answer(method, target, body)
            text = json.dumps(value).encode()
            writer.write(b"HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text))
            await writer.drain()
    except (asyncio.IncompleteReadError, OSError):
        pass  # the client went away
    finally:
        writer.close()


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[1:3])
    zones = Zones(int(sys.argv[3]))
    server = await asyncio.start_server(lambda r, w: serve(zones, r, w), "127.0.0.1", 0, ssl=context, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
