"""Measures Ratebook beside its peers. Peers take turns with ours, round by round, so that whatever else the machine
does meets all of them; a line says the ratio of the medians, the least and the most of single rounds, and whether it is
within its budget. ./dev bench calls it."""

import argparse
import json
import os
import re
import shutil
import statistics
import sys

import batches
import growth
import nodes
import rates
import sources
import sql
import whole
import zones
from common import FOLDER

import book

PARTS = {
    "rates": (rates.full_speed, "GET /rates beside nginx, as fast as it goes"),
    "beside-batches": (rates.while_batches, "GET /rates at half of that, while batches come in"),
    "tail": (rates.half_speed, "p99.9 of GET /rates at half of that, beside nginx"),
    "beside-wide": (rates.while_wide, "the same, while wide queries run"),
    "wide": (book.wide, "all ports to all ports, beside DuckDB"),
    "sql": (sql.beside_pgbench, "GET /rates beside the existing service's SQL"),
    "batches": (batches.large, "50,000 and 1,000,000 prices to their 201, beside sqlite3 .import"),
    "small-batches": (batches.small, "200 batches of 50 prices, beside SQLite transactions"),
    "publish": (book.publish, "50,000 prices into a book of 10 million; its bytes a price"),
    "memory": (whole.memory, "memory while 10 million prices come in"),
    "growth": (growth.growth, "how figures grow from 100,000 to 100 million; with --large alone"),
    "cluster": (zones.budgets, "batches into a cluster over three zones, its reads and starts; only where it is named"),
    "nodes": (nodes.commits, "commits a version with 3, 10 and 30 nodes; only where it is named"),
    "cluster-sources": (sources.spread, "200 sources in a cluster, 30 of them busy; only where it is named"),
    "restart": (whole.restart, "from kill -9 to ready with 10 million prices"),
}

ON_REQUEST = ("cluster", "nodes", "cluster-sources")


def number(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def show(line):
    least, most = line.spread()
    sign = " ×" if line.peer else f" {line.unit}"
    ours = f"{number(statistics.median(line.ours))} {line.unit}" if line.peer else ""
    theirs = f" beside {number(statistics.median(line.theirs))}, {line.peer}" if line.peer else ""
    figures = (
        f"{number(line.value())}{sign} ({number(least)} … {number(most)}; budget {line.budget} {number(line.bound)})"
    )
    print(f"{'in ' if line.is_in() else 'OUT'}  {line.what}: {figures} {ours}{theirs}".rstrip(), flush=True)


def main():
    names = "\n".join(f"  {name:15} {what}" for name, (_, what) in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"{__doc__}\n\nNAMEs, all without one:\n{names}",
    )
    parser.add_argument("names", metavar="NAME", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--rounds", type=int, default=5, help="of each peer (5)")
    parser.add_argument("--seconds", type=int, default=5, help="that HTTP is loaded a round (5)")
    parser.add_argument("--minutes", type=float, default=10, help="of cluster-sources (10)")
    parser.add_argument("--large", action="store_true", help="with 100 million prices, too: takes long")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    if re.search(r"\s|'", str(FOLDER)):
        sys.exit("nginx and sqlite3 cannot be given a path with blanks or quotes: clone elsewhere for the benchmark")
    lines = []
    for name in options.names or [name for name in PARTS if name not in ON_REQUEST]:
        for line in PARTS[name][0](options):
            lines.append(line)
            if not options.json:
                show(line)
    if options.json:
        machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
        print(
            json.dumps({"machine": machine, "lines": [line.as_json() for line in lines]}, indent=2, ensure_ascii=False)
        )
    shutil.rmtree(FOLDER, ignore_errors=True)
    sys.exit(0 if all(line.is_in() for line in lines) else 1)


if __name__ == "__main__":
    main()
