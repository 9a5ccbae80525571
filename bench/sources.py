"""Many sources in a cluster at once, some of them busy: how long the slowest batch of each takes beside the median of
all. A writer that always began with the same sources would show here."""

import random
import statistics
import sys
import threading
import time

from common import Line, note
from data import put_places
from zones import SMALL, cluster, rows_of

SOURCES = 200
BUSY = 30
REST_SECONDS = 30  # of a quiet source, on average, between two batches


class Source(threading.Thread):
    """Sends small batches, each once the one before is committed: a busy one at once, a quiet one after a rest."""

    def __init__(self, front, number, until):
        super().__init__(name=f"source-{number}", daemon=True)
        self.front, self.until = front, until
        self.is_busy = number % (SOURCES // BUSY) == 0 and number // (SOURCES // BUSY) < BUSY
        self.random = random.Random(number)
        self.seconds, self.ends = [], []
        self.wrong = ""

    def run(self):
        while True:
            if not self.is_busy:
                time.sleep(self.random.uniform(0, 2 * REST_SECONDS))
            if time.monotonic() >= self.until:
                return
            try:
                took, batch, _ = self.front.post(rows_of(SMALL, 500 + self.random.randrange(50)), self.name, 60)
            except (SystemExit, OSError) as trouble:
                self.wrong = f"{self.name}: {trouble}"
                return
            if batch["status"] != "committed":
                self.wrong = f"{self.name}: a batch was not committed within a minute"
                return
            self.seconds.append(took)
            self.ends.append(time.monotonic())


def spread(options):
    """So many minutes of 200 sources, 30 of them busy."""
    for number in range(50):
        rows_of(SMALL, 500 + number)
    with cluster() as (front, _):
        put_places(front)
        # A cluster that has just started gives out its partitions first.
        for number in range(SOURCES):
            front.post(rows_of(SMALL, 500), f"first-{number}", 60)
        began = time.monotonic()
        until = time.monotonic() + 60 * options.minutes
        sources = [Source(front, number, until) for number in range(SOURCES)]
        for source in sources:
            source.start()
        for source in sources:
            source.join()
    wrong = [source.wrong for source in sources if source.wrong]
    if wrong:
        sys.exit("; ".join(wrong))
    took = [seconds for source in sources for seconds in source.seconds]
    slowest = [max(source.seconds) for source in sources if source.seconds]
    median = statistics.median(took)
    when = [(seconds, end - began) for each in sources for seconds, end in zip(each.seconds, each.ends, strict=True)]
    worst = sorted(when, reverse=True)
    note("cluster: the slowest: " + ", ".join(f"{seconds:.2f} s at {at:.0f} s" for seconds, at in worst[:10]))
    note(f"cluster: {len(took)} batches of {len(slowest)} sources, the median {median:.3f} s")
    peer = "the median of all"
    what = f"cluster: {SOURCES} sources, {BUSY} of them busy: the slowest batch of each"
    yield Line(what, "s", slowest, "≤", 5.0, peer, [median] * len(slowest))
    yield Line(f"{what}, the worst", "s", [max(slowest)], "≤", 5.0, peer, [median])
