"""Ratebook itself: a node in each zone. It keeps nothing that matters: its folder holds its settings and its spool.
RATEBOOK_BINARY names another program than the release build."""

import datetime
import os

from cluster.engine import Command, Engine, Status, ask
from cluster.engines.kafka import brokers
from cluster.layout import ROOT

SETTINGS = """listen = "{address}:8080"
open_to_everyone = true

[intake]
spool_folder = "{spool}"

[kafka]
brokers = "{brokers}"
topic = "ratebook"
partitions = 12
replication = {replication}

[postgres]
# By the balancer of the own zone; where that does not answer, by another.
primary = "host={balancers} port=5000 dbname=ratebook user=ratebook application_name={name}"
replica = "host={balancers} port=5001 dbname=ratebook user=ratebook application_name={name}"
password_file = "{password_file}"
# All servers are on one disk here: chunks written at once only wait for each other.
stage_connections = 1
"""


def age(time: str) -> float:
    """In seconds, of one as `2026-01-31T08:44:53.120Z`."""
    return (datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(time)).total_seconds()


class Node(Engine):
    kind = "node"
    ports = (8080,)
    # Kafka, and the databases by the balancers of other zones.
    peer_ports = (9092, 5000, 5001)
    # At its zone's address these are of other engines.
    serves_peers = False

    @property
    def name(self) -> str:
        return f"node-{self.zone.letter}"

    def configure(self) -> None:
        spool = self.folder / "spool"
        spool.mkdir()
        others = [zone.address for zone in self.layout.zones if zone != self.zone]
        (self.folder / "ratebook.toml").write_text(
            SETTINGS.format(
                address=self.address,
                balancers=",".join([self.address, *others]),
                name=self.name,
                spool=spool,
                brokers=brokers(self.layout),
                replication=len(self.layout.zones),
                password_file=self.layout.secret("ratebook"),
            )
        )

    def command(self) -> Command:
        binary = os.environ.get("RATEBOOK_BINARY") or str(ROOT / "build" / "release" / "ratebook")
        return Command([binary, "serve", "--config", "ratebook.toml"])

    def missing(self) -> str:
        answer = ask(self.address, 8080, "/readyz")
        return "" if answer.status == 200 else f"/readyz says {answer.status}"

    def status(self) -> Status:
        answer = ask(self.address, 8080, "/readyz")
        version = answer.headers.get("Ratebook-Version", "")
        confirmed = answer.headers.get("Ratebook-Confirmed-At", "")
        role = "ready" if answer.status == 200 else "not ready"
        return Status(
            role, f"version {version}" if version else "", f"{max(0.0, age(confirmed)):.1f} s" if confirmed else ""
        )
