"""How long nothing was accepted, nothing was committed, no read was answered around a fault; and reads that were slow
or failed. A line for each fault, a table of all."""

import bisect
import dataclasses
import itertools
import statistics
import threading

from breaking.contents import PROBE


@dataclasses.dataclass(frozen=True)
class Gaps:
    fault: str
    target: str
    accepting: float
    committing: float
    # From a small batch's acceptance, or the fault, until a node showed it.
    slowest_commit: float
    reading: float
    slowest_read: float
    failed_reads: int
    reads: int
    healthy_after: float
    # Whether it was seen to hit the step that it is named for; None where it names none.
    is_caught: bool | None

    def line(self) -> str:
        return (
            f"{self.fault:26} {self.target:22} accepting {self.accepting:5.1f} s  committing {self.committing:5.1f} s "
            f"(a batch {self.slowest_commit:5.1f} s)  "
            f"reading {self.reading:5.2f} s  slowest read {self.slowest_read:5.2f} s  "
            f"failed {self.failed_reads} of {self.reads}  healthy {self.healthy_after:5.1f} s after mending"
            f"{'' if self.is_caught is None else '  caught' if self.is_caught else '  not caught'}"
        )

    def missed_goals(self) -> list[str]:
        """Of those for the loss of a zone, in words: a machine may be too slow for them."""
        if not self.fault.endswith("-zone"):
            return []
        goals = (
            ("accepting paused for", self.accepting, 5),
            ("committing paused for", self.committing, 30),
            ("a read took", self.slowest_read, 2),
        )
        return [f"{what} {took:.1f} s, more than {most}" for what, took, most in goals if took > most]


class Measure:
    """Listens to the history."""

    def __init__(self):
        self.lock = threading.Lock()
        # Answers of 2xx; and when those came that tell when a batch was accepted.
        self.taken = 0
        self.accepted: list[float] = []
        self.committed: list[float] = []
        self.read: list[float] = []
        self.reads: list[tuple[float, float, int]] = []
        self.newest = 0
        self.waiting: dict[str, float] = {}
        # When it was accepted, and when it was first shown.
        self.shown: list[tuple[float, float]] = []
        self.events: set[str] = set()
        self.all: list[Gaps] = []

    def hear(self, line: dict) -> None:
        with self.lock:
            if line["what"] == "send" and 200 <= line["status"] < 300:
                self.taken += 1
                # One that waits for its commit, or is a repeat, was accepted some time before its answer.
                if line["wait"] == 0 and line["status"] != 200:
                    self.accepted.append(line["ended"])
                # Others may be rejected, as they should.
                if line["source"].startswith(PROBE) and line["id"] not in self.events:
                    self.waiting.setdefault(line["id"], line["ended"])
            elif line["what"] == "event":
                # After a restore it may be in a version whose number was seen before.
                if line["number"] > self.newest:
                    self.newest = line["number"]
                    self.committed.append(line["ended"])
                self.events.add(line["batch_id"])
                if line["batch_id"] in self.waiting:
                    self.shown.append((self.waiting.pop(line["batch_id"]), line["ended"]))
            elif line["what"] == "rate":
                self.reads.append((line["began"], line["ended"], line["status"]))
                if line["status"] == 200:
                    self.read.append(line["ended"])

    @staticmethod
    def longest(times: list[float], began: float, ended: float) -> float:
        """Between two successes, of which the later came after `began` and the earlier before `ended`."""
        first = max(0, bisect.bisect_left(times, began) - 1)
        window = [one for one in times[first:] if one <= ended]
        points = [*(window or [began]), ended]
        return max(right - left for left, right in itertools.pairwise(points))

    def add(
        self, fault: str, target: str, began: float, ended: float, healthy_after: float, is_caught: bool | None = None
    ) -> Gaps:
        with self.lock:
            reads = [one for one in self.reads if one[1] >= began and one[0] <= ended]
            gaps = Gaps(
                fault,
                target,
                self.longest(self.accepted, began, ended),
                self.longest(self.committed, began, ended),
                # What it waited for the fault before is not this one's.
                max(
                    [shown - max(told, began) for told, shown in self.shown if shown >= began and told <= ended]
                    + [ended - max(told, began) for told in self.waiting.values() if told <= ended],
                    default=0.0,
                ),
                self.longest(self.read, began, ended),
                max((right - left for left, right, _ in reads), default=0.0),
                sum(status != 200 for _, _, status in reads),
                len(reads),
                healthy_after,
                is_caught,
            )
        self.all.append(gaps)
        return gaps

    def table(self) -> str:
        def three(values: list[float]) -> str:
            return " / ".join(f"{one:.1f}" for one in (min(values), statistics.median(values), max(values)))

        def caught(of_fault: list[Gaps]) -> str:
            asked = [gaps.is_caught for gaps in of_fault if gaps.is_caught is not None]
            return f"{sum(asked)} of {len(asked)}" if asked else ""

        times = ("accepting", "committing", "slowest commit", "reading", "slowest read")
        rows = [("fault", "count", *times, "failed reads", "healthy", "caught")]
        for fault in sorted({gaps.fault for gaps in self.all}):
            of_fault = [gaps for gaps in self.all if gaps.fault == fault]
            rows.append(
                (
                    fault,
                    str(len(of_fault)),
                    *(
                        three([getattr(gaps, field) for gaps in of_fault])
                        for field in (time.replace(" ", "_") for time in times)
                    ),
                    f"{sum(gaps.failed_reads for gaps in of_fault)} of {sum(gaps.reads for gaps in of_fault)}",
                    three([gaps.healthy_after for gaps in of_fault]),
                    caught(of_fault),
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines.append("(seconds: min / median / max; healthy: after the fault was mended; caught: in the step named)")
        return "\n".join(lines)
