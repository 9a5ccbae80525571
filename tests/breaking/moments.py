"""Steps in which nodes are caught: the primary is made to hold them there, and says who stands in it."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator

from cluster.layout import Layout

# A step of a node's writing: the table that it needs, the lock in its way, and how its statement begins.
STEPS = {"stage": ("price", "SHARE", "COPY price"), "publish": ("head", "EXCLUSIVE", "SELECT outcome")}
CAUGHT_SECONDS_MAX = 5.0
CONNECT_SECONDS_MAX = 3


class Session:
    """Of psql, as the nodes' user, on one server."""

    def __init__(self, layout: Layout, address: str):
        self.process = subprocess.Popen(
            ["psql", "-qAtXw", "-v", "ON_ERROR_STOP=1", "-h", address, "-U", "ratebook", "ratebook"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            env=os.environ
            | {
                "PGPASSWORD": layout.secret("ratebook").read_text().strip(),
                "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS_MAX),
                "PGOPTIONS": f"-c lock_timeout={CONNECT_SECONDS_MAX}s -c statement_timeout={CONNECT_SECONDS_MAX}s",
            },
        )

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        """What it locks is free then."""
        self.process.kill()
        self.process.communicate()

    def run(self, statement: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(f"{statement};\n")

    def first(self, question: str) -> str:
        """The one value that it answers; empty where the session has ended."""
        self.run(question)
        return self.process.stdout.readline().strip()

    def wait_for_node(self, condition: str) -> str:
        """The first node whose statement is seen to meet it; empty where none does in time."""
        ends = time.monotonic() + CAUGHT_SECONDS_MAX
        while time.monotonic() < ends and self.process.poll() is None:
            # Else a transaction sees the same activity for ever.
            self.run("DO $$ BEGIN PERFORM pg_stat_clear_snapshot(); END $$")
            node = self.first(
                "SELECT coalesce(min(application_name), '') FROM pg_stat_activity "
                f"WHERE application_name LIKE 'node-%' AND {condition}"
            )
            if node:
                return node
            time.sleep(0.01)
        return ""


@contextlib.contextmanager
def held(layout: Layout, primary: str, step: str) -> Iterator[str]:
    """The node that stands in the step, and cannot leave it, while the context lasts; empty where none came."""
    table, mode, statement = STEPS[step]
    with Session(layout, primary) as session:
        session.run("BEGIN")
        session.run(f"LOCK TABLE {table} IN {mode} MODE")
        yield session.wait_for_node(f"wait_event_type = 'Lock' AND query LIKE '{statement}%'")


def unreplicated(layout: Layout, primary: str) -> str:
    """The node whose commit waits for a standby that does not answer; empty where none does."""
    with Session(layout, primary) as session:
        return session.wait_for_node("wait_event = 'SyncRep'")
