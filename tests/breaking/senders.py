"""Suppliers: one thread a source, one thing after the other, each until its outcome is known. What is in doubt is sent
again under its key to another node."""

import dataclasses
import json
import random
import threading
import time

from breaking.client import Client, Reply
from breaking.contents import LARGE, PROBE, SMALL, Contents, contents, places
from breaking.evidence import identity

DOUBTFUL = (0, 429, 500, 502, 503, 504)
PIECE_BYTES = 1 << 16


@dataclasses.dataclass
class Shared:
    """What the threads of a workload know together."""

    seed: int
    nodes: list[str]
    stop: threading.Event
    # The number that each source sends, for readers to look at.
    number: dict[str, int] = dataclasses.field(default_factory=dict)
    # The highest version that anybody was told.
    newest: int = 0
    # The batch that was told last as committed, and its version.
    recent: tuple[str, int] | None = None
    # The batch of each source that was told last as accepted.
    told: dict[str, str] = dataclasses.field(default_factory=dict)
    # When a body of a large source was begun, and when it was accepted: what faults wait for.
    accepting: threading.Event = dataclasses.field(default_factory=threading.Event)
    accepted: threading.Event = dataclasses.field(default_factory=threading.Event)
    large_node: str = ""
    # How many of those bodies got no answer.
    unanswered: int = 0
    # The end of the run's patience: what is in doubt then stays so.
    given_up: bool = False

    def is_at_node(self) -> bool:
        """Whether a large source's body is on its way to a node itself, not to the front."""
        return self.accepting.is_set() and self.large_node.startswith("node-")


class Paced:
    """One thing after the other, at a pace, until the end."""

    def __init__(self, shared: Shared, client: Client, pace_seconds: float, seed: str):
        self.shared = shared
        self.client = client
        self.pace = pace_seconds
        self.random = random.Random(f"{shared.seed} {seed}")

    def run(self) -> None:
        while not self.shared.stop.wait(self.pace * self.random.uniform(0.5, 1.5)):
            self.one()

    def one(self) -> None:
        raise NotImplementedError


class Sender(Paced):
    def __init__(self, shared: Shared, client: Client, source: str, pace_seconds: float):
        super().__init__(shared, client, pace_seconds, f"sender {source}")
        self.source = source
        self.number = 0
        self.committed: list[tuple[int, str]] = []

    def one(self) -> None:
        number, self.number = self.number, self.number + 1
        shared, chance = self.shared, self.random
        shared.number[self.source] = number
        what = contents(shared.seed, self.source, number)
        replaces = ""
        if self.source.startswith(SMALL) and self.committed and chance.random() < 0.06:
            replaces = self.committed.pop(chance.randrange(len(self.committed)))[1]
        has_rival = self.source.startswith(SMALL) and not replaces and chance.random() < 0.05
        rival = contents(shared.seed, self.source, number, 1)
        rivals: list[threading.Thread] = []
        if has_rival and chance.random() < 0.5:
            # At the same time at another node: one of both is the batch, and only one.
            own = Client(self.client.history, f"{self.client.name}-rival", self.client.nodes)
            twin = Sender(shared, own, self.source, 0)
            twin.random = random.Random(f"{shared.seed} {self.source} {number} rival")
            rivals = [threading.Thread(target=twin.send, args=(rival, ""), daemon=True)]
            rivals[0].start()
        reply = self.send(what, replaces)
        for thread in rivals:
            thread.join()
        if has_rival and not rivals:
            self.send(rival, "")
        batch_id = identity(shared.seed, self.source, number, 0, replaces)
        if reply.is_ok and reply.json().get("status") == "committed" and not rivals:
            self.committed.append((number, batch_id))
            self.committed = self.committed[-40:]
            if not self.source.startswith(PROBE) and chance.random() < (0.5 if what.size > 5000 else 0.1):
                self.retract(*self.committed.pop(chance.randrange(len(self.committed))))

    def node(self, is_first: bool) -> str:
        if self.source.startswith(PROBE) and (is_first or self.random.random() < 0.7):
            return "front"
        return self.random.choice(["front", *self.shared.nodes])

    def send(self, what: Contents, replaces: str) -> Reply:
        """Until a definite answer comes; at the end of the run, too."""
        chance = self.random
        wait = 0 if self.source.startswith(PROBE) else chance.choice((0, 2, 10))
        is_large = self.source.startswith(LARGE)
        wait = min(wait, 10 * (what.number % 3)) if is_large else wait
        body, kind = what.body()
        tries = 0
        while True:
            tries += 1
            self.client.turn_to(self.node(tries == 1))
            if is_large:
                self.shared.large_node = self.client.node
                self.shared.accepted.clear()
                self.shared.accepting.set()
            headers = {"Content-Type": kind, "Idempotency-Key": what.key, "Prefer": f"wait={wait}"}
            path = f"/v1/batches?source={what.source}" + (f"&replaces={replaces}" if replaces else "")
            if kind == "application/json":
                path = "/v1/batches" + (f"?replaces={replaces}" if replaces else "")
            if is_large:
                headers["Content-Length"] = str(len(body))
                pieces = (body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES))
                reply = self.client.call("POST", path, pieces, headers, 40)
            else:
                reply = self.client.call("POST", path, body, headers, 5 + wait)
            told = reply.json()
            more = {"id": told.get("id")} if reply.is_ok else {}
            self.client.tell(
                "send",
                reply,
                source=what.source,
                number=what.number,
                content=what.content,
                size=what.size,
                replaces=replaces,
                wait=wait,
                state=told.get("status") if reply.is_ok else None,
                batch_version=told.get("version"),
                retracted_version=told.get("retracted_version"),
                price_count=told.get("price_count"),
                **more,
            )
            if is_large:
                self.shared.unanswered += reply.status == 0
                self.shared.accepting.clear()
                self.shared.accepted.set()
            if reply.is_ok:
                self.shared.told[what.source] = told["id"]
                self.shared.newest = max(self.shared.newest, told.get("version") or 0)
                if told.get("version"):
                    self.shared.recent = (told["id"], told["version"])
            if reply.status not in DOUBTFUL:
                # Now and then a repeat, though nobody is in doubt.
                if tries == 1 and chance.random() < 0.03 and not self.shared.stop.is_set():
                    continue
                return reply
            if self.shared.given_up:
                return reply
            time.sleep(min(0.05 * tries, 0.5))

    def retract(self, number: int, batch_id: str) -> None:
        while not self.shared.given_up:
            self.client.turn_to(self.node(False))
            reply = self.client.call("POST", f"/v1/batches/{batch_id}/retraction", b"", {"Prefer": "wait=5"}, 10)
            told = reply.json() if reply.is_ok else {}
            self.client.tell(
                "retract", reply, source=self.source, number=number, id=batch_id, state=told.get("status"),
                batch_version=told.get("version"), retracted_version=told.get("retracted_version"),
            )  # fmt: skip
            if reply.status not in DOUBTFUL:
                return
            time.sleep(0.2)


class Mover(Paced):
    """Changes the places now and then: each move takes one port to the other half. After a doubt it looks first."""

    def __init__(self, shared: Shared, client: Client, pace_seconds: float):
        super().__init__(shared, client, pace_seconds, "mover")

    def one(self) -> None:
        self.client.turn_to(self.random.choice(["front", *self.shared.nodes]))
        self.move()

    def look(self) -> tuple[int, str] | None:
        reply = self.client.call("GET", "/v1/places")
        moves, tag = None, reply.headers.get("etag", "")
        if reply.status == 200:
            name = next((one["name"] for one in reply.json()["regions"] if one["name"].startswith("Move ")), None)
            moves = int(name.split()[1]) if name else None
        self.client.tell("places", reply, put=False, moves=moves, tag=tag)
        return (moves, tag) if moves is not None else None

    def move(self) -> None:
        seen = self.look()
        if seen:
            self.put(seen[0] + 1, seen[1])

    def put(self, moves: int, tag: str | None) -> Reply:
        headers = {"Content-Type": "application/json"} | ({"If-Match": tag} if tag else {})
        reply = self.client.call("PUT", "/v1/places", json.dumps(places(moves)).encode(), headers)
        self.client.tell("places", reply, put=True, moves=moves, tag=reply.headers.get("etag", ""))
        return reply
