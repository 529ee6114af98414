"""Shakes hands as a gateway does, then writes the same recorded bytes to its clients as fast as they read them.

The reference for the gateway's own stream: what the client library can take in when nothing has to be computed.
`python replay_server.py FILE`: prints a JSON line with its port; the bytes of FILE follow each client's first
subscription, again and again.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
from pathlib import Path

BURST_BYTES = 60_000
MARKET_DATA = b"1"


def frame(*fields: object) -> bytes:
    body = "".join(f"{field}\0" for field in fields).encode()
    return struct.pack(">I", len(body)) + body


def serve(connection: socket.socket, stream: bytes) -> None:
    """One client until it leaves."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = connection.makefile("rb")

    def message() -> list[bytes]:
        size = struct.unpack(">I", reader.read(4))[0]
        return reader.read(size).split(b"\0")

    try:
        reader.read(4)  # API and a NUL
        message()
        connection.sendall(frame(176, "20260302 09:30:00 EST"))
        while message()[0] != MARKET_DATA:
            connection.sendall(frame(15, 1, "DU1234567,") + frame(9, 1, 1))
        while True:
            for start in range(0, len(stream), BURST_BYTES):
                connection.sendall(stream[start : start + BURST_BYTES])
    except (ConnectionError, struct.error):
        connection.close()


def main() -> None:
    """Serves until it is killed."""
    stream = Path(sys.argv[1]).read_bytes()
    server = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"port": server.getsockname()[1]}), flush=True)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=serve, args=(connection, stream), daemon=True).start()


if __name__ == "__main__":
    main()
