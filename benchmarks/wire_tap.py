"""A man in the middle, in a process of its own: passes bytes on and notes when a global cancel arrived, on the clock
that all processes share.

Prints its port as one JSON line, then obeys JSON lines on standard input: `forget` drops what was noted, `cancels` asks
for it as [client id, monotonic seconds].
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

GLOBAL_CANCEL, START_API = "58", "71"


class Pair:
    """One client with its own connection to the gateway."""

    def __init__(self, client: socket.socket, gateway_port: int) -> None:
        self.client = client
        self.gateway = socket.create_connection(("127.0.0.1", gateway_port))
        for end in (self.client, self.gateway):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.greeted = False
        self.client_id = -1

    def note(self, data: bytes, cancels: list[tuple[int, float]]) -> None:
        """Reads frames out of what the client wrote."""
        at = time.monotonic()
        self.rest += data
        if not self.greeted and self.rest.startswith(b"API\0"):
            size = int.from_bytes(self.rest[4:8], "big")
            if len(self.rest) < 8 + size:
                return
            self.greeted, self.rest = True, self.rest[8 + size :]
        while len(self.rest) >= 4:
            size = int.from_bytes(self.rest[:4], "big")
            if len(self.rest) < 4 + size:
                return
            fields = self.rest[4 : 4 + size].split(b"\0")
            self.rest = self.rest[4 + size :]
            if fields[0] == START_API.encode():
                self.client_id = int(fields[2])
            if fields[0] == GLOBAL_CANCEL.encode():
                cancels.append((self.client_id, at))


def main() -> None:
    """Serves until standard input ends."""
    gateway_port = int(sys.argv[1])
    server = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(json.dumps({"port": server.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    ends: dict[socket.socket, tuple[Pair, socket.socket]] = {}
    cancels: list[tuple[int, float]] = []
    while True:
        ready, _, _ = select.select([server, sys.stdin, *ends], [], [])
        for one in ready:
            if one is server:
                pair = Pair(server.accept()[0], gateway_port)
                ends[pair.client], ends[pair.gateway] = (pair, pair.gateway), (pair, pair.client)
            elif one is sys.stdin:
                line = sys.stdin.readline()
                if not line:
                    return
                if line.strip() == "forget":
                    cancels.clear()
                sys.stdout.write(json.dumps(cancels) + "\n")
                sys.stdout.flush()
            elif one in ends:
                _pass_on(one, ends, cancels)


def _pass_on(
    one: socket.socket, ends: dict[socket.socket, tuple[Pair, socket.socket]], cancels: list[tuple[int, float]]
) -> None:
    pair, other = ends[one]
    try:
        data = one.recv(1 << 18)
        if data and one is pair.client:
            pair.note(data, cancels)
        if data:
            other.sendall(data)
            return
    except OSError as gone:
        del gone  # one end went away; so does the other
    for end in (pair.client, pair.gateway):
        ends.pop(end, None)
        end.close()


if __name__ == "__main__":
    main()
