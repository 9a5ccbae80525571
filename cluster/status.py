"""The cluster as a table: zone by zone each engine, whether it lives, its role, version and lag."""

import concurrent.futures

from cluster import process
from cluster.engine import Engine, Status
from cluster.engines import engines_of
from cluster.faults import engines_in
from cluster.state import State

HEAD = ("zone", "engine", "address", "state", "role", "version", "lag", "memory")


def condition(known: State, engine: Engine) -> str:
    """alive, paused or dead, and what was done to it."""
    words = [process.state_of(known.processes.get(engine.name))]
    for fault in known.faults:
        if engine.name not in [other.name for other in engines_in(known.layout, fault.target)]:
            continue
        if fault.how == "cut" or (fault.how == "disk-full" and engine.has_disk):
            words.append(fault.how.replace("-", " "))
        # A half of it, whose fate its first process does not tell.
        if fault.target.startswith(("postmaster", "patroni")):
            words.append(f"{fault.target.partition('-')[0]} {fault.how}ed".replace("pauseed", "paused"))
    return ", ".join(words)


def told(engine: Engine, is_alive: bool) -> Status:
    if not is_alive:
        return Status()
    try:
        return engine.status()
    except (OSError, ValueError, KeyError, IndexError):
        return Status("does not answer")


def memory_mib(known: State, engine: Engine) -> int:
    """Resident, pages that processes share counted once (PSS)."""
    total = 0
    for pid in process.members(known.layout.folder, engine.name):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                total += next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0)
        except OSError:
            continue
    return total >> 10


def rows(known: State) -> list[tuple[str, ...]]:
    engines = sorted(engines_of(known.layout), key=lambda engine: engine.zone.number if engine.zone else 0)
    alive = [process.state_of(known.processes.get(engine.name)) == "alive" for engine in engines]
    # One that hangs is waited for once, not once an engine.
    with concurrent.futures.ThreadPoolExecutor(len(engines)) as pool:
        statuses = list(pool.map(told, engines, alive))
    return [
        (
            engine.zone.name if engine.zone else "outside",
            engine.name,
            f"{engine.address}:{engine.ports[0]}",
            condition(known, engine),
            status.role,
            status.version,
            status.lag,
            f"{memory_mib(known, engine)} MiB",
        )
        for engine, status in zip(engines, statuses, strict=True)
    ]


def show(known: State) -> None:
    table = [HEAD, *rows(known)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    layout = known.layout
    for row in table:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    total = sum(int(row[-1].split()[0]) for row in table[1:])
    print(
        f"\ncluster {layout.name}, {layout.size_name}, {layout.kind}: http://{layout.front_address}:8080, {total} MiB"
    )
    for fault in known.faults:
        was = "" if fault.asked == fault.target else f" ({fault.asked} when it was asked for)"
        print(f"fault: {fault.target} {fault.how}{was}; ./dev cluster heal {fault.target}")
    if not known.is_ready:
        print("its start is not through, or was broken off: ./dev cluster down removes it")
