"""Two questions in Kafka's own protocol, so that no JVM has to be started to ask them: which brokers lead what
(Metadata, key 3, version 12), and who is the active controller (DescribeQuorum, key 55, version 0). The messages are
those of https://kafka.apache.org/protocol, all in the flexible encoding."""

import dataclasses
import socket
import struct

SECONDS_MAX = 2.0


@dataclasses.dataclass(frozen=True)
class Part:
    """A partition of a topic."""

    topic: str
    leader: int
    replicas: list[int]
    in_sync: list[int]


@dataclasses.dataclass(frozen=True)
class Metadata:
    brokers: list[int]
    parts: list[Part]


class Reader:
    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(f">{form}", self.data, self.at)
        self.at += struct.calcsize(f">{form}")
        return value

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def text(self) -> str:
        size = self.varint() - 1
        if size < 0:
            return ""
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def tags(self) -> None:
        for _ in range(self.varint()):
            self.varint()
            self.at += self.varint()

    def items(self, read) -> list:
        return [read() for _ in range(self.varint() - 1)]

    def numbers(self) -> list[int]:
        return self.items(lambda: self.number("i"))


def exchange(address: str, port: int, key: int, version: int, body: bytes) -> Reader:
    request = struct.pack(">hhih", key, version, 1, -1) + b"\0" + body
    with socket.create_connection((address, port), SECONDS_MAX) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        file = connection.makefile("rb")
        head = file.read(4)
        if len(head) < 4:
            raise ConnectionResetError(f"{address}:{port} closed the connection")
        (size,) = struct.unpack(">i", head)
        answer = file.read(size)
        if len(answer) < size:
            raise ConnectionResetError(f"{address}:{port} broke off its answer")
    reader = Reader(answer)
    reader.number("i")
    reader.tags()
    return reader


def metadata(address: str, port: int) -> Metadata:
    # All topics; none is made by asking; no permissions.
    reader = exchange(address, port, 3, 12, b"\0\0\0\0")
    reader.number("i")

    def broker() -> int:
        node = reader.number("i")
        reader.text()
        reader.number("i")
        reader.text()
        reader.tags()
        return node

    def part() -> tuple[int, list[int], list[int]]:
        reader.number("h")
        reader.number("i")
        leader = reader.number("i")
        reader.number("i")
        replicas, in_sync, _ = reader.numbers(), reader.numbers(), reader.numbers()
        reader.tags()
        return leader, replicas, in_sync

    def topic() -> list[Part]:
        reader.number("h")
        name = reader.text()
        reader.at += 16
        reader.number("b")
        parts = reader.items(part)
        reader.number("i")
        reader.tags()
        return [Part(name, *told) for told in parts]

    brokers = reader.items(broker)
    reader.text()
    reader.number("i")
    return Metadata(brokers, [part for parts in reader.items(topic) for part in parts])


def controller(address: str, port: int) -> int:
    """The node that leads the controllers; -1 where none does."""
    name = b"__cluster_metadata"
    body = b"\x02" + bytes([len(name) + 1]) + name + b"\x02" + struct.pack(">i", 0) + b"\0\0\0"
    reader = exchange(address, port, 55, 0, body)
    if reader.number("h") != 0 or reader.varint() < 2:
        return -1
    reader.text()
    if reader.varint() < 2:
        return -1
    reader.number("i")
    if reader.number("h") != 0:
        return -1
    return reader.number("i")
