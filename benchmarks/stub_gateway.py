"""The least of a gateway, in a process of its own: shakes hands, ends every question at once, and times orders.

Commands come as JSON lines on standard input, answers go out the same way. `fire` sends bytes and answers with the
nanoseconds until the client's next order has arrived whole; `wait` tells when a message of a type arrived, on the
machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

ACCOUNT = "DU7654321"
VERSION = 176
PLACE_ORDER, GLOBAL_CANCEL = "3", "58"


def frame(*fields: object) -> bytes:
    body = "".join(f"{field}\0" for field in fields).encode()
    return struct.pack(">I", len(body)) + body


def endings(fields: list[str]) -> bytes:
    """The end marker of a question, at once and without rows."""
    kind = fields[0]
    if kind == "71":
        return frame(15, 1, ACCOUNT) + frame(9, 1, 1)
    simple = {"61": (62, 1), "5": (53, 1), "16": (53, 1), "99": (102,), "49": (49, 1, 1_777_000_000)}
    if kind in simple:
        return frame(*simple[kind])
    if kind == "6":
        return frame(54, 1, ACCOUNT)
    if kind == "7":
        return frame(55, 1, fields[2])
    return frame(74, 1, fields[2]) if kind == "76" else b""


class Stub:
    """One client, one thread, nothing waits."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.greeted = False
        self.lines: dict[str, str] = {}
        self.arrived: list[tuple[str, int]] = []

    def read(self) -> None:
        chunk = self.connection.recv(65536)
        if not chunk:
            raise SystemExit
        at = time.perf_counter_ns()
        self.data += chunk
        if not self.greeted and self.data.startswith(b"API\0"):
            self.data = self.data[4:]
        while len(self.data) >= 4:
            size = struct.unpack(">I", self.data[:4])[0]
            if len(self.data) < 4 + size:
                return
            body, self.data = self.data[4 : 4 + size], self.data[4 + size :]
            if not self.greeted:
                self.greeted = True
                self.connection.sendall(frame(VERSION, "20260504 10:00:00 EST"))
                continue
            fields = body.decode().split("\0")
            if fields[0] in (PLACE_ORDER, GLOBAL_CANCEL):
                self.arrived.append((fields[0], at))
            elif fields[0] == "1":
                self.lines[fields[3]] = fields[2]
            answer = endings(fields)
            if answer:
                self.connection.sendall(answer)

    def until(self, kind: str) -> int:
        """When the first message of this type arrived since the last command."""
        while True:
            for found, at in self.arrived:
                if found == kind:
                    return at
            self.read()

    def obey(self, command: dict[str, str]) -> dict[str, object]:
        if "fire" in command:
            self.arrived.clear()
            data = bytes.fromhex(command["fire"])
            began = time.perf_counter_ns()
            self.connection.sendall(data)
            return {"ns": self.until(PLACE_ORDER) - began}
        if "send" in command:
            self.connection.sendall(bytes.fromhex(command["send"]))
            return {}
        if "wait" in command:
            return {"at": self.until(command["wait"])}
        if "forget" in command:
            self.arrived.clear()
            return {}
        return {"lines": self.lines}


def main() -> None:
    """Serves one client until it leaves."""
    server = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"port": server.getsockname()[1]}), flush=True)
    connection, _ = server.accept()
    stub = Stub(connection)
    while True:
        ready, _, _ = select.select([connection, sys.stdin], [], [])
        if connection in ready:
            stub.read()
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            print(json.dumps(stub.obey(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
