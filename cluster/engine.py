"""What every engine of a cluster is to the launcher: files that it is configured by, a command that runs it, a way to
see what it still lacks to be healthy, and a line of the status. One file of engines/ each."""

import dataclasses
import http.client
import json
import pathlib

from cluster.layout import Layout, Zone


@dataclasses.dataclass(frozen=True)
class Command:
    """Without what leads into the zone."""

    words: list[str]
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Status:
    role: str = ""
    version: str = ""
    lag: str = ""


class Engine:
    kind = ""
    # Its ports: the first is told to the user.
    ports: tuple[int, ...] = ()
    # Those through which it and its peers in other zones speak, and clients do not.
    peer_ports: tuple[int, ...] = ()
    # Whether it answers there, too.
    serves_peers = True
    # Whether its data are kept where the disk can be full.
    has_disk = False
    # Without a sign of health for so long, something is wrong.
    start_seconds_max = 60.0

    def __init__(self, layout: Layout, zone: Zone | None):
        self.layout = layout
        self.zone = zone

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.zone.number}"

    @property
    def address(self) -> str:
        return self.zone.address if self.zone else self.layout.front_address

    @property
    def folder(self) -> pathlib.Path:
        return self.layout.folder / self.name

    @property
    def disk(self) -> pathlib.Path:
        """Where its data go; a file system of its own where that is possible."""
        return self.folder / "disk"

    @property
    def log(self) -> pathlib.Path:
        return self.layout.logs / f"{self.name}.log"

    def configure(self) -> None:
        """Writes its files, once, into its folder, which is there."""

    def command(self) -> Command:
        raise NotImplementedError

    def missing(self) -> str:
        """What it still lacks to be healthy, for people; empty when it is."""
        raise NotImplementedError

    def repair(self, log: str) -> str:
        """Does what an operator would for one that will not get healthy by itself, by what it has logged since it was
        waited for; says what it did, or nothing."""
        return ""

    def status(self) -> Status:
        """Of a healthy one or not; may raise OSError where it cannot be reached."""
        return Status()


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)


def ask(
    address: str, port: int, path: str, method: str = "GET", body: dict | None = None, seconds: float = 1
) -> Answer:
    """One HTTP request, past any proxy of the environment; OSError where there is no answer."""
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    try:
        connection.request(method, path, body=json.dumps(body) if body is not None else None)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    except http.client.HTTPException as error:
        raise OSError(f"{address}:{port} answers no HTTP: {error!r}") from error
    finally:
        connection.close()
