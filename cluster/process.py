"""Processes of a cluster: started in sessions of their own, so that they outlive the launcher; found again by what
their environment says, or for PostgreSQL, which overwrites its own, by the folder that they work in. A signal goes
through a descriptor opened before that look: a pid that another program has got since is never hit."""

import contextlib
import dataclasses
import os
import pathlib
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

# Not RATEBOOK_…: a node takes such a variable for a setting.
CLUSTER = "LAUNCHED_INTO_FOLDER"
PROCESS = "LAUNCHED_AS"


@dataclasses.dataclass(frozen=True)
class Started:
    """A process, told from a later one with the same pid by when it began (in ticks since boot)."""

    pid: int
    began: int


def stat_of(pid: int) -> tuple[str, int] | None:
    """Its state (R, S, T for paused, Z for ended) and when it began."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[19])


def state_of(started: Started | None) -> str:
    """alive, paused or dead"""
    stat = stat_of(started.pid) if started else None
    if stat is None or stat[1] != started.began or stat[0] in "ZX":
        return "dead"
    return "paused" if stat[0] == "T" else "alive"


def start(
    command: list[str], cluster: pathlib.Path, name: str, folder: pathlib.Path, log: pathlib.Path, more: dict[str, str]
) -> Started:
    environment = {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "LC_ALL": "C.UTF-8",
        CLUSTER: str(cluster),
        PROCESS: name,
        **more,
    }
    with open(log, "ab") as out:
        process = subprocess.Popen(
            # A launcher in the background of a script, or under nohup, ignores signals; its children would, too.
            ["env", "--default-signal", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    stat = stat_of(process.pid)
    # Whether it lives on is looked at where its health is; it is not waited for by who started it.
    process.returncode = 0
    return Started(process.pid, stat[1] if stat else -1)


def is_member(pid: int, cluster: pathlib.Path, name: str | None) -> bool:
    """Whether it belongs to the cluster, and to the process of this name."""
    try:
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if f"{CLUSTER}={cluster}".encode() in environment:
            return name is None or f"{PROCESS}={name}".encode() in environment
        if os.path.basename(os.readlink(f"/proc/{pid}/exe")) != "postgres":
            return False
        inside = cluster / name if name else cluster
        return pathlib.Path(os.readlink(f"/proc/{pid}/cwd").removesuffix(" (deleted)")).is_relative_to(inside)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def is_postgres(pid: int) -> bool:
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "postgres"
    except OSError:
        return False


def members(cluster: pathlib.Path, name: str | None = None) -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid() and is_member(int(entry), cluster, name):
            yield int(entry)


def signalled(number: int, cluster: pathlib.Path, name: str | None, part: str) -> Iterator[int]:
    """A descriptor of each process that the signal was sent to, for the caller to close."""
    for pid in members(cluster, name):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        wanted = not part or is_postgres(pid) == (part == "postmaster")
        if wanted and is_member(pid, cluster, name):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
                yield descriptor
                continue
        os.close(descriptor)


def send(number: int, cluster: pathlib.Path, name: str | None = None, part: str = "") -> int:
    """To all members; of `part` only what is PostgreSQL's ("postmaster"), or only what is not ("patroni"). How many
    there were."""
    count = 0
    for descriptor in signalled(number, cluster, name, part):
        os.close(descriptor)
        count += 1
    return count


def kill(cluster: pathlib.Path, names: Sequence[str | None] = (None,), part: str = "", seconds: float = 20) -> bool:
    """kill -9 at once, then until all have ended and hold no port and no file any more; false where some will not go.
    A dying one may start another, so it looks again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        dying = [one for name in names for one in signalled(signal.SIGKILL, cluster, name, part)]
        if not dying:
            return True
        for descriptor in dying:
            # Readable once it has ended.
            select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            os.close(descriptor)
        # The other half starts it again, as it should.
        if part:
            return True
    return False
