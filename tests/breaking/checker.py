"""Proves from a history that every promise was kept, or names each that was not with the lines that show it. A promise
is one function; run as a program it checks a file again."""

import dataclasses
import itertools
import json
import pathlib
import sys
from collections.abc import Iterable, Iterator

from breaking.evidence import NEVER, Asked, Evidence, version_of
from breaking.history import read

SHOWN_MAX = 40

# What a node may answer each question of the workload with, where not with 2xx: a status and the type of its problem.
REFUSALS = {
    "send": {(409, "key-conflict"), (409, "replaces-conflict"), (429, "too-much-waiting")},
    "retract": {(404, "unknown-batch"), (409, "not-committed")},
    "get": {(404, "unknown-batch")},
    "read": {(404, "unknown-version")},
    "rate": set(),
    "places": {(412, "places-changed")},
}
UNAVAILABLE = {"not-ready", "version-not-visible", "overloaded", "store-unavailable", "not-accepted", "outcome-unknown"}
# What the front says itself, where no node answers it.
NO_NODE = {(502, "unavailable"), (503, "unavailable"), (504, "unavailable")}


@dataclasses.dataclass(frozen=True)
class Violation:
    promise: str
    text: str
    lines: tuple[dict, ...] = ()


def is_ok(line: dict) -> bool:
    return 200 <= line["status"] < 300


def complete(evidence: Evidence) -> Iterator[Violation]:
    """Without all dumps of all nodes nothing is proven."""
    nodes = next((line["nodes"] for line in evidence.lines if line["what"] == "run"), [])
    for kind in ("batches", "events"):
        missing = set(nodes) - set(evidence.dumps[kind])
        if missing or not nodes:
            yield Violation("complete", f"no dump of {kind} of {sorted(missing) or 'any node'}")


def contract(evidence: Evidence) -> Iterator[Violation]:
    """Every answer is one that the contract has for its question; a 2xx names the version that it speaks from."""
    for line in evidence.lines:
        status = line.get("status", 0)
        if status == 0:
            continue
        if is_ok(line):
            if line.get("version") is None:
                yield Violation("contract", f"{line['node']} answered {line['what']} without a version", (line,))
            continue
        told = line.get("problem", "")
        answer = (status, told.removeprefix("/problems/"))
        is_of_front = line["node"] == "front" and answer in NO_NODE
        is_known = answer in REFUSALS[line["what"]] or (status == 503 and answer[1] in UNAVAILABLE)
        if not is_known and not is_of_front:
            yield Violation("contract", f"{line['node']} answered {line['what']} with {status} {told}", (line,))


def lost(evidence: Evidence) -> Iterator[Violation]:
    """Promise 2: what was accepted is committed, or rejected for a reason that the history shows."""
    for batch_id, one in evidence.asked.items():
        told = one.first_told("send")
        fate = evidence.fates.get(batch_id)
        if told and fate is None:
            yield Violation("lost", f"{name(one)} was accepted, and no node knows it", tuple(one.lines))
        elif told and fate.status == "accepted":
            yield Violation("lost", f"{name(one)} was accepted, and is not committed in the end", tuple(one.lines))
        elif told and fate.status == "rejected" and not reason_to_reject(evidence, batch_id, told):
            yield Violation("lost", f"{name(one)} was accepted, and is rejected without reason", tuple(one.lines))
        taken_out = one.first_told("retract")
        if taken_out and (fate is None or fate.status != "retracted"):
            yield Violation("lost", f"{name(one)}: its retraction was accepted, and is not done", tuple(one.lines))
        committed = [line["ended"] for line in one.sends if is_ok(line) and line.get("batch_version")]
        for line in one.lines:
            is_later = committed and min(committed) < line["began"]
            is_undone = evidence.is_undone(fate.version if fate else NEVER, line["began"])
            if is_later and not is_undone and line["what"] != "send" and line["status"] in (404, 409):
                yield Violation("lost", f"{name(one)} was committed, and {line['node']} does not know it", (line,))
    for line in evidence.lines:
        if line["what"] == "places" and line.get("put") and line["status"] == 200:
            version = version_of(line["tag"])
            if evidence.is_undone(version, line["began"]):
                continue
            if not any(event["version"] == version and event["kind"] == "places" for event in evidence.events):
                yield Violation("lost", f"places were accepted as version {version}, which is none of places", (line,))


def reason_to_reject(evidence: Evidence, batch_id: str, told: dict) -> str:
    """key-conflict: another content under the key was sent before this answer, and is the batch.
    replaces-conflict: what it replaces went at a version, or never came."""
    one = evidence.asked[batch_id]
    for other_id in evidence.by_key[one.what.source, one.what.key]:
        other = evidence.fates.get(other_id)
        if other_id != batch_id and other and other.version and evidence.asked[other_id].began < told["ended"]:
            return "key-conflict"
    if one.replaces:
        replaced = evidence.fates.get(one.replaces)
        if replaced is None or not replaced.version or replaced.retracted:
            return "replaces-conflict"
    return ""


def refused(evidence: Evidence) -> Iterator[Violation]:
    """Promise 3, its other half: what a 409 or a 422 has refused is not in; a 409 has a reason."""
    for batch_id, one in evidence.asked.items():
        fate = evidence.fates.get(batch_id)
        no = [line for line in one.sends if line["status"] in (400, 409, 422)]
        if no and fate and fate.version:
            yield Violation("twice", f"{name(one)} was refused, and is committed", tuple(one.lines))
        for line in no:
            if line["status"] != 409 or not reason_to_reject(evidence, batch_id, line):
                yield Violation("lost", f"{name(one)} was refused without reason", (line,))


def told_true(evidence: Evidence) -> Iterator[Violation]:
    """What answers said of a batch is what it is: its id, its size, its version; and 2xx with a version means that the
    node shows it (promise 5)."""
    for batch_id, one in evidence.asked.items():
        fate = evidence.fates.get(batch_id)
        for line in one.lines:
            if not is_ok(line) or "id" not in line:
                continue
            if line["id"] != batch_id:
                yield Violation("mixed", f"{name(one)} has the id {batch_id}, {line['id']} was told", (line,))
            if line.get("price_count") not in (None, one.what.size):
                yield Violation("torn", f"{name(one)} has {one.what.size} prices, not what was told", (line,))
            waits = line["what"] == "get" and line["state"] == "accepted"
            shown = line.get("version", 0)
            is_undone = waits and evidence.is_undone(shown, line["began"])
            if waits and not is_undone and fate and 0 < fate.version <= shown:
                yield Violation("own writes", f"{name(one)} is said to wait at a version that shows it", (line,))
            for told, real in (("batch_version", "version"), ("retracted_version", "retracted")):
                version = line.get(told)
                is_other = fate is None or getattr(fate, real) != version
                if version and is_other and not evidence.is_undone(version, line["began"]):
                    yield Violation("lost", f"{name(one)}: {told} {version} is not so in the end", (line,))
                if version and shown < version:
                    yield Violation("own writes", f"{name(one)}: {told} {version} is not shown yet", (line,))
            if line["what"] == "send" and line["status"] == 201 and not line.get("batch_version"):
                yield Violation("own writes", f"{name(one)}: 201 without a version", (line,))


def twice(evidence: Evidence) -> Iterator[Violation]:
    """Promise 3: a key counts once, a batch has one version, and nothing is there that nobody sent."""
    for node, dump in evidence.dumps["batches"].items():
        ids = [row["id"] for row in dump["rows"]]
        for batch_id in {one for one in ids if ids.count(one) > 1} if len(set(ids)) != len(ids) else ():
            yield Violation("twice", f"{node} lists {batch_id} more than once", tuple(lines_of(evidence, batch_id)))
    for key, ids in evidence.by_key.items():
        counted = [one for one in ids if (fate := evidence.fates.get(one)) and fate.version]
        if len(counted) > 1:
            lines = tuple(line for one in counted for line in evidence.asked[one].lines)
            yield Violation("twice", f"{key} is committed with {len(counted)} contents", lines)
    by_batch: dict[str, int] = {}
    for event in evidence.events:
        if event["kind"] == "batch":
            if event["batch_id"] in by_batch:
                text = f"{event['batch_id']} is committed at {by_batch[event['batch_id']]} and {event['version']}"
                yield Violation("twice", text, tuple(lines_of(evidence, event["batch_id"])))
            by_batch[event["batch_id"]] = event["version"]
    for fate in evidence.fates.values():
        one = evidence.asked.get(fate.id)
        if one is None:
            yield Violation("twice", f"{fate.source} {fate.key} ({fate.id}) was sent by nobody")
        elif fate.count != one.what.size or fate.digest.rpartition(":")[2] != one.what.digest(one.replaces).hex():
            yield Violation("torn", f"{name(one)} does not hold what was sent", tuple(one.lines))


def versions(evidence: Evidence) -> Iterator[Violation]:
    """Promise 4: gapless, and the same on every node, chain and all; each says what the batch says."""
    for node, dump in evidence.dumps["events"].items():
        numbers = [row["version"] for row in dump["rows"]]
        if numbers != list(range(1, len(numbers) + 1)):
            wrong = next((pair for pair in itertools.pairwise([0, *numbers]) if pair[1] != pair[0] + 1), None)
            yield Violation("versions", f"{node} has a gap, or one twice: {wrong}")
    by_version = {event["version"]: event for event in evidence.events}
    for kind in ("events", "batches"):
        dumps = list(evidence.dumps[kind].items())
        for (first, left), (second, right) in itertools.pairwise(dumps):
            if left["rows"] != right["rows"]:
                differ = [pair for pair in itertools.zip_longest(left["rows"], right["rows"]) if pair[0] != pair[1]]
                yield Violation("versions", f"{kind} differ between {first} and {second}: {differ[0]}")
    for line in evidence.lines:
        if line["what"] == "event" and evidence.is_undone(line["number"], line["ended"]):
            continue
        if line["what"] == "event" and differs(by_version.get(line["number"]), line):
            yield Violation("versions", f"version {line['number']} is another one in the end", (line,))
        if line["what"] == "places" and line["status"] == 200:
            version = version_of(line["tag"])
            own = by_version.get(version)
            if own and own["tag"] != line["tag"].strip('"') and not evidence.is_undone(version, line["began"]):
                yield Violation("versions", f"places are tagged {line['tag']}, version {version} is {own}", (line,))
        if line["what"] == "reset" and not evidence.is_undone(version_of(line["after"]), line["ended"]):
            yield Violation("versions", f"{line['node']} could not go on from {line['after']}", (line,))
    for fate in evidence.fates.values():
        for version, kinds in ((fate.version, ("batch",)), (fate.retracted, ("retraction", "batch"))):
            event = by_version.get(version)
            if version and (event is None or event["kind"] not in kinds):
                yield Violation("versions", f"{fate.source} {fate.key} says version {version}, which is {event}")
        own = by_version.get(fate.version)
        if fate.version and own and own["batch_id"] != fate.id:
            yield Violation("versions", f"{fate.source} {fate.key} says version {fate.version}, which is {own}")


def retracted(evidence: Evidence) -> Iterator[Violation]:
    """Promise 3: what a version commits or takes out is what the batch says, and somebody asked for it."""
    taken: dict[str, int] = {}
    for event in evidence.events:
        batch_id, fate = event["batch_id"], evidence.fates.get(event["batch_id"])
        if event["kind"] == "batch" and (fate is None or fate.version != event["version"]):
            yield Violation("versions", f"version {event['version']} commits {batch_id}, which is {fate}")
        asked = evidence.asked.get(batch_id)
        if event["kind"] == "retraction":
            taken[batch_id] = event["version"]
            if not asked or all(line["what"] != "retract" for line in asked.lines):
                text = f"version {event['version']} retracts {batch_id}, which nobody asked for"
                yield Violation("lost", text, tuple(lines_of(evidence, batch_id)))
        elif asked and asked.replaces:
            taken[asked.replaces] = event["version"]
    for fate in evidence.fates.values():
        if fate.retracted != taken.get(fate.id, 0):
            text = f"{fate.source} {fate.key} says it is retracted at {fate.retracted or 'none'}, versions say "
            yield Violation("lost", text + f"{taken.get(fate.id, 'none')}", tuple(lines_of(evidence, fate.id)))


def differs(event: dict | None, line: dict) -> bool:
    return event is None or any(event[field] != line[field] for field in ("tag", "kind", "batch_id"))


def streams(evidence: Evidence) -> Iterator[Violation]:
    """Promise 4: one stream of events leaves no version out, and goes nowhere back."""
    last: dict[str, dict] = {}
    for line in evidence.lines:
        if line["what"] == "reset":
            last.pop(line["node"], None)
        if line["what"] != "event":
            continue
        before = last.get(line["node"])
        if before and line["number"] != before["number"] + 1:
            text = f"{line['node']} tells {line['number']} after {before['number']}"
            yield Violation("versions", text, (before, line))
        last[line["node"]] = line


def order(evidence: Evidence) -> Iterator[Violation]:
    """Promise 4: what a source sends after a 2xx comes later, retractions too."""
    steps: dict[str, list[tuple[float, float, int, dict]]] = {}
    for batch_id, one in evidence.asked.items():
        fate = evidence.fates.get(batch_id)
        if fate is None or not fate.version:
            continue
        for what, version in (("send", fate.version), ("retract", fate.retracted)):
            lines = [line for line in one.lines if line["what"] == what]
            told = one.first_told(what)
            if version and lines:
                began = min(lines, key=lambda line: line["began"])
                ended = told["ended"] if told else float("inf")
                steps.setdefault(one.what.source, []).append((began["began"], ended, version, told or began))
    for source, of_source in steps.items():
        # By the answer: the highest version among those that were answered before this one was asked for.
        answered = sorted(of_source, key=lambda step: step[1])
        index, highest = 0, None
        for began, _, version, line in sorted(of_source, key=lambda step: step[0]):
            while index < len(answered) and answered[index][1] < began:
                if highest is None or answered[index][2] > highest[2]:
                    highest = answered[index]
                index += 1
            if highest and highest[2] > version:
                text = f"{source}: what was asked for after a 2xx has version {version}, what had it, {highest[2]}"
                yield Violation("order", text, (highest[3], line))


def stale(evidence: Evidence) -> Iterator[Violation]:
    """Promise 5: never older than demanded."""
    for line in evidence.lines:
        if line["what"] in ("read", "rate", "get") and is_ok(line):
            version = line.get("version", 0)
            if line.get("least") and version < line["least"]:
                yield Violation("stale", f"version {line['least']} was demanded, {version} given", (line,))
            if line.get("asked") and line["shown"] != line["asked"]:
                yield Violation("stale", f"version {line['asked']} was asked for, {line['shown']} given", (line,))


def went_back(evidence: Evidence) -> Iterator[Violation]:
    """Promise 5: a node that has answered from a version never answers from one before it. Across a restart, too: ready
    means that it holds all that the store has. Not across a restore of the store."""
    ended: dict[tuple[str, int], list[tuple[float, int, dict]]] = {}
    answers = [
        line
        for line in evidence.lines
        if line["what"] in ("read", "rate", "send", "retract", "get", "places")
        and is_ok(line)
        and line["node"].startswith("node-")
        and line.get("version") is not None
        and evidence.past_of(line) is not None
    ]
    for line in sorted(answers, key=lambda line: line["ended"]):
        ended.setdefault((line["node"], evidence.past_of(line)), []).append((line["ended"], line["version"], line))
    for (node, _), of_node in ended.items():
        index, highest = 0, None
        for line in sorted((one[2] for one in of_node), key=lambda line: line["began"]):
            while index < len(of_node) and of_node[index][0] < line["began"]:
                if highest is None or of_node[index][1] > highest["version"]:
                    highest = of_node[index][2]
                index += 1
            if highest and line["version"] < highest["version"]:
                text = f"{node} answered from {line['version']} after {highest['version']}"
                yield Violation("own writes", text, (highest, line))


def routes(evidence: Evidence) -> Iterator[Violation]:
    """Promises 1, 3 and 4: every day of every answer is what the model says of the version that the answer names:
    whole batches, once, those of that version and of no other."""
    for line in evidence.lines:
        if line["what"] not in ("read", "rate") or line["status"] != 200:
            continue
        version = line["shown"]
        if version is None:
            continue  # contract() has said so
        beside = [number for number in line["rates"] if not line["first"] <= int(number) <= line["last"]]
        if beside:
            yield Violation("mixed", f"{line['origin']} shows days that nobody asked for: {beside}", (line,))
        if evidence.is_undone(version, line["began"]):
            # What that version was is gone; it had whole batches all the same.
            for number, got in line["rates"].items():
                if got[0] not in evidence.whole_counts(line["origin"], int(number)):
                    yield Violation("torn", f"{line['origin']} on day {number} shows {got}: no whole batches", (line,))
            continue
        if version > evidence.newest:
            yield Violation(
                "mixed", f"version {version} was shown, the newest in the end is {evidence.newest}", (line,)
            )
            continue
        for number in range(line["first"], line["last"] + 1):
            expected = evidence.expected(line["origin"], number, version)
            got = line["rates"].get(str(number), [])
            if expected is None or got == expected[: len(got) or None]:
                continue
            count = got[0] if got else 0
            is_whole = count in evidence.whole_counts(line["origin"], number)
            fits = is_whole and (not expected or count == 0 or count != 2 * expected[0])
            promise = "mixed" if fits else "twice" if expected and count == 2 * expected[0] else "torn"
            text = f"{line['origin']} on day {number} shows {got} at version {version}: it is to be {expected}"
            yield Violation(promise, text, (line,))


def name(one: Asked) -> str:
    return f"{one.what.source} {one.what.key} (content {one.what.content})"


def lines_of(evidence: Evidence, batch_id: str) -> list[dict]:
    return evidence.asked[batch_id].lines if batch_id in evidence.asked else []


PROMISES = (
    complete,
    contract,
    lost,
    refused,
    told_true,
    twice,
    versions,
    retracted,
    streams,
    order,
    stale,
    went_back,
    routes,
)


def check(lines: Iterable[dict]) -> list[Violation]:
    evidence = Evidence(list(lines))
    return [violation for promise in PROMISES for violation in promise(evidence)]


def show(violations: list[Violation]) -> None:
    for violation in violations[:SHOWN_MAX]:
        print(f"BROKEN {violation.promise}: {violation.text}")
        for line in violation.lines[:8]:
            print(f"    {json.dumps(line)[:1000]}")
    if len(violations) > SHOWN_MAX:
        print(f"… and {len(violations) - SHOWN_MAX} more")


def main(path: str) -> None:
    violations = check(read(pathlib.Path(path)))
    show(violations)
    sys.exit(1 if violations else 0)


if __name__ == "__main__":
    main(sys.argv[1])
