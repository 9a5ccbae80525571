"""One HTTP connection of the workload, made anew after any trouble; every question and answer goes into the history."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterable

from breaking.history import History, now

PORT = 8080


class Reply:
    """`status` 0: no whole answer came, so nobody knows what was done."""

    def __init__(self, began: float):
        self.began = began
        self.ended = began
        self.status = 0
        self.error = ""
        self.headers: dict[str, str] = {}
        self.body = b""

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict:
        try:
            told = json.loads(self.body)
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    def line(self) -> dict:
        """What every line of the history says of it."""
        version = self.headers.get("ratebook-version")
        told = {"began": self.began, "ended": self.ended, "status": self.status}
        if version is not None:
            told["version"] = int(version)
        if self.error:
            told["error"] = self.error
        if self.status >= 400:
            told["problem"] = self.json().get("type", self.body[:200].decode(errors="replace"))
        return told


class Client:
    def __init__(self, history: History, name: str, nodes: dict[str, str], node: str = "front"):
        self.history = history
        self.name = name
        self.nodes = nodes
        self.node = node
        self.connection: http.client.HTTPConnection | None = None

    def turn_to(self, node: str) -> None:
        if node != self.node:
            self.close()
            self.node = node

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def call(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
        seconds: float = 15,
    ) -> Reply:
        reply = Reply(now())
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.nodes[self.node], PORT, timeout=seconds)
        try:
            if self.connection.sock is None:
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connection.sock.settimeout(seconds)
            try:
                self.connection.request(method, path, body, headers or {})
            except (BrokenPipeError, ConnectionResetError):
                # An answer may have come before the body was through.
                with contextlib.suppress(AttributeError):
                    self.connection.sock.settimeout(1)
            answer = self.connection.getresponse()
            reply.body = answer.read()
            reply.headers = {name.lower(): value for name, value in answer.getheaders()}
            reply.status = answer.status
        except (OSError, http.client.HTTPException, AttributeError) as error:
            reply.error = repr(error)[:120]
            self.close()
        reply.ended = now()
        return reply

    def tell(self, what: str, reply: Reply, **more: object) -> None:
        self.history.add(what, client=self.name, node=self.node, **reply.line(), **more)
