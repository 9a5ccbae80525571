"""The checker on histories that are good, and on the same with one fault planted, one for each promise."""

import copy
import hashlib

import pytest

from breaking.checker import check
from breaking.contents import SOURCES, contents, origin_of, places, sources_in
from breaking.evidence import identity

SEED = 7
NODES = ["node-a", "node-b", "node-c"]


class World:
    """A system that does all right, and its history."""

    def __init__(self):
        self.time = 0.0
        self.lines: list[dict] = [{"what": "run", "seed": SEED, "nodes": NODES}]
        self.events: list[dict] = []
        self.rows: dict[str, dict] = {}

    def at(self, seconds: float = 1.0) -> dict:
        began, self.time = self.time + 0.1, self.time + seconds
        return {"began": began, "ended": self.time - 0.1, "client": "c"}

    def version(self, kind: str, batch_id: str = "") -> int:
        number = len(self.events) + 1
        tag = f"{number}-{hashlib.sha256(str((number, kind, batch_id)).encode()).hexdigest()[:8]}"
        self.events.append({"version": number, "kind": kind, "batch_id": batch_id, "tag": tag})
        for node in NODES:
            self.lines.append(
                {
                    "what": "event", "node": node, "number": number, "kind": kind, "batch_id": batch_id, "tag": tag,
                    "ended": self.time,
                }
            )  # fmt: skip
        return number

    def put_places(self, moves: int) -> None:
        version = self.version("places")
        self.lines.append(
            {
                "what": "places", "put": True, "node": "node-a", "status": 200, "version": version,
                "moves": moves, "tag": f'"{self.events[-1]["tag"]}"', **self.at(),
            }
        )  # fmt: skip

    def send(self, source: str, number: int, content: int = 0, replaces: str = "", status: int = 201) -> str:
        what = contents(SEED, source, number, content)
        batch_id = identity(SEED, source, number, content, replaces)
        line = {
            "what": "send", "source": source, "number": number, "content": content, "replaces": replaces,
            "node": "node-b", "status": status, **self.at(),
        }  # fmt: skip
        if status == 201 or (status in (0, 202) and batch_id not in self.rows):
            version = self.version("batch", batch_id)
            self.rows[batch_id] = {
                "id": batch_id, "source": source, "idempotency_key": what.key, "status": "committed",
                "price_count": what.size, "digest": what.digest(replaces).hex(), "version": version,
                "retracted_version": None,
            }  # fmt: skip
            if replaces:
                self.rows[replaces] |= {"status": "retracted", "retracted_version": version}
        if 200 <= status < 300:
            line |= {"id": batch_id, "price_count": what.size}
            line["batch_version"] = self.rows[batch_id]["version"] if status != 202 else None
        if status == 409:
            line["problem"] = "/problems/key-conflict"
        self.lines.append(line | {"version": len(self.events)})
        return batch_id

    def retract(self, batch_id: str) -> None:
        version = self.version("retraction", batch_id)
        self.rows[batch_id] |= {"status": "retracted", "retracted_version": version}
        self.lines.append(
            {
                "what": "retract", "id": batch_id, "node": "node-c", "status": 200, "version": version,
                "retracted_version": version, **self.at(),
            }
        )  # fmt: skip

    def read(self, origin: str, moves: int, asked: int = 0, least: int = 0) -> None:
        version = asked or len(self.events)
        rates: dict[str, list[int]] = {}
        for source in sources_in(origin, moves):
            for row in self.rows.values():
                ends = row["retracted_version"] or 10**9
                if row["source"] == source and row["version"] <= version < ends:
                    number = int(row["idempotency_key"].removeprefix("key-"))
                    price = contents(SEED, source, number).cents
                    old = rates.get(str(number), [0, price, price])
                    rates[str(number)] = [
                        old[0] + row["price_count"], min(old[1], price), max(old[2], price),
                    ]  # fmt: skip
        self.lines.append(
            {
                "what": "read", "origin": origin, "first": 0, "last": 9, "asked": asked, "least": least,
                "shown": version, "version": len(self.events), "node": "node-a", "status": 200, "rates": rates,
                **self.at(),
            }
        )  # fmt: skip

    def end(self) -> list[dict]:
        for node in NODES:
            self.lines.append({"what": "dump", "kind": "events", "node": node, "rows": copy.deepcopy(self.events)})
            rows = copy.deepcopy(list(self.rows.values()))
            self.lines.append({"what": "dump", "kind": "batches", "node": node, "rows": rows})
        return self.lines


@pytest.fixture
def good() -> list[dict]:
    world = World()
    world.put_places(0)
    first = world.send("small-0", 0)
    world.send("probe-0", 0, status=202)
    world.send("small-1", 0, status=0)
    world.send("small-1", 0, status=200)
    world.read(origin_of("small-0"), 0)
    world.read("west", 0, least=3)
    world.retract(first)
    world.read(origin_of("small-0"), 0)
    second = world.send("small-0", 1)
    world.send("small-0", 1, content=1, status=409)
    world.send("small-0", 2, replaces=second)
    world.put_places(1)
    world.read("west", 1)
    world.read("east", 1)
    world.read("everywhere", 1)
    world.read(origin_of("small-0"), 1, asked=2)
    return world.end()


@pytest.fixture
def restored() -> list[dict]:
    """The store goes back to version 2; the two batches that came after it are decided the other way round."""
    world = World()
    world.put_places(0)
    world.send("small-0", 0)
    world.send("small-1", 0)
    world.send("probe-0", 0)
    world.read(origin_of("small-1"), 0)
    world.read(origin_of("probe-0"), 0)
    old = world.lines
    tag = world.events[-1]["tag"]
    rows = list(world.rows.values())
    began = world.time
    world.events, world.rows, world.lines = world.events[:2], {rows[0]["id"]: rows[0]}, []
    for row in (rows[2], rows[1]):
        world.rows[row["id"]] = row | {"version": world.version("batch", row["id"])}
    world.at(5)
    for line in world.lines:
        line["ended"] = world.time + 1
    resets = [{"what": "reset", "node": node, "after": tag, "ended": began + 1} for node in NODES]
    again = [
        {"what": "event", "node": node, "number": event["version"], "ended": began + 1, **event}
        for node in NODES
        for event in world.events[:2]
    ]
    old += [*resets, *again, *world.lines]
    old.append({"what": "restored", "version": 2, "began": began, "ended": world.time})
    world.lines = old
    world.at()
    world.read(origin_of("small-1"), 0)
    world.read(origin_of("probe-0"), 0, asked=3)
    return world.end()


def found(lines: list[dict]) -> set[str]:
    return {violation.promise for violation in check(lines)}


def texts(lines: list[dict]) -> list[str]:
    return [violation.text for violation in check(lines)]


def one(lines: list[dict], what: str, **fields: object) -> dict:
    return next(
        line for line in lines if line["what"] == what and all(line.get(name) == told for name, told in fields.items())
    )


def dumps(lines: list[dict], kind: str) -> list[list[dict]]:
    return [line["rows"] for line in lines if line["what"] == "dump" and line["kind"] == kind]


def test_a_good_history_passes(good):
    assert check(good) == []


def test_a_good_history_with_a_restore_passes(restored):
    assert check(restored) == []


def test_without_the_restore_it_is_another_history(restored):
    restored.remove(one(restored, "restored"))
    assert {"versions", "lost"} <= found(restored)


def test_lost_by_a_restore(restored):
    for rows in dumps(restored, "batches"):
        rows.pop()
    assert "lost" in found(restored)


def test_what_the_backup_had_stays(restored):
    one(restored, "restored")["version"] = 4
    assert "lost" in found(restored)


def test_torn_before_a_restore(restored):
    line = one(restored, "read", origin=origin_of("probe-0"))
    line["rates"]["0"][0] -= 1
    assert found(restored) == {"torn"}


def test_mixed_after_a_restore(restored):
    line = [line for line in restored if line.get("origin") == origin_of("small-1")][-1]
    line["shown"] = 3
    assert found(restored) == {"mixed"}


def test_a_reset_after_the_restore(restored):
    restored.append({**one(restored, "reset"), "ended": 99.0})
    assert found(restored) == {"versions"}


def test_a_node_that_goes_back_after_the_restore(restored):
    [line for line in restored if line["what"] == "read"][-1]["version"] = 1
    assert "own writes" in found(restored)


def test_ids_are_those_of_rule_4():
    what = contents(SEED, "probe-0", 3)
    line = f"CNAAA,NLRTM,1990-01-04,{what.cents}\n" * 5
    assert what.digest().hex() == hashlib.sha256(("\n" + line).encode()).hexdigest()
    named = hashlib.sha256(b"probe-0\0key-3\0" + what.digest()).hexdigest()
    assert what.id() == named[:32]


def test_each_move_takes_one_port_to_the_other_half():
    for moves in range(20):
        before, after = places(moves)["ports"], places(moves + 1)["ports"]
        moved = [left["name"] for left, right in zip(before, after, strict=True) if left != right]
        assert moved == [SOURCES[moves % len(SOURCES)]]


def test_missing_dumps(good):
    assert found([line for line in good if line.get("node") != "node-b" or line["what"] != "dump"]) == {"complete"}


@pytest.mark.parametrize(
    ("status", "problem", "is_good"),
    [
        (503, "/problems/store-unavailable", True),
        (503, "<html>No server is available", False),
        (500, "/problems/internal", False),
        (409, "/problems/replaces-conflict", False),
        (304, "", False),
    ],
)
def test_answers_that_the_contract_has_not(good, status, problem, is_good):
    line = one(good, "read")
    good.append({**line, "status": status, "problem": problem, "rates": {}})
    assert texts(good) == ([] if is_good else [f"node-a answered read with {status} {problem}"])


def test_the_front_speaks_for_itself_where_no_node_does(good):
    line = {**one(good, "read"), "status": 503, "problem": "/problems/unavailable", "rates": {}}
    good.append({**line, "node": "front"})
    assert check(good) == []
    good.append(line)
    assert texts(good) == ["node-a answered read with 503 /problems/unavailable"]


@pytest.mark.parametrize("what", ["send", "retract", "read"])
def test_an_answer_without_a_version(good, what):
    line = one(good, what)
    line.pop("version")
    line |= {"shown": None} if what == "read" else {}
    assert f"{line['node']} answered {what} without a version" in texts(good)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_lost_batch(good, status):
    one(good, "send", source="probe-0")["status"] = status
    for rows in dumps(good, "batches"):
        rows.pop(1)
    assert "lost" in found(good)


def test_lost_batch_that_stays_accepted(good):
    for rows in dumps(good, "batches"):
        rows[1] |= {"status": "accepted", "version": None}
    assert "lost" in found(good)


def test_lost_batch_rejected_without_reason(good):
    for rows in dumps(good, "batches"):
        rows[1] |= {"status": "rejected", "version": None, "problem": {"type": "/problems/key-conflict"}}
    assert "lost" in found(good)


def test_lost_batch_by_a_conflict_with_what_was_sent_later(good):
    """The other content began only after this one was accepted: it cannot have been first."""
    line = one(good, "send", source="probe-0")
    after = {**line, "content": 1, "began": line["ended"] + 1, "ended": line["ended"] + 2, "status": 202}
    later = identity(SEED, "probe-0", 0, 1, "")
    what = contents(SEED, "probe-0", 0, 1)
    good.append(after | {"id": later, "price_count": what.size})
    for rows in dumps(good, "batches"):
        committed = {**rows[1], "id": later, "price_count": what.size, "digest": what.digest().hex()}
        rows[1] |= {"status": "rejected", "version": None}
        rows.append(committed)
    for events in dumps(good, "events"):
        events[2]["batch_id"] = later
    for line in good:
        if line["what"] == "event" and line["number"] == 3:
            line["batch_id"] = later
    assert "lost" in found(good)


def test_rejected_for_a_conflict_that_the_history_shows(good):
    line = one(good, "send", source="probe-0")
    earlier = {**line, "content": 1, "began": line["began"] - 0.05, "status": 0}
    good.insert(good.index(line), {**earlier, "id": None})
    good[good.index(line) - 1].pop("id")
    before, after = identity(SEED, "probe-0", 0, 0, ""), identity(SEED, "probe-0", 0, 1, "")
    what = contents(SEED, "probe-0", 0, 1)
    for rows in dumps(good, "batches"):
        committed = {**rows[1], "id": after, "price_count": what.size, "digest": what.digest().hex()}
        rows[1] |= {"status": "rejected", "version": None}
        rows.append(committed)
    for event in [event for events in dumps(good, "events") for event in events] + good:
        if event.get("batch_id") == before:
            event["batch_id"] = after
    for line in good:
        if line["what"] == "read":
            for rate in line["rates"].values():
                old = contents(SEED, "probe-0", 0).cents
                rate[1:] = [cents + (cents == old) for cents in rate[1:]]
                rate[0] += old + 1 in rate[1:]
    # What stands in routes of several sources is told by their model, not by this.
    assert found([line for line in good if line["what"] != "read"]) == set()


def test_lost_retraction(good):
    for rows in dumps(good, "batches"):
        rows[0] |= {"status": "committed", "retracted_version": None}
    assert "lost" in found(good)


def test_retracted_by_nobody(good):
    good.remove(one(good, "retract"))
    assert any("which nobody asked for" in text for text in texts(good))


def test_a_replaced_batch_that_stays(good):
    for rows in dumps(good, "batches"):
        next(row for row in rows if row["idempotency_key"] == "key-1" and row["retracted_version"]).update(
            status="committed", retracted_version=None
        )
    assert any("says it is retracted at none" in text for text in texts(good))


def test_a_retraction_of_another_batch(good):
    other = dumps(good, "batches")[0][1]["id"]
    for line in good:
        if line["what"] == "event" and line["kind"] == "retraction":
            line["batch_id"] = other
    for rows in dumps(good, "events"):
        next(row for row in rows if row["kind"] == "retraction")["batch_id"] = other
    assert any("versions say none" in text for text in texts(good))


def test_a_version_of_a_batch_that_is_not_there(good):
    for rows in dumps(good, "batches"):
        gone = rows.pop(1)
    assert any(f"commits {gone['id']}, which is None" in text for text in texts(good))


@pytest.mark.parametrize("status", [404, 409])
def test_lost_on_a_node_that_does_not_know_it(good, status):
    one(good, "retract")["status"] = status
    assert "lost" in found(good)


def test_lost_places(good):
    one(good, "places", moves=1)["tag"] = '"5-00000000"'
    assert "lost" in found(good)


def test_refused_without_reason(good):
    one(good, "send", source="small-1", status=0)["status"] = 422
    assert {"lost", "twice"} <= found(good)


def test_a_conflict_with_nothing(good):
    one(good, "send", status=409)["number"] = 3
    assert texts(good) == ["small-0 key-3 (content 1) was refused without reason"]


def test_a_conflict_with_what_is_not_in_either(good):
    line = {**one(good, "send", status=409), "number": 3}
    good += [line, {**line, "content": 0}]
    assert texts(good) == [f"small-0 key-3 (content {content}) was refused without reason" for content in (1, 0)]


@pytest.mark.parametrize(("status", "word"), [(202, "accepted, and is rejected"), (409, "refused")])
def test_a_replaces_conflict_with_what_is_there(good, status, word):
    line = one(good, "send", source="small-1", status=200)
    replaces, what = line["id"], contents(SEED, "small-1", 1)
    told = {"id": identity(SEED, "small-1", 1, 0, replaces), "price_count": what.size}
    answer = {"status": status, "batch_version": None, "problem": "/problems/replaces-conflict"}
    good.append({**line, **told, **answer, "number": 1, "replaces": replaces})
    digest, problem = what.digest(replaces).hex(), {"type": "/problems/replaces-conflict"}
    for rows in dumps(good, "batches"):
        rejected = {"status": "rejected", "version": None, "problem": problem}
        rows.append({**rows[2], **told, **rejected, "idempotency_key": what.key, "digest": digest})
    assert texts(good) == [f"small-1 key-1 (content 0) was {word} without reason"]


def test_torn_answer(good):
    next(iter(one(good, "read")["rates"].values()))[0] -= 1
    assert found(good) == {"torn"}


def test_torn_batch(good):
    for rows in dumps(good, "batches"):
        rows[1]["price_count"] -= 1
    assert "torn" in found(good)


def test_torn_count_told(good):
    one(good, "send", source="probe-0")["price_count"] -= 1
    assert texts(good) == ["probe-0 key-0 (content 0) has 5 prices, not what was told"]


def test_foreign_prices(good):
    next(iter(one(good, "read")["rates"].values()))[1] -= 1
    assert found(good) == {"mixed"}


def test_twice_in_an_answer(good):
    next(iter(one(good, "read")["rates"].values()))[0] *= 2
    assert found(good) == {"twice"}


def test_twice_as_versions(good):
    again = {"version": 9, "kind": "batch", "batch_id": one(good, "send")["id"], "tag": "9-00000000"}
    for events in dumps(good, "events"):
        events.append({**again, "version": len(events) + 1})
    assert "twice" in found(good)


def test_twice_in_a_list(good):
    for rows in dumps(good, "batches"):
        rows.append(rows[0])
    batch_id = one(good, "send")["id"]
    assert texts(good) == [f"{node} lists {batch_id} more than once" for node in NODES]


def test_twice_a_key_with_two_contents(good):
    conflict = one(good, "send", content=1)
    what = contents(SEED, "small-0", 1, 1)
    for rows in dumps(good, "batches"):
        twin = {"id": identity(SEED, "small-0", 1, 1, ""), "price_count": what.size, "digest": what.digest().hex()}
        rows.append({**rows[3], **twin})
    assert conflict["status"] == 409
    assert "twice" in found(good)


def test_a_batch_that_nobody_sent(good):
    assert "twice" in found([line for line in good if line.get("source") != "small-1"])


def test_gap_of_versions(good):
    for events in dumps(good, "events"):
        events.pop(3)
    assert "versions" in found(good)


def test_another_chain_on_one_node(good):
    dumps(good, "events")[2][4]["tag"] = "5-00000000"
    assert found(good) == {"versions"}


def test_another_chain_than_was_told(good):
    one(good, "event", node="node-c", number=4)["tag"] = "4-00000000"
    assert found(good) == {"versions"}


def test_places_of_another_chain(good):
    one(good, "places")["tag"] = '"1-00000000"'
    assert any("places are tagged" in text for text in texts(good))


def test_a_reset_without_a_restore(good):
    tag = one(good, "event", node="node-c", number=8)["tag"]
    good.append({"what": "reset", "node": "node-c", "after": tag, "ended": 99.0})
    assert texts(good) == [f"node-c could not go on from {tag}"]


def test_a_stream_that_leaves_one_out(good):
    good.remove(one(good, "event", node="node-c", number=4))
    assert found(good) == {"versions"}


def test_another_batch_on_one_node(good):
    dumps(good, "batches")[1][2]["version"] += 1
    assert "versions" in found(good)


def test_order_of_a_source(good):
    first, second = one(good, "send", source="small-0", number=0), one(good, "send", source="small-0", number=2)
    for field in ("began", "ended"):
        first[field], second[field] = second[field], first[field]
    assert "order" in found(good)


def test_order_of_a_retraction(good):
    line = one(good, "retract")
    line["began"] += 100
    line["ended"] += 100
    assert "order" in found(good)


def test_older_than_demanded(good):
    one(good, "read", origin="west")["least"] = 4 + 1
    assert "stale" in found(good)


def test_another_version_than_asked_for(good):
    one(good, "read", asked=2)["asked"] = 1
    assert found(good) == {"stale"}


def test_mixed_versions_by_a_batch(good):
    """A retracted batch still shows."""
    reads = [line for line in good if line["what"] == "read" and line["origin"] == origin_of("small-0")]
    reads[1]["rates"] = reads[0]["rates"]
    assert found(good) == {"mixed"}


def test_mixed_versions_by_places(good):
    west, east = [next(line for line in reversed(good) if line.get("origin") == half) for half in ("west", "east")]
    west["rates"], east["rates"] = east["rates"], west["rates"]
    # What the other half shows is no sum of whole batches of this one, or one of another version.
    assert found(good) <= {"mixed", "torn"} and found(good)


def test_days_that_nobody_asked_for(good):
    line = one(good, "read")
    line["rates"]["10"] = line["rates"]["0"]
    assert texts(good) == [f"{line['origin']} shows days that nobody asked for: ['10']"]


def test_a_version_that_never_was(good):
    one(good, "read", asked=2)["shown"] = 99
    assert {"mixed", "stale"} == found(good)


def test_own_writes_not_shown(good):
    line = one(good, "send", source="small-0")
    line["version"] = line["batch_version"] - 1
    assert "own writes" in found(good)


def test_own_writes_created_without_a_version(good):
    one(good, "send", source="small-0")["batch_version"] = None
    assert texts(good) == ["small-0 key-0 (content 0): 201 without a version"]


def test_own_writes_that_are_said_to_wait(good):
    line = {**one(good, "send", source="small-0"), "what": "get", "node": "node-a", "status": 200, "state": "accepted"}
    good.append({**line, "batch_version": None, "version": 2, "began": 90.0, "ended": 91.0})
    assert "own writes" in found(good)


def test_a_node_that_goes_back(good):
    last = [line for line in good if line["what"] == "read"][-1]
    last |= {"version": 1}
    assert "own writes" in found(good)


def test_an_answer_of_another_batch(good):
    one(good, "send", source="small-0")["id"] = "0" * 32
    assert "mixed" in found(good)


def test_a_version_told_that_is_not_its_own(good):
    one(good, "send", source="small-0")["batch_version"] = 1
    assert "lost" in found(good)


def test_a_retraction_told_that_is_not_its_own(good):
    one(good, "retract")["retracted_version"] = 4
    assert texts(good) == ["small-0 key-0 (content 0): retracted_version 4 is not so in the end"]
