"""Breaks parts of a cluster on purpose, and mends them. A part is an engine ("kafka-1"), a zone ("zone-b"), what an
engine is at the moment ("primary", "controller"), or half of a database ("postmaster-1", "patroni-1")."""

import signal

from cluster import disks, process
from cluster.engine import Engine
from cluster.engines import engines_of
from cluster.layout import Layout, Zone
from cluster.network import network_of
from cluster.state import Fault, State
from cluster.trouble import Trouble
from cluster.up import launch, say, wait_until_healthy

HOWS = ("kill", "pause", "cut", "disk-full")

# What an engine is at the moment: its kind, and how its role begins.
ROLES = {
    "primary": ("postgres", "primary"),
    "standby": ("postgres", "synchronous standby"),
    "controller": ("kafka", "controller"),
    "etcd-leader": ("etcd", "leader"),
}
# Halves of a database: its kind of process, as process.send() knows it.
HALVES = ("postmaster", "patroni")


def zone_of(layout: Layout, name: str) -> Zone | None:
    return next((zone for zone in layout.zones if zone.name == name), None)


def now_in_role(layout: Layout, role: str) -> str:
    kind, begins = ROLES[role]
    for engine in engines_of(layout):
        if engine.kind != kind:
            continue
        try:
            if engine.status().role.startswith(begins):
                return engine.name
        except (OSError, ValueError, KeyError):
            continue
    raise Trouble(f"there is no {role} at the moment: ./dev cluster status shows who is there")


def target_of(layout: Layout, asked: str) -> str:
    """The name of the zone, engine or half that was asked for."""
    if asked in ROLES:
        return now_in_role(layout, asked)
    if not zone_of(layout, asked) and not engines_in(layout, asked):
        names = [zone.name for zone in layout.zones] + [engine.name for engine in engines_of(layout)]
        halves = [f"{half}-{zone.number}" for half in HALVES for zone in layout.zones]
        raise Trouble(f"no {asked} is here; there are: {', '.join([*names, *halves, *ROLES])}")
    return asked


def zone_name(layout: Layout, asked: str) -> str:
    """The zone itself, or the one that an engine stands in."""
    zones = {engine.zone for engine in engines_in(layout, target_of(layout, asked)) if engine.zone}
    if not zones:
        raise Trouble(f"{asked} stands in no zone")
    return zones.pop().name


def half_of(target: str) -> str:
    return next((half for half in HALVES if target.startswith(f"{half}-")), "")


def engines_in(layout: Layout, target: str) -> list[Engine]:
    zone = zone_of(layout, target)
    half = half_of(target)
    name = target.replace(half, "postgres") if half else target
    return [engine for engine in engines_of(layout) if engine.name == name or (zone and engine.zone == zone)]


def fail(known: State, asked: str, how: str) -> Fault:
    layout = known.layout
    target = target_of(layout, asked)
    if any(fault.target == target and fault.how == how for fault in known.faults):
        raise Trouble(f"{target} has that fault already: ./dev cluster heal {target}")
    if half_of(target) and how not in ("kill", "pause"):
        raise Trouble(f"half of a database can be killed or paused, not {how}: name postgres-N instead")
    fault = Fault(asked, target, how)
    check(known, fault)
    # Told before it is done: what was done by half is undone, too.
    known.faults.append(fault)
    known.save()
    {"kill": kill, "pause": pause, "cut": cut, "disk-full": fill}[how](known, fault)
    return fault


def lacks(known: State, how: str) -> str:
    """What the cluster lacks to have anything broken so; empty where it can."""
    if how == "cut" and known.layout.kind != "netns":
        return "zones are loopback addresses (namespaces need root)"
    if how == "disk-full" and not known.has_disks:
        return "engines have no file systems of their own (they need root and loop devices)"
    return ""


def check(known: State, fault: Fault) -> None:
    layout = known.layout
    engines = engines_in(layout, fault.target)
    if lack := lacks(known, fault.how):
        raise Trouble(f"no {fault.how} here: {lack}")
    if fault.how == "disk-full" and not any(engine.has_disk for engine in engines):
        raise Trouble(f"{fault.target} keeps nothing on a disk of its own: postgres-N and kafka-N do")
    has_peers = len(layout.zones) > 1 and all(engine.peer_ports for engine in engines)
    if fault.how == "cut" and not zone_of(layout, fault.target) and not has_peers:
        raise Trouble(f"{fault.target} has no peers in other zones: --how pause, perhaps, or its zone")


def kill(known: State, fault: Fault) -> None:
    names = [engine.name for engine in engines_in(known.layout, fault.target)]
    process.kill(known.layout.folder, names, half_of(fault.target))


def pause(known: State, fault: Fault) -> None:
    for engine in engines_in(known.layout, fault.target):
        process.send(signal.SIGSTOP, known.layout.folder, engine.name, half_of(fault.target))


def cut(known: State, fault: Fault) -> None:
    network = network_of(known.layout)
    zone = zone_of(known.layout, fault.target)
    if zone:
        network.cut_zone(zone)
        return
    for engine in engines_in(known.layout, fault.target):
        network.cut_engine(engine)


def fill(known: State, fault: Fault) -> None:
    for engine in engines_in(known.layout, fault.target):
        if engine.has_disk:
            disks.fill(engine.disk)


def undo(known: State, fault: Fault) -> None:
    layout = known.layout
    network = network_of(layout)
    zone = zone_of(layout, fault.target)
    engines = engines_in(layout, fault.target)
    if fault.how == "pause":
        for engine in engines:
            process.send(signal.SIGCONT, layout.folder, engine.name, half_of(fault.target))
    elif fault.how == "cut" and zone:
        network.join_zone(zone)
    elif fault.how == "cut":
        for engine in engines:
            network.join_engine(engine)
    elif fault.how == "disk-full":
        for engine in engines:
            if engine.has_disk:
                disks.free(engine.disk)


def heal(known: State, asked: str, is_waiting: bool) -> list[Fault]:
    """Undoes the faults of what was asked for, or all; starts what has ended in it, whyever it has."""
    layout = known.layout
    if asked and not any(asked in (fault.asked, fault.target) for fault in known.faults):
        target_of(layout, asked)
    mended = [fault for fault in known.faults if not asked or asked in (fault.asked, fault.target)]
    for fault in mended:
        undo(known, fault)
        known.faults.remove(fault)
        known.save()
    targets = {fault.target for fault in mended} | ({asked} if asked else set())
    named = {engine.name for target in targets for engine in engines_in(layout, target)}
    healed = [engine for engine in engines_of(layout) if not asked or engine.name in named]
    for engine in healed:
        if process.state_of(known.processes.get(engine.name)) == "dead":
            # What it left behind, such as a database without its Patroni, is taken over or goes with it.
            if engine.kind != "postgres":
                process.kill(layout.folder, [engine.name])
            launch(known, engine)
            say(f"   started: {engine.name}")
    if is_waiting:
        wait_until_healthy(healed, known.processes)
    return mended
