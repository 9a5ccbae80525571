"""A backup of a cluster's database, and the way back to it, as an operator goes it: no database runs, etcd forgets who
was primary, one zone's database starts on the backup, and the others are copied from it."""

import base64
import os
import pathlib
import shutil
import time

from cluster import process
from cluster.command import run
from cluster.engine import ask
from cluster.engines import engines_of
from cluster.engines.patroni import Patroni
from cluster.layout import Layout
from cluster.state import State
from cluster.trouble import Trouble
from cluster.up import lacks, launch, wait_until_healthy

PRIMARY_SECONDS_MAX = 120.0
COPY_SECONDS_MAX = 600.0


def databases(layout: Layout) -> list[Patroni]:
    return [engine for engine in engines_of(layout) if isinstance(engine, Patroni)]


def is_primary(database: Patroni) -> bool:
    try:
        return database.is_primary()
    except OSError:
        return False


def back_up(layout: Layout, folder: pathlib.Path) -> None:
    """Of the primary, which goes on, into a folder that is not there yet."""
    primary = next(filter(is_primary, databases(layout)), None)
    if primary is None:
        raise Trouble("there is no primary to back up")
    password = layout.secret("replication").read_text().strip()
    words = ["pg_basebackup", "-h", primary.address, "-p", "5432", "-U", "replicator", "-c", "fast", "-X", "stream"]
    run(*words, "-D", folder, environment={"PGPASSWORD": password}, seconds=COPY_SECONDS_MAX)


def restore(known: State, folder: pathlib.Path) -> None:
    """What the database had that the backup has not is gone. With the cluster's lock held."""
    layout = known.layout
    all_of = databases(layout)
    first, *others = all_of
    if not process.kill(layout.folder, [database.name for database in all_of]):
        raise Trouble("the databases do not end: nothing is restored")
    forget_primary(layout)
    for database in all_of:
        shutil.rmtree(database.disk / "data", ignore_errors=True)
    shutil.copytree(folder, first.disk / "data")
    owner = first.disk.stat()
    for path in [first.disk / "data", *(first.disk / "data").rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
    launch(known, first)
    # Before there is a primary, one without data would make a new database.
    ends = time.monotonic() + PRIMARY_SECONDS_MAX
    while not is_primary(first):
        if time.monotonic() > ends:
            raise Trouble(f"{first.name} does not become primary on the backup: {lacks(first)}")
        time.sleep(0.2)
    for database in others:
        launch(known, database)
    wait_until_healthy(all_of, known.processes)


def forget_primary(layout: Layout) -> None:
    """As `patronictl remove` does."""
    prefix = b"/service/ratebook/"
    range_end = prefix[:-1] + bytes([prefix[-1] + 1])
    words = {"key": base64.b64encode(prefix).decode(), "range_end": base64.b64encode(range_end).decode()}
    told = ask(layout.zones[0].address, 2379, "/v3/kv/deleterange", "POST", words, 5)
    if told.status != 200:
        raise Trouble(f"etcd does not forget the primary: {told.status} {told.body[:200]!r}")
