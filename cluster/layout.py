"""Which engines stand in which zones, under which addresses and ports, in which folders. Another size is one entry of
SIZES; everything else follows from a cluster's name, size, kind of zones and number."""

import dataclasses
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLUSTERS = ROOT / "build" / "cluster"

KINDS = ("netns", "loopback")


@dataclasses.dataclass(frozen=True)
class Size:
    """How much of everything. Memory is bounded where an engine can be told to; a disk is a sparse file of its own."""

    zones: str
    kafka_heap_mib: int
    shared_buffers_mib: int
    connections_max: int
    wal_kept_mib: int
    disk_gib: int

    @property
    def is_replicated(self) -> bool:
        return len(self.zones) > 1


SIZES = {
    "full": Size("abc", 256, 256, 200, 4096, 16),
    "small": Size("a", 160, 64, 60, 512, 4),
}


@dataclasses.dataclass(frozen=True)
class Zone:
    letter: str
    number: int
    # Engines listen on it and speak from it.
    address: str
    # The balancer before the databases speaks from it: so a database can be cut off from the other databases while
    # clients still reach it.
    client_address: str

    @property
    def name(self) -> str:
        return f"zone-{self.letter}"


@dataclasses.dataclass(frozen=True)
class Layout:
    """One cluster. `number` keeps clusters of one machine apart: it is in every address."""

    name: str
    size_name: str
    kind: str
    number: int

    @property
    def size(self) -> Size:
        return SIZES[self.size_name]

    @property
    def folder(self) -> pathlib.Path:
        return CLUSTERS / self.name

    @property
    def logs(self) -> pathlib.Path:
        return self.folder / "log"

    @property
    def network(self) -> str:
        """The first three numbers of its addresses."""
        return f"{'10' if self.kind == 'netns' else '127'}.213.{self.number}"

    @property
    def front_address(self) -> str:
        """Outside the zones, where a cloud's own load balancer is."""
        return f"{self.network}.1"

    @property
    def zones(self) -> tuple[Zone, ...]:
        return tuple(
            Zone(letter, number, f"{self.network}.{10 + number}", f"{self.network}.{20 + number}")
            for number, letter in enumerate(self.size.zones, 1)
        )

    def secret(self, name: str) -> pathlib.Path:
        return self.folder / "secrets" / name
