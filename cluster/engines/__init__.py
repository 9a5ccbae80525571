"""The engines, in the order in which they are started: each needs only those before it. Another engine is one file and
one line here."""

from cluster.engine import Engine
from cluster.engines.balancers import DatabaseBalancer, Front
from cluster.engines.etcd import Etcd
from cluster.engines.kafka import Kafka
from cluster.engines.node import Node
from cluster.engines.patroni import Patroni
from cluster.layout import Layout

# What stands in one step is started together and waited for together.
STEPS: tuple[tuple[type[Engine], ...], ...] = ((Etcd, Kafka, DatabaseBalancer), (Patroni,), (Node,))


def steps_of(layout: Layout) -> list[list[Engine]]:
    steps = [[kind(layout, zone) for kind in step for zone in layout.zones] for step in STEPS]
    return [*steps, [Front(layout, None)]]


def engines_of(layout: Layout) -> list[Engine]:
    return [engine for step in steps_of(layout) for engine in step]
