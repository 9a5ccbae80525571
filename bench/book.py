"""The book in process, on core 0: publishing, its bytes a price, and all ports to all ports beside DuckDB on the same
rows. With --large at 100 million prices, too."""

import json
import subprocess
import sys

from common import FOLDER, RELEASE, ROOT, Line, in_turns, note, pinned

# What bench/book_bench.cpp asks of all ports: 31 days from this one on.
FIRST_ASKED = 18628 + 150


def book_bench(million_prices, filter, rounds=1, rows=None):
    """google-benchmark's runs of the benchmarks that match. `rows`: a file for what the book holds."""
    out = FOLDER / "book.json"
    command = [*pinned(0), str(RELEASE / "bench" / "book_bench"), str(million_prices), *([str(rows)] if rows else [])]
    command += [f"--benchmark_filter={filter}", f"--benchmark_repetitions={rounds}"]
    command += [f"--benchmark_out={out}", "--benchmark_out_format=json"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return [run for run in json.loads(out.read_text())["benchmarks"] if run["run_type"] == "iteration"]


def publish(options):
    small = book_bench(10, "^publish/50000$", options.rounds)
    note("published into 10 million")
    times = [run["real_time"] for run in small]
    yield Line("publish 50,000 random prices into 10 million", "ms", times, "≤", 50.0)
    yield Line("bytes a price in the book at 10 million", "B", [run["bytes_a_price"] for run in small], "≤", 12.0)
    if options.large:
        large = [run["real_time"] for run in book_bench(100, "^publish/50000$", options.rounds)]
        note("published into 100 million")
        yield Line("publish 50,000 random prices into 100 million", "ms", large, "≤", 2.0, "into 10 million", times)


QUERIES = {
    "average": ("avg(cents)", "all to all, 31 days: average", 20.0),
    "p20 p50 p80": ("quantile_cont(cents::DOUBLE, [0.2, 0.5, 0.8])", "all to all, 31 days: p20 p50 p80", 5.0),
}


class DuckDb:
    """The same rows, sorted by day, in memory, one thread on core 0."""

    def __init__(self, rows):
        python = RELEASE.parent / "venv-bench" / "bin" / "python3"
        command = [*pinned(0), python, ROOT / "bench" / "duckdb_client.py", rows, str(FIRST_ASKED)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what):
        """Days, prices, the sum of all answers, and the median of ten runs in µs."""
        print(what, file=self.process.stdin, flush=True)
        days, prices, answers, took = self.process.stdout.readline().split()
        return int(days), int(prices), float(answers), float(took)

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def wide(options):
    rows = FOLDER / "rows.csv"
    book_bench(10, "^change of places$", rows=rows)
    note("10 million rows are written")
    duckdb = DuckDb(rows)
    for name, (expression, what, bound) in QUERIES.items():
        counted, answered = set(), []

        def ours(_, name=name, counted=counted, answered=answered):
            run = book_bench(10, f"^all to all, 31 days: {name}$")[0]
            counted.add(int(run["prices"]))
            answered.append(run["answers"])
            return run["real_time"]

        def theirs(_, expression=expression, counted=counted, answered=answered):
            days, prices, answers, took = duckdb.ask(expression)
            counted.add(prices)
            answered.append(answers)
            if days != 31:
                sys.exit(f"DuckDB answered {days} days")
            return took

        samples = in_turns(options.rounds, what, {"ours": ours, "theirs": theirs})
        if len(counted) != 1:
            sys.exit(f"the same rows should be counted: {counted}")
        if max(answered) - min(answered) > 1e-9 * max(answered):
            sys.exit(f"the same should be answered: {answered}")
        yield Line(
            what,
            "queries/s",
            [1e6 / took for took in samples["ours"]],
            "≥",
            bound,
            "DuckDB",
            [1e6 / took for took in samples["theirs"]],
        )
    duckdb.close()
    rows.unlink()
