"""What is known of a cluster between two commands: build/cluster/NAME/state.json. It is written before what it tells of
is made (but for the number that was claimed, right after it), so that `down` finds it whatever happened in between."""

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
from collections.abc import Iterator

from cluster.layout import CLUSTERS, Layout
from cluster.process import Started
from cluster.trouble import Trouble


@dataclasses.dataclass
class Fault:
    """What was broken: as it was asked for ("primary"), and what that was then ("postgres-2")."""

    asked: str
    target: str
    how: str


@dataclasses.dataclass
class State:
    layout: Layout
    has_disks: bool = False
    is_ready: bool = False
    processes: dict[str, Started] = dataclasses.field(default_factory=dict)
    faults: list[Fault] = dataclasses.field(default_factory=list)

    def save(self) -> None:
        path = self.layout.folder / "state.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")
        new.rename(path)


def exists(name: str) -> bool:
    return (CLUSTERS / name / "state.json").exists()


def load(name: str) -> State:
    path = CLUSTERS / name / "state.json"
    try:
        told = json.loads(path.read_text())
    except FileNotFoundError:
        others = ", ".join(names())
        there = f"there are: {others} (--name)" if others else "none is: ./dev cluster up starts one"
        raise Trouble(f"no cluster {name} is up; {there}") from None
    return State(
        Layout(**told["layout"]),
        told["has_disks"],
        told["is_ready"],
        {name: Started(**started) for name, started in told["processes"].items()},
        [Fault(**fault) for fault in told["faults"]],
    )


def names() -> list[str]:
    return sorted(path.parent.name for path in CLUSTERS.glob("*/state.json"))


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One command at a time changes a cluster; the others wait for it."""
    CLUSTERS.mkdir(parents=True, exist_ok=True)
    path: pathlib.Path = CLUSTERS / f"{name}.lock"
    try:
        file = open(path, "w")  # noqa: SIM115 # closed below
    except PermissionError:
        raise Trouble(f"{path} is another user's: take the one who started the cluster, such as sudo") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"   another command changes the cluster {name}: waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Who waits for it meanwhile holds the old file; it finds the same state all the same.
            if not exists(name):
                os.unlink(path)
