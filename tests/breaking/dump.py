"""At the end: waits until nothing is under way and all nodes show the same version, then takes down from every node its
batches, its versions, all its routes at the newest version, and some days of them at past ones."""

import http.client
import json
import random
import time

from breaking.client import PORT, Client
from breaking.contents import HALVES, SOURCES, WHOLE, origin_of
from breaking.history import History, now
from breaking.readers import DAYS, rates
from breaking.senders import Shared

PAST_VERSIONS = 4
DAYS_MAX = 3000


def settle(client: Client, shared: Shared, seconds: float) -> str:
    """What is not settled in time; empty when all is."""
    ends = time.monotonic() + seconds
    lack = "nothing was asked"
    while time.monotonic() < ends:
        seen = []
        for node in shared.nodes:
            client.turn_to(node)
            reply = client.call("GET", "/v1/batches?status=accepted&limit=1")
            waiting = reply.json().get("batches", ["?"]) if reply.status == 200 else [f"status {reply.status}"]
            seen.append((node, reply.headers.get("ratebook-version"), waiting))
        if all(not waiting for _, _, waiting in seen) and len({version for _, version, _ in seen}) == 1:
            return ""
        lack = str(seen)[:600]
        time.sleep(0.3)
    return lack


def all_batches(client: Client) -> list[dict]:
    found, cursor = [], ""
    while True:
        reply = client.call("GET", f"/v1/batches?limit=100{cursor and '&cursor=' + cursor}", seconds=30)
        if reply.status != 200:
            raise OSError(f"{client.node} lists no batches: {reply.status} {reply.error} {reply.body[:300]!r}")
        told = reply.json()
        found += told["batches"]
        if not told.get("next_cursor"):
            return sorted(found, key=lambda batch: batch["id"])
        cursor = told["next_cursor"]


def all_events(address: str, newest: int) -> list[dict]:
    """From the first to `newest`; a node may end a long stream, which then goes on with the last id."""
    found: list[dict] = []
    while not found or found[-1]["version"] < newest:
        more = some_events(address, found[-1]["tag"] if found else "0-00000000", newest)
        if not more:
            break
        found += more
    return found


def some_events(address: str, after: str, newest: int) -> list[dict]:
    connection = http.client.HTTPConnection(address, PORT, timeout=20)
    found: list[dict] = []
    try:
        connection.request("GET", "/v1/events", headers={"Last-Event-ID": after})
        answer = connection.getresponse()
        tag = ""
        while (not found or found[-1]["version"] < newest) and (raw := answer.readline()):
            name, _, value = raw.decode().rstrip("\n").partition(": ")
            if name == "id":
                tag = value
            elif name == "data" and "version" in (told := json.loads(value)):
                batch_id = told.get("batch_id") or ""
                found.append({"version": told["version"], "kind": told["kind"], "batch_id": batch_id, "tag": tag})
    finally:
        connection.close()
    return found


def dump(history: History, client: Client, shared: Shared) -> None:
    chance = random.Random(f"{shared.seed} dump")
    newest = 0
    for node in shared.nodes:
        client.turn_to(node)
        newest = int(client.call("GET", "/v1/places").headers["ratebook-version"])
        events = all_events(client.nodes[node], newest)
        history.add("dump", kind="events", node=node, ended=now(), rows=events)
        history.add("dump", kind="batches", node=node, ended=now(), rows=all_batches(client))
    past = sorted(chance.sample(range(1, newest + 1), min(PAST_VERSIONS, newest)))
    last = max(shared.number.values(), default=0)
    whole = [(first, min(last, first + DAYS_MAX - 1), 0) for first in range(0, last + 1, DAYS_MAX)]
    for node in shared.nodes:
        client.turn_to(node)
        for origin in (*(origin_of(source) for source in SOURCES), *HALVES, WHOLE):
            # Past versions read every price from the store: some days of any source's.
            starts = [chance.randrange(chance.choice(list(shared.number.values())) + 1) for _ in past]
            spans = [(first, first + DAYS - 1, version) for first, version in zip(starts, past, strict=True)]
            for first, until, version in whole + spans:
                if reason := rates(client, origin, first, until, version):
                    at = f"at version {version}" if version else "at the newest version"
                    raise OSError(f"{node} does not tell {origin} {at}, days {first} to {until}: {reason}")
