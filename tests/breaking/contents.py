"""What each batch of the workload contains, from (seed, source, number, content) alone, so that the checker knows it
without having seen it. All prices of a batch are the same, on a day and a route that no other batch of its source has:
a torn batch shows as a count between none and all. Content 1 is another content under the same key."""

import dataclasses
import datetime
import functools
import hashlib
import json
import random

FIRST_DAY = datetime.date(1990, 1, 1)
DESTINATION = "NLRTM"
# What a source sends, by how its name begins.
PROBE, SMALL, LARGE = "probe", "small", "large"
SOURCES = ("probe-0", "probe-1", "small-0", "small-1", "small-2", "large-0")
HALVES = ("west", "east")
WHOLE = "everywhere"
SMALL_BODY_PRICES_MAX = 5000


def origin_of(source: str) -> str:
    """A port of its own."""
    return "CN" + "ABCDEFGH"[SOURCES.index(source)] * 3


def day_of(number: int) -> str:
    return (FIRST_DAY + datetime.timedelta(days=number)).isoformat()


def number_of(day: str) -> int:
    return (datetime.date.fromisoformat(day) - FIRST_DAY).days


@dataclasses.dataclass(frozen=True)
class Contents:
    source: str
    number: int
    content: int
    size: int
    cents: int

    @property
    def key(self) -> str:
        return f"key-{self.number}"

    @property
    def price(self) -> str:
        return f"{self.cents // 100}.{self.cents % 100:02}"

    def digest(self, replaces: str = "") -> bytes:
        line = f"{origin_of(self.source)},{DESTINATION},{day_of(self.number)},{self.cents}\n"
        return hashlib.sha256(f"{replaces}\n".encode() + line.encode() * self.size).digest()

    def id(self, replaces: str = "") -> str:
        """As any node names it (rule 4)."""
        name = self.source.encode() + b"\0" + self.key.encode() + b"\0" + self.digest(replaces)
        return hashlib.sha256(name).hexdigest()[:32]

    def body(self) -> tuple[bytes, str]:
        """With its Content-Type: each form has its turn."""
        row = {
            "orig_code": origin_of(self.source),
            "dest_code": DESTINATION,
            "day": day_of(self.number),
            "price": float(self.price),
        }
        if self.size <= SMALL_BODY_PRICES_MAX and self.number % 3 == 0:
            return json.dumps({"source": self.source, "prices": [row] * self.size}).encode(), "application/json"
        if self.number % 2:
            return (json.dumps(row) + "\n").encode() * self.size, "application/x-ndjson"
        line = f"{row['orig_code']},{row['dest_code']},{row['day']},{self.price}\n"
        return b"orig_code,dest_code,day,price\n" + line.encode() * self.size, "text/csv"


@functools.cache
def contents(seed: int, source: str, number: int, content: int = 0) -> Contents:
    chance = random.Random(f"{seed} {source} {number}")
    if source.startswith(PROBE):
        size = 5
    elif source.startswith(LARGE):
        size = 1_000_000 if number % 24 == 5 else 50_000
    else:
        size = 3000 if chance.random() < 0.03 else chance.randrange(1, 51)
    cents = chance.randrange(100, 1_000_000)
    return Contents(source, number, content, size + content, cents + content)


def places(moves: int) -> dict:
    """All ports; with each move one of them changes its half. The whole's name tells the count of moves."""
    halves = [HALVES[is_east(source, moves)] for source in SOURCES]
    return {
        "regions": [
            {"slug": WHOLE, "name": f"Move {moves}", "parent_slug": None},
            *({"slug": half, "name": half, "parent_slug": WHOLE} for half in HALVES),
        ],
        "ports": [
            {"code": DESTINATION, "name": "Rotterdam", "parent_slug": WHOLE},
            *(
                {"code": origin_of(source), "name": source, "parent_slug": half}
                for source, half in zip(SOURCES, halves, strict=True)
            ),
        ],
    }


def is_east(source: str, moves: int) -> bool:
    """Move m concerns the source m mod their count."""
    index, count = SOURCES.index(source), len(SOURCES)
    own = (moves - index + count - 1) // count if moves > index else 0
    return (index + own) % 2 == 1


def sources_in(place: str, moves: int) -> list[str]:
    if place in HALVES:
        return [source for source in SOURCES if HALVES[is_east(source, moves)] == place]
    if place == WHOLE:
        return list(SOURCES)
    return [source for source in SOURCES if origin_of(source) == place]
