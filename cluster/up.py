"""Starts a cluster, engine by engine, each waited for until it is healthy; takes it down again. Whatever ends `up`
early, nothing of it is left but its logs."""

import contextlib
import secrets
import shutil
import signal
import time
from collections.abc import Iterable

from cluster import disks, kafka_jars, process, state
from cluster.engine import Engine
from cluster.engines import engines_of, kafka, steps_of
from cluster.layout import ROOT, Layout
from cluster.network import claim_number, network_of
from cluster.process import Started
from cluster.state import State
from cluster.trouble import Trouble

LOG_LINES = 25
# Between two looks whether one that is waited for has to be repaired.
REPAIR_SECONDS = 5
# What a user, or a terminal that is closed, ends a command with.
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text: str) -> None:
    print(text, flush=True)


def launch(known: State, engine: Engine) -> None:
    command = engine.command()
    words = [*network_of(known.layout).inside(engine.zone), *command.words]
    started = process.start(
        words, known.layout.folder, engine.name, engine.folder, engine.log, dict(command.environment)
    )
    known.processes[engine.name] = started
    known.save()


def lacks(engine: Engine) -> str:
    """What it lacks to be healthy; empty when it is."""
    try:
        return engine.missing()
    except (OSError, ValueError, KeyError, IndexError) as error:
        return f"it does not answer as it should ({error})"


def tail(engine: Engine) -> str:
    try:
        lines = engine.log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return "\n".join(f"     | {line}" for line in lines[-LOG_LINES:]) or "     | (empty)"


def size_of_log(engine: Engine) -> int:
    return engine.log.stat().st_size if engine.log.exists() else 0


def repair(engine: Engine, log_size: int) -> str:
    """What was done, by what it has logged beyond that size; empty where there is nothing to do, or not yet."""
    try:
        with engine.log.open("rb") as file:
            file.seek(log_size)
            return engine.repair(file.read().decode(errors="replace"))
    except OSError:
        return ""


def wait_until_healthy(engines: Iterable[Engine], started: dict[str, Started]) -> None:
    began = looked = time.monotonic()
    waiting = {engine.name: engine for engine in engines}
    log_sizes = {name: size_of_log(engine) for name, engine in waiting.items()}
    while waiting:
        if time.monotonic() > looked + REPAIR_SECONDS:
            looked = time.monotonic()
            for name, engine in waiting.items():
                if done := repair(engine, log_sizes[name]):
                    say(f"   {name}: {done}")
                    log_sizes[name] = size_of_log(engine)
        for name, engine in list(waiting.items()):
            lack = lacks(engine)
            if not lack:
                place = engine.zone.name if engine.zone else "outside"
                seconds = time.monotonic() - began
                say(f"   {place:8} {name:12} {engine.address}:{engine.ports[0]:<6} healthy after {seconds:.1f} s")
                del waiting[name]
                continue
            has_ended = process.state_of(started.get(name)) == "dead"
            if has_ended or time.monotonic() - began > engine.start_seconds_max:
                what = "ended" if has_ended else f"is not healthy after {engine.start_seconds_max:.0f} s: {lack}"
                raise Trouble(f"{name} {what}; the end of its log:\n{tail(engine)}")
        time.sleep(0.1)


def make_folders(known: State, engine: Engine) -> None:
    engine.disk.mkdir(parents=True) if engine.has_disk else engine.folder.mkdir()
    if engine.has_disk and known.has_disks:
        disks.make(engine.disk, known.layout.size.disk_gib << 30)
    engine.configure()


def up(name: str, size: str, kind: str) -> State:
    """With the cluster's lock held."""
    if state.exists(name):
        if any(process.members(state.load(name).layout.folder)):
            raise Trouble(f"the cluster {name} is up already: ./dev cluster down, or another --name")
        say("   an earlier one has ended without a word; its remains are removed")
        down(name)
    began = time.monotonic()
    if kafka_jars.prepare(kafka.properties):
        say("   Kafka's classes are archived, so that brokers start sooner from now on")
    has_disks = disks.are_possible()
    # What is claimed is written down, or `down` does not find it.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    known = State(Layout(name, size, kind, claim_number(kind, name)), has_disks)
    known.save()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
        start_all(known)
    except BaseException:
        # Once more Ctrl-C is no reason to leave half of it behind; nor is a terminal that is gone, or a full disk.
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            say("   taking down what was started")
        with contextlib.suppress(OSError):
            keep_logs(known)
        down(name)
        raise
    seconds = time.monotonic() - began
    for engine in engines_of(known.layout):
        if engine.kind == "node":
            say(f"{engine.name} http://{engine.address}:8080")
    say(f"up in {seconds:.1f} s; ./dev cluster status shows it, ./dev cluster down ends it")
    say(f"ready on http://{known.layout.front_address}:8080")
    return known


def start_all(known: State) -> None:
    layout = known.layout
    say(f"== cluster {layout.name}, {layout.size_name}, zones as {layout.kind}, addresses {layout.network}.*")
    if not known.has_disks:
        say("   no file systems of their own (they need root and loop devices): no disk can be made full")
    layout.logs.mkdir()
    (layout.folder / "secrets").mkdir(mode=0o700)
    for secret in ("superuser", "replication", "ratebook"):
        file = layout.secret(secret)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24) + "\n")
    network_of(layout).make()
    for engine in engines_of(layout):
        make_folders(known, engine)
    for step in steps_of(layout):
        for engine in step:
            launch(known, engine)
        say(f"   started: {', '.join(engine.name for engine in step)}")
        wait_until_healthy(step, known.processes)
    known.is_ready = True
    known.save()


def keep_logs(known: State) -> None:
    """Of a start that failed, for a look at them."""
    kept = ROOT / "build" / "log" / f"cluster-{known.layout.name}"
    shutil.rmtree(kept, ignore_errors=True)
    if known.layout.logs.exists():
        shutil.copytree(known.layout.logs, kept)
        say(f"   its logs are kept in {kept.relative_to(ROOT)}")


def down(name: str) -> None:
    """Ends every process of it, by its id, and removes its network, its disks and its folder. Goes on where it can,
    and tells at the end of what it could not do."""
    known = state.load(name)
    layout = known.layout
    problems = []
    # Data are thrown away: nothing has to end in good order.
    if not process.kill(layout.folder):
        problems.append(f"these processes do not end: {list(process.members(layout.folder))}")
    for engine in engines_of(layout):
        if engine.has_disk:
            try:
                disks.remove(engine.disk)
            except Trouble as trouble:
                problems.append(str(trouble))
    try:
        network_of(layout).remove()
    except Trouble as trouble:
        problems.append(str(trouble))
    if problems:
        raise Trouble(f"the cluster {name} could not be removed whole; mend this, then down again: {problems}")
    remove_folder(layout)


def remove_folder(layout: Layout) -> None:
    """The state goes last."""
    for path in layout.folder.iterdir():
        if path.name == "state.json":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.rmtree(layout.folder)
