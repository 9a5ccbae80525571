"""What is broken, each under its name: a function that breaks one thing on a Stage and holds it; mending is always the
launcher's `heal` of everything."""

import contextlib
import io
import pathlib
import random
import tempfile
import time
from collections.abc import Callable

from breaking import moments
from breaking.history import History, now
from breaking.senders import Shared
from cluster import backup, kafka_wire, state
from cluster import faults as launcher
from cluster.engine import Engine, ask
from cluster.engines import engines_of
from cluster.trouble import Trouble

RESTORED_SECONDS_MAX = 120


class Stage:
    """A cluster to break, and the workload that runs on it."""

    def __init__(self, name: str, shared: Shared, history: History):
        self.name = name
        self.shared = shared
        self.history = history
        self.random = random.Random()
        self.layout = state.load(name).layout
        # What was broken, for people.
        self.broken: list[str] = []
        # Whether what was to be caught in a named step was seen in it; None where no step is named.
        self.is_caught: bool | None = None

    def engines(self, kind: str) -> list[Engine]:
        return [engine for engine in engines_of(self.layout) if engine.kind == kind]

    def any(self, kind: str) -> str:
        return self.random.choice(self.engines(kind)).name

    def role(self, role: str, seconds: float = 20) -> str:
        """Who has it now; between two holders it is waited for."""
        ends = time.monotonic() + seconds
        while True:
            try:
                return launcher.now_in_role(self.layout, role)
            except Trouble:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.2)

    def primary_address(self) -> str:
        primary = self.role("primary")
        return next(engine.address for engine in self.engines("postgres") if engine.name == primary)

    def fail(self, target: str, how: str) -> None:
        with state.locked(self.name):
            launcher.fail(state.load(self.name), target, how)
        self.broken.append(target)

    def mend(self, target: str) -> None:
        with state.locked(self.name):
            launcher.heal(state.load(self.name), target, False)

    def hold(self, least: float, most: float) -> None:
        time.sleep(self.random.uniform(least, most))

    def partition_leader(self) -> str:
        """A broker that leads a partition of the log; every source's batches wait for one."""
        told = kafka_wire.metadata(self.layout.zones[0].address, 9092)
        leaders = [part.leader for part in told.parts if part.topic == "ratebook" and part.leader > 0]
        return f"kafka-{self.random.choice(leaders)}"

    def writer(self) -> str:
        """The node that is furthest behind in the log: it works on what was sent last."""
        behind = {}
        for engine in self.engines("node"):
            try:
                text = ask(engine.address, 8080, "/metrics").body.decode()
            except OSError:
                continue
            values = [
                line.split()[-1] for line in text.splitlines() if line.startswith("ratebook_kafka_records_behind")
            ]
            behind[engine.name] = sum(float(value) for value in values)
        busy = [name for name, count in behind.items() if count > 0]
        return max(busy, key=behind.get) if busy else self.any("node")


Break = Callable[[Stage], None]


def simple(how: str, find: Callable[[Stage], str], hold: tuple[float, float]) -> Break:
    def do(stage: Stage) -> None:
        stage.fail(find(stage), how)
        stage.hold(*hold)

    return do


def any_of(kind: str) -> Callable[[Stage], str]:
    return lambda stage: stage.any(kind)


def in_role(role: str) -> Callable[[Stage], str]:
    return lambda stage: stage.role(role)


def half(part: str) -> Callable[[Stage], str]:
    """Of the primary: its PostgreSQL alone, or its Patroni alone."""
    return lambda stage: stage.role("primary").replace("postgres", part)


def zone(stage: Stage) -> str:
    return stage.random.choice(stage.layout.zones).name


def while_accepting(how: str) -> Break:
    """The node that receives a large batch, in the midst of it."""

    def do(stage: Stage) -> None:
        ends = time.monotonic() + 60
        while not stage.shared.is_at_node() and time.monotonic() < ends:
            time.sleep(0.01)
        stage.hold(0, 0.1)
        node = stage.shared.large_node
        unanswered = stage.shared.unanswered
        stage.fail(node if node.startswith("node-") else stage.any("node"), how)
        stage.hold(2, 8)
        is_waiting = stage.shared.is_at_node() and stage.shared.large_node == node
        stage.is_caught = is_waiting or stage.shared.unanswered > unanswered

    return do


def while_writing(step: str, how: str) -> Break:
    """A node that stands in the step while a large batch is written; where none is caught, the one that writes."""

    def do(stage: Stage) -> None:
        stage.shared.accepted.clear()
        stage.shared.accepted.wait(40)
        stage.hold(0, 0.4)
        with moments.held(stage.layout, stage.primary_address(), step) as node:
            stage.is_caught = node != ""
            stage.fail(node or stage.writer(), how)
        stage.hold(2, 10)

    return do


def switchover(stage: Stage) -> None:
    primary, standby = stage.role("primary"), stage.role("standby")
    engine = next(one for one in stage.engines("postgres") if one.name == primary)
    stage.broken.append(primary)
    told = ask(engine.address, 8008, "/switchover", "POST", {"leader": primary, "candidate": standby}, 60)
    if told.status != 200:
        raise Trouble(f"Patroni refused it: {told.body[:100].decode(errors='replace')}")
    stage.hold(3, 6)


def crash_unreplicated(stage: Stage) -> None:
    """No standby gets the last commits; then the primary dies with them, and a standby takes over."""
    primary = stage.role("primary")
    standbys = [engine.name for engine in stage.engines("postgres") if engine.name != primary]
    address = stage.primary_address()
    for standby in standbys:
        stage.fail(standby, "pause")
    stage.is_caught = moments.unreplicated(stage.layout, address) != ""
    stage.hold(0, 0.7)
    stage.fail(primary, "kill")
    for standby in standbys:
        stage.mend(standby)
    stage.hold(10, 25)


def restore(stage: Stage) -> None:
    """All databases are lost; what a backup has not is decided anew from the log, while clients go on."""
    with tempfile.TemporaryDirectory(dir=stage.layout.folder) as folder:
        copy = pathlib.Path(folder) / "backup"
        # All that was told by now is in the backup.
        version = stage.shared.newest
        backup.back_up(stage.layout, copy)
        stage.hold(2, 10)
        began = now()
        stage.broken += [database.name for database in stage.engines("postgres")]
        try:
            with state.locked(stage.name), contextlib.redirect_stdout(io.StringIO()):
                backup.restore(state.load(stage.name), copy)
            lack = waiting(stage, dict(stage.shared.told))
        finally:
            # Also where it took too long: what the backup has not is gone.
            stage.history.add("restored", version=version, began=began, ended=now())
    if lack:
        raise Trouble(f"{RESTORED_SECONDS_MAX} s after the restore: {lack}")


def waiting(stage: Stage, told: dict[str, str]) -> str:
    """Waits until every node has the decision on each source's last batch; what is missing in the end, in words."""
    ends = time.monotonic() + RESTORED_SECONDS_MAX
    lack = [(node, batch_id) for node in stage.engines("node") for batch_id in told.values()]
    while lack and time.monotonic() < ends:
        node, batch_id = lack[-1]
        try:
            answer = ask(node.address, 8080, f"/v1/batches/{batch_id}")
            is_decided = answer.status == 200 and answer.json()["status"] != "accepted"
        except (OSError, ValueError):
            is_decided = False
        if is_decided:
            lack.pop()
        else:
            time.sleep(0.1)
    return ", ".join(f"{node.name} has not decided on {batch_id}" for node, batch_id in lack)


KILLED, PAUSED = (3, 10), (2, 10)
FAULTS: dict[str, Break] = {
    "kill-node": simple("kill", any_of("node"), KILLED),
    "pause-node": simple("pause", any_of("node"), PAUSED),
    "node-kill-accept": while_accepting("kill"),
    "node-pause-accept": while_accepting("pause"),
    "node-kill-stage": while_writing("stage", "kill"),
    "node-pause-stage": while_writing("stage", "pause"),
    "node-kill-publish": while_writing("publish", "kill"),
    "node-pause-publish": while_writing("publish", "pause"),
    "kill-kafka-leader": simple("kill", Stage.partition_leader, KILLED),
    "pause-kafka-leader": simple("pause", Stage.partition_leader, PAUSED),
    "kill-kafka-controller": simple("kill", in_role("controller"), KILLED),
    "pause-kafka-controller": simple("pause", in_role("controller"), PAUSED),
    "cut-kafka": simple("cut", any_of("kafka"), (4, 12)),
    "kill-primary": simple("kill", in_role("primary"), (5, 30)),
    "pause-primary": simple("pause", in_role("primary"), PAUSED),
    "kill-postmaster": simple("kill", half("postmaster"), (3, 8)),
    "kill-patroni": simple("kill", half("patroni"), (5, 30)),
    "pause-patroni": simple("pause", half("patroni"), PAUSED),
    "cut-primary": simple("cut", in_role("primary"), (10, 35)),
    "switchover": switchover,
    "crash-unreplicated": crash_unreplicated,
    "kill-standby": simple("kill", in_role("standby"), KILLED),
    "pause-standby": simple("pause", in_role("standby"), PAUSED),
    "kill-etcd-leader": simple("kill", in_role("etcd-leader"), KILLED),
    "pause-etcd-leader": simple("pause", in_role("etcd-leader"), PAUSED),
    "kill-etcd": simple("kill", any_of("etcd"), KILLED),
    "kill-balancer": simple("kill", any_of("balancer"), KILLED),
    "pause-balancer": simple("pause", any_of("balancer"), PAUSED),
    "kill-zone": simple("kill", zone, (10, 35)),
    "cut-zone": simple("cut", zone, (10, 35)),
    "restore": restore,
    "disk-full-postgres": simple("disk-full", in_role("primary"), (5, 15)),
    "disk-full-kafka": simple("disk-full", any_of("kafka"), (5, 15)),
}
# One of each kind of loss: what ./dev test has time for.
SHORT = ("kill-node", "kill-kafka-leader", "node-kill-stage", "kill-postmaster", "switchover", "cut-zone")


def lacks(known: state.State, fault: str) -> str:
    """What the cluster lacks to have it; empty where it can."""
    return next((launcher.lacks(known, how) for how in ("cut", "disk-full") if fault.startswith(f"{how}-")), "")


def possible(known: state.State, names: list[str], is_asked: bool) -> list[str]:
    """Without what the cluster cannot have, which is told, or refused where it was asked for."""
    for name in names:
        lack = lacks(known, name)
        if lack and is_asked:
            raise Trouble(f"{name}: {lack}")
        if lack:
            print(f"{name}: left out, {lack}", flush=True)
    return [name for name in names if not lacks(known, name)]
