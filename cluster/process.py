"""Processes of a cluster: started in sessions of their own, so that they outlive the launcher; found again by what
their environment says, or for PostgreSQL, which overwrites its own, by the folder that they work in. A signal goes
through a descriptor opened before that look: a pid that another program has got since is never hit."""

import dataclasses
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator

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
            command,
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


def send(number: int, cluster: pathlib.Path, name: str | None = None, part: str = "") -> int:
    """To all members; of `part` only what is PostgreSQL's ("postmaster"), or only what is not ("patroni"). How many
    there were."""
    count = 0
    for pid in members(cluster, name):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            wanted = not part or is_postgres(pid) == (part == "postmaster")
            if wanted and is_member(pid, cluster, name):
                signal.pidfd_send_signal(descriptor, number)
                count += 1
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)
    return count


def kill(cluster: pathlib.Path, name: str | None = None, part: str = "", seconds: float = 10) -> bool:
    """kill -9, until none is left; false where some will not go. A dying one may start another, so it looks again."""
    deadline = time.monotonic() + seconds
    while send(signal.SIGKILL, cluster, name, part):
        if part:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
