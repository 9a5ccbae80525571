"""All clients of a run, each a thread: started together, ended so that what is in doubt is settled first."""

import threading
import traceback

from breaking.client import Client
from breaking.contents import LARGE, PROBE, SOURCES
from breaking.history import History, now
from breaking.readers import Reader, Steady, Stream
from breaking.senders import Mover, Sender, Shared
from cluster.trouble import Trouble

# Seconds between two batches of a source. Two hours add up to some forty million prices: with more, a slow
# machine spends most of the time on loading what it has.
PACES = {PROBE: 0.12, "small": 0.4, LARGE: 15.0}


class Workload:
    def __init__(self, history: History, seed: int, nodes: dict[str, str]):
        """`nodes`: addresses by name, the balancer's as "front"."""
        self.history = history
        self.shared = Shared(seed, [name for name in nodes if name != "front"], threading.Event())
        self.failures: list[str] = []

        def client(name: str) -> Client:
            return Client(history, name, nodes)

        self.senders = [
            Sender(self.shared, client(source), source, PACES[source.partition("-")[0]]) for source in SOURCES
        ]
        self.others = [
            Mover(self.shared, client("mover"), 12),
            *(Reader(self.shared, client(f"reader-{number}"), 0.15) for number in range(2)),
            *(Steady(self.shared, client(f"steady-{number}"), 0.1) for number in range(2)),
            *(Stream(self.shared, history, node, nodes[node]) for node in self.shared.nodes),
        ]
        self.threads = [
            threading.Thread(target=self.guarded, args=(one,), daemon=True) for one in (*self.senders, *self.others)
        ]

    def put_first_places(self) -> None:
        mover = next(one for one in self.others if isinstance(one, Mover))
        mover.client.turn_to(self.shared.nodes[0])
        reply = mover.put(0, None)
        if reply.status != 200:
            told = reply.error or f"{reply.status} {reply.body[:300].decode(errors='replace')}"
            raise Trouble(f"the first places are refused, as of a cluster that is not empty: {told}; take a new one")

    def guarded(self, one) -> None:
        try:
            one.run()
        except Exception:
            # A client that fails proves nothing any more: the run is not good.
            self.failures.append(traceback.format_exc())

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        self.shared.stop.set()
        ends = now() + seconds
        for thread in self.threads:
            thread.join(max(0.1, ends - now()))
        self.shared.given_up = True
        for thread in self.threads:
            thread.join(90)
        stuck = [thread.name for thread in self.threads if thread.is_alive()]
        if stuck:
            self.failures.append(f"threads that do not end: {stuck}")
