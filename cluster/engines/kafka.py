"""Kafka: in each zone a broker that is a controller, too (KRaft). Topics are made by Ratebook; what a topic does not
say itself is as safe here as Ratebook asks for."""

import pathlib
import secrets

from cluster import kafka_jars, kafka_wire
from cluster.engine import Command, Engine, Status
from cluster.layout import Layout, Zone


def brokers(layout: Layout) -> str:
    return ",".join(f"{zone.address}:9092" for zone in layout.zones)


def properties(zones: tuple[Zone, ...], zone: Zone, data: pathlib.Path) -> str:
    """Of the broker in `zone`, which is one of `zones`."""
    count = len(zones)
    listeners = ",".join(
        f"{name}://{zone.address}:{port}" for name, port in (("CLIENT", 9092), ("CONTROLLER", 9093), ("PEER", 9094))
    )
    settings = {
        "process.roles": "broker,controller",
        "node.id": zone.number,
        "broker.rack": zone.name,
        "controller.quorum.voters": ",".join(f"{other.number}@{other.address}:9093" for other in zones),
        "listeners": listeners,
        "advertised.listeners": f"CLIENT://{zone.address}:9092,PEER://{zone.address}:9094",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,PEER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PEER",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "unclean.leader.election.enable": "false",
        "log.retention.ms": -1,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1500,
        # How soon a broker that died is known to be gone, and another leads.
        "broker.heartbeat.interval.ms": 200,
        "broker.session.timeout.ms": 1500,
        "controller.quorum.fetch.timeout.ms": 1000,
        "controller.quorum.election.timeout.ms": 500,
        "replica.lag.time.max.ms": 2000,
        # What a broker asks of a controller, or of a peer, that was cut off is given up soon: the default is 30 s.
        "controller.socket.timeout.ms": 1500,
        "socket.connection.setup.timeout.ms": 1500,
        "socket.connection.setup.timeout.max.ms": 3000,
        # A small broker.
        "num.network.threads": 2,
        "num.io.threads": 2,
        "background.threads": 2,
        "log.cleaner.dedupe.buffer.size": 2097152,
        "log.cleaner.io.buffer.size": 65536,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.num.partitions": 4,
        "default.replication.factor": count,
        "min.insync.replicas": min(2, count),
    }
    for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        settings[f"{topic}.replication.factor"] = count
    for topic in ("transaction.state.log", "share.coordinator.state.topic"):
        settings[f"{topic}.min.isr"] = min(2, count)
    return "".join(f"{name}={value}\n" for name, value in settings.items())


class Kafka(Engine):
    kind = "kafka"
    ports = (9092, 9093, 9094)
    peer_ports = (9093, 9094)
    has_disk = True

    def configure(self) -> None:
        data = self.disk / "data"
        (self.folder / "server.properties").write_text(properties(self.layout.zones, self.zone, data))
        kafka_jars.format_folder(data, self.cluster_id(), self.zone.number)

    def cluster_id(self) -> str:
        """The same for all brokers: the first that is configured draws it."""
        file = self.layout.secret("kafka-cluster-id")
        if not file.exists():
            file.write_text(kafka_jars.uuid_text(secrets.token_bytes(16)))
        return file.read_text()

    def command(self) -> Command:
        return Command(kafka_jars.java(self.layout.size.kafka_heap_mib, "kafka.Kafka", "server.properties"))

    def missing(self) -> str:
        told = kafka_wire.metadata(self.address, 9092)
        if self.zone.number not in told.brokers:
            return "it is not among the brokers yet"
        if kafka_wire.controller(self.address, 9092) < 0:
            return "no controller yet"
        behind = sum(self.zone.number in part.replicas and self.zone.number not in part.in_sync for part in told.parts)
        return f"{behind} of its partitions are not in sync yet" if behind else ""

    def status(self) -> Status:
        told = kafka_wire.metadata(self.address, 9092)
        mine = [part for part in told.parts if self.zone.number in part.replicas]
        led = sum(part.leader == self.zone.number for part in mine)
        in_sync = sum(self.zone.number in part.in_sync for part in mine)
        try:
            controls = kafka_wire.controller(self.address, 9092) == self.zone.number
        except OSError:
            controls = False
        return Status(
            f"{'controller, ' if controls else ''}leads {led} of {len(told.parts)}",
            kafka_jars.version(),
            f"in sync {in_sync} of {len(mine)}",
        )
