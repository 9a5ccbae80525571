"""Who asks: rates of routes at the newest and at single versions, with a least version, through the balancer and of
nodes directly; the steady `/rates` whose gaps are measured; and a stream of each node's versions."""

import contextlib
import http.client
import json
import time

from breaking.client import PORT, Client
from breaking.contents import DESTINATION, HALVES, SOURCES, WHOLE, day_of, number_of, origin_of
from breaking.history import History, now
from breaking.senders import Paced, Shared

DAYS = 20


class Reader(Paced):
    def __init__(self, shared: Shared, client: Client, pace_seconds: float):
        super().__init__(shared, client, pace_seconds, client.name)

    def one(self) -> None:
        chance, shared = self.random, self.shared
        self.client.turn_to(chance.choice(["front", *shared.nodes]))
        if shared.recent and chance.random() < 0.15:
            self.ask_for_batch(*shared.recent)
            return
        source = chance.choice(SOURCES)
        origin = chance.choice((origin_of(source), origin_of(source), *HALVES, WHOLE))
        last = shared.number.get(source, 0)
        if chance.random() < 0.2:
            last = chance.randrange(last + 1)
        asked = chance.randrange(1, shared.newest + 1) if shared.newest and chance.random() < 0.1 else 0
        least = shared.newest if not asked and chance.random() < 0.3 else 0
        rates(self.client, origin, max(0, last - DAYS), last, asked, least)

    def ask_for_batch(self, batch_id: str, version: int) -> None:
        """Of any node: what one has told as committed, all have."""
        reply = self.client.call("GET", f"/v1/batches/{batch_id}", headers={"Ratebook-Min-Version": str(version)})
        told = reply.json() if reply.is_ok else {}
        self.client.tell(
            "get", reply, id=batch_id, least=version, state=told.get("status"), batch_version=told.get("version"),
            retracted_version=told.get("retracted_version"), price_count=told.get("price_count"),
        )  # fmt: skip


def rates(client: Client, origin: str, first: int, last: int, asked: int = 0, least: int = 0) -> str:
    """Why there was no answer; empty when there was."""
    path = (
        f"/v1/rates?origin={origin}&destination={DESTINATION}&date_from={day_of(first)}&date_to={day_of(last)}"
        "&stats=count,min,max" + (f"&version={asked}" if asked else "")
    )
    headers = {"Ratebook-Min-Version": str(least)} if least else {}
    reply = client.call("GET", path, headers=headers, seconds=70 if asked else 10)
    told = reply.json() if reply.status == 200 else {}
    found = {
        number_of(rate["day"]): [rate["count"], round(rate["min"] * 100), round(rate["max"] * 100)]
        for rate in told.get("rates", ())
    }
    client.tell(
        "read", reply, origin=origin, first=first, last=last, asked=asked, least=least,
        shown=told.get("version"), rates=found,
    )  # fmt: skip
    return "" if reply.status == 200 else reply.error or f"{reply.status} {reply.json().get('detail', '')}"


class Steady(Paced):
    """`GET /rates` through the balancer, when it is due: what an analyst sees of a fault."""

    def __init__(self, shared: Shared, client: Client, pace_seconds: float):
        super().__init__(shared, client, pace_seconds, client.name)

    def run(self) -> None:
        due = time.monotonic()
        while not self.shared.stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + self.pace, time.monotonic() - 0.5)
            self.one()

    def one(self) -> None:
        source = self.random.choice(SOURCES)
        last = self.shared.number.get(source, 0)
        first = max(0, last - DAYS)
        query = f"date_from={day_of(first)}&date_to={day_of(last)}"
        reply = self.client.call(
            "GET", f"/rates?{query}&orig_code={origin_of(source)}&dest_code={DESTINATION}", seconds=10
        )
        told = reply.json().get("rates", ()) if reply.status == 200 else ()
        found = {number_of(rate["day"]): [rate["count"]] for rate in told if rate["count"]}
        self.client.tell(
            "rate", reply, origin=origin_of(source), first=first, last=last, shown=reply.line().get("version"),
            rates=found,
        )  # fmt: skip


class Stream:
    """The events of one node, taken up again where they broke off."""

    def __init__(self, shared: Shared, history: History, node: str, address: str):
        self.shared = shared
        self.history = history
        self.node = node
        self.address = address
        self.last = "0-00000000"

    def run(self) -> None:
        while not self.shared.stop.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self.follow()
            self.shared.stop.wait(0.1)

    def follow(self) -> None:
        connection = http.client.HTTPConnection(self.address, PORT, timeout=20)
        try:
            connection.request("GET", "/v1/events", headers={"Last-Event-ID": self.last})
            answer = connection.getresponse()
            if answer.status != 200:
                return
            event: dict[str, str] = {}
            while not self.shared.stop.is_set() and (raw := answer.readline()):
                line = raw.decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                    continue
                if event.get("event") == "version":
                    self.tell(event)
                elif event.get("event") == "reset":
                    self.history.add("reset", node=self.node, after=self.last, ended=now())
                    self.last = "0-00000000"
                    # This stream would leave out the versions that became visible before it.
                    return
                event = {}
        finally:
            connection.close()

    def tell(self, event: dict[str, str]) -> None:
        told = json.loads(event["data"])
        self.last = event["id"]
        self.shared.newest = max(self.shared.newest, told["version"])
        self.history.add(
            "event", node=self.node, ended=now(), number=told["version"], tag=event["id"], kind=told["kind"],
            batch_id=told.get("batch_id") or "",
        )  # fmt: skip
