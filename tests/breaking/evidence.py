"""What a history says, put in order: the batches as the nodes have them in the end, who asked for which, and a model
that tells what any route must show at any version."""

import collections
import dataclasses
import functools

from breaking.contents import DESTINATION, SOURCES, Contents, contents, sources_in

NEVER = 1 << 62


@dataclasses.dataclass
class Fate:
    """A batch as it stands in the end."""

    id: str
    status: str
    version: int
    retracted: int
    problem: str
    count: int
    digest: str
    source: str
    key: str


@dataclasses.dataclass
class Asked:
    """All that was said of one batch: the lines that sent it, retracted it or asked for it."""

    what: Contents
    replaces: str
    lines: list[dict] = dataclasses.field(default_factory=list)

    @property
    def sends(self) -> list[dict]:
        return [line for line in self.lines if line["what"] == "send"]

    @property
    def began(self) -> float:
        return min(line["began"] for line in self.sends)

    def first_told(self, what: str) -> dict | None:
        """The first answer that took it upon itself."""
        told = [line for line in self.lines if line["what"] == what and 200 <= line["status"] < 300]
        return min(told, key=lambda line: line["ended"]) if told else None


def fate_of(row: dict) -> Fate:
    return Fate(
        row["id"],
        row["status"],
        row.get("version") or 0,
        row.get("retracted_version") or 0,
        (row.get("problem") or {}).get("type", "") if isinstance(row.get("problem"), dict) else str(row.get("problem")),
        row["price_count"],
        row["digest"],
        row["source"],
        row["idempotency_key"],
    )


class Evidence:
    def __init__(self, lines: list[dict]):
        self.lines = lines
        self.seed: int = next(line["seed"] for line in lines if line["what"] == "run")
        self.dumps: dict[str, dict[str, dict]] = collections.defaultdict(dict)
        self.asked: dict[str, Asked] = {}
        # When the store went back to a backup: what it had until `version` stayed, what came after was decided anew.
        self.restored = [line for line in lines if line["what"] == "restored"]
        for line in lines:
            if line["what"] == "dump":
                self.dumps[line["kind"]][line["node"]] = line
            elif line["what"] == "send":
                what = contents(self.seed, line["source"], line["number"], line["content"])
                batch_id = identity(self.seed, line["source"], line["number"], line["content"], line["replaces"])
                self.asked.setdefault(batch_id, Asked(what, line["replaces"])).lines.append(line)
        for line in lines:
            if line["what"] in ("retract", "get") and line["id"] in self.asked:
                self.asked[line["id"]].lines.append(line)
        self.by_key: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
        for batch_id, one in self.asked.items():
            self.by_key[one.what.source, one.what.key].append(batch_id)
        self.rows: list[dict] = next((dump["rows"] for dump in self.dumps["batches"].values()), [])
        self.fates: dict[str, Fate] = {row["id"]: fate_of(row) for row in self.rows}
        self.events: list[dict] = next((dump["rows"] for dump in self.dumps["events"].values()), [])
        self.newest = max((event["version"] for event in self.events), default=0)
        self.shown = self._shown()
        self.moves = self._moves()

    def is_undone(self, version: int, at: float) -> bool:
        """Whether what was told then of that version may be of a past that a restore has taken back."""
        return any(version > one["version"] and at < one["ended"] for one in self.restored)

    def past_of(self, line: dict) -> int | None:
        """How many restores were before it; None where it was under way during one."""
        if any(one["began"] <= line["ended"] and line["began"] < one["ended"] for one in self.restored):
            return None
        return sum(one["ended"] <= line["began"] for one in self.restored)

    def _shown(self) -> dict[tuple[str, int], list[tuple[int, int, int, int]]]:
        """(from version, to version, size, cents) of the batches of a source on a day."""
        shown = collections.defaultdict(list)
        for fate in self.fates.values():
            one = self.asked.get(fate.id)
            if one and fate.version:
                shown[one.what.source, one.what.number].append(
                    (fate.version, fate.retracted or NEVER, one.what.size, one.what.cents)
                )
        return shown

    def _moves(self) -> dict[int, int | None]:
        """How often ports had moved, by the version of the places; None where nobody has seen it."""
        moves: dict[int, int | None] = {event["version"]: None for event in self.events if event["kind"] == "places"}
        for line in self.lines:
            if line["what"] == "places" and line["status"] == 200 and line.get("moves") is not None:
                version = version_of(line["tag"])
                if not self.is_undone(version, line["began"]):
                    moves[version] = line["moves"]
        return moves

    @functools.cached_property
    def places_versions(self) -> list[int]:
        return sorted(self.moves)

    def moves_at(self, version: int) -> int | None:
        before = [one for one in self.places_versions if one <= version]
        return self.moves[before[-1]] if before else None

    @functools.lru_cache(maxsize=1024)  # noqa: B019 # one Evidence a process
    def sources_at(self, place: str, version: int) -> list[str] | None:
        """Whose batches a route from there shows; None where it cannot be known."""
        if len(place) == len(DESTINATION) and place.isupper():
            return sources_in(place, 0)
        moves = self.moves_at(version)
        return None if moves is None else sources_in(place, moves)

    def expected(self, place: str, number: int, version: int) -> list[int] | None:
        """[count, lowest cents, highest cents] on that day at that version; empty where there is nothing."""
        sources = self.sources_at(place, version)
        if sources is None:
            return None
        seen = [
            (size, cents)
            for source in sources
            for begins, ends, size, cents in self.shown.get((source, number), ())
            if begins <= version < ends
        ]
        if not seen:
            return []
        return [sum(size for size, _ in seen), min(cents for _, cents in seen), max(cents for _, cents in seen)]

    def whole_counts(self, place: str, number: int) -> set[int]:
        """All counts that a route may show of a day, whatever the version: sums of whole batches."""
        sums = {0}
        for source in sources_in(place, 0) if place.isupper() else SOURCES:
            sizes = {size for _, _, size, _ in self.shown.get((source, number), ())}
            sums |= {one + size for one in sums for size in sizes}
        return sums


def version_of(tag: str) -> int:
    """Of an ETag or the id of an event."""
    return int(tag.strip('"').partition("-")[0])


@functools.cache
def identity(seed: int, source: str, number: int, content: int, replaces: str) -> str:
    return contents(seed, source, number, content).id(replaces)
