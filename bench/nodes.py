"""What a version costs PostgreSQL with 3, 10 and 30 nodes: as many processes on this machine, beside one PostgreSQL and
one broker. Small batches of several sources come at a steady rate, each to another node."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from common import BINARY, FOLDER, ROOT, Line, Server, free_port, note
from sql import PROGRAMS, server

sys.path.append(str(ROOT / "tests" / "engines"))

from kafka import Broker

COUNTS = (3, 10, 30)
BATCHES_A_SECOND = 10
SECONDS = 20
SOURCES = 24
PRICES = 20
SEQUENTIAL = 60
PORTS = ("CNSGH", "NLRTM", "DEHAM", "USNYC", "SGSIN", "JPTYO")
PLACES = {
    "regions": [{"slug": "all", "name": "All"}],
    "ports": [{"code": code, "name": code, "parent_slug": "all"} for code in PORTS],
}


@contextlib.contextmanager
def broker():
    with tempfile.TemporaryDirectory(prefix="ratebook-kafka-") as folder:
        kafka = Broker(pathlib.Path(folder))
        try:
            kafka.wait_until_ready()
            yield f"{kafka.address}:9092"
        finally:
            kafka.end()


class Database:
    """What the server has counted."""

    def __init__(self, folder, as_user, environment):
        self.folder, self.as_user, self.environment = folder, as_user, environment

    def sql(self, question, database="bench"):
        command = [PROGRAMS / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", database, "-c", question]
        done = subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def figures(self):
        return {
            "versions": int(self.sql("SELECT version FROM ratebook.head")),
            "transactions": int(self.sql("SELECT xact_commit FROM pg_stat_database WHERE datname = 'bench'")),
            "wal": self.sql("SELECT pg_current_wal_insert_lsn()"),
        }

    def records(self, manager, begin, end):
        """Of the write-ahead log, between two places in it."""
        dump = [*self.as_user, PROGRAMS / "pg_waldump", "-p", self.folder / "data/pg_wal", "-r", manager]
        done = subprocess.run([*dump, "-s", begin, "-e", end], check=False, capture_output=True, text=True, cwd="/")
        return done.stdout.splitlines()

    def spent(self, before, after):
        """Commits that wrote, those of them that only confirm what was read, and transactions."""
        begin, end = before["wal"], after["wal"]
        return {
            "commits": sum("desc: COMMIT" in line for line in self.records("Transaction", begin, end)),
            "confirmations": len(self.records("LogicalMessage", begin, end)),
            "transactions": after["transactions"] - before["transactions"],
        }


def start(stack, number, database, brokers, name):
    port = free_port()
    settings = FOLDER / f"node-{number}.toml"
    primary = f"host={database.folder} user=owner dbname=bench"
    settings.write_text(
        f'listen = "127.0.0.1:{port}"\n'
        f'[kafka]\nbrokers = "{brokers}"\ntopic = "{name}"\nreplication = 1\n'
        f'[postgres]\nprimary = "{primary}"\n'
    )
    binary = os.environ.get("RATEBOOK_BINARY", str(BINARY))
    return stack.enter_context(Server(f"node-{number}", [binary, "serve", "--config", str(settings)], port))


class Sender:
    """Batches, each to the next node; how long each took to its 201."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.numbers = itertools.count()

    def send(self, source):
        number = next(self.numbers)
        day = f"2026-01-{number % 28 + 1:02}"
        prices = [
            {"orig_code": PORTS[i % 3], "dest_code": PORTS[3 + i % 3], "day": day, "price": number + i + 1}
            for i in range(PRICES)
        ]
        body = json.dumps({"source": f"carrier-{source}", "prices": prices})
        headers = {"Content-Type": "application/json", "Idempotency-Key": f"key-{number}", "Prefer": "wait=60"}
        began = time.monotonic()
        status, answer = self.nodes[number % len(self.nodes)].call("POST", "/v1/batches", body, headers)
        if status != 201:
            sys.exit(f"POST /v1/batches was answered with {status}: {answer[:300]!r}")
        return time.monotonic() - began

    def one_after_the_other(self, count):
        return [self.send(0) for _ in range(count)]

    def at_a_rate(self, a_second, seconds):
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(64) as pool:
            waiting = []
            for i in range(round(a_second * seconds)):
                time.sleep(max(0, began + i / a_second - time.monotonic()))
                waiting.append(pool.submit(self.send, i % SOURCES))
            return [one.result() for one in waiting]


def is_ready(node):
    return node.call("GET", "/readyz")[0] == 200


def measure(count, database, brokers):
    name = f"bench-{count}"
    database.sql("DROP DATABASE IF EXISTS bench WITH (FORCE)", "postgres")
    database.sql("CREATE DATABASE bench", "postgres")
    with contextlib.ExitStack() as stack:
        nodes = [start(stack, number, database, brokers, name) for number in range(count)]
        while not all(is_ready(node) for node in nodes):
            time.sleep(0.1)
        nodes[0].must((200, 201), "PUT", "/v1/places", json.dumps(PLACES), {"Content-Type": "application/json"})
        sender = Sender(nodes)
        # Until every node has its partitions, and has shown a batch.
        time.sleep(5)
        sender.at_a_rate(5, 4)
        time.sleep(3)
        phases = {}
        for phase, work in {
            "idle": lambda: time.sleep(SECONDS / 2),
            "rate": lambda: sender.at_a_rate(BATCHES_A_SECOND, SECONDS),
            "sequential": lambda: sender.one_after_the_other(SEQUENTIAL),
        }.items():
            before, began = database.figures(), time.monotonic()
            latencies = work()
            seconds = time.monotonic() - began
            after = database.figures()
            spent = database.spent(before, after)
            versions = after["versions"] - before["versions"]
            phases[phase] = {"versions": versions, "seconds": round(seconds, 1)} | spent
            if latencies:
                latencies.sort()
                phases[phase] |= {
                    "p50_ms": round(1000 * statistics.median(latencies), 1),
                    "p90_ms": round(1000 * latencies[len(latencies) * 9 // 10], 1),
                    "max_ms": round(1000 * latencies[-1], 1),
                }
            time.sleep(2)
        note(f"{count} nodes: {json.dumps(phases)}")
        return phases


def commits(options):
    """Commits a version at a steady rate; each node adds its confirmations, which do not grow with the versions."""
    options_of_server = ["-c", "max_connections=700", "-c", "shared_buffers=128MB", "-c", "wal_keep_size=1GB"]
    with server(options_of_server) as (folder, as_user, environment), broker() as brokers:
        database = Database(folder, as_user, environment)
        for count in COUNTS:
            phases = measure(count, database, brokers)
            rate = phases["rate"]
            yield Line(
                f"commits a version, {count} nodes, {BATCHES_A_SECOND} batches a second",
                "commits",
                [rate["commits"] / rate["versions"]],
                "≤",
                6 + 3 * count / BATCHES_A_SECOND,
            )
            yield Line(
                f"batches one after the other, {count} nodes: to 201", "ms", [phases["sequential"]["p50_ms"]], "≤", 200
            )


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    COUNTS = tuple(int(word) for word in re.split(r"[ ,]", sys.argv[1])) if len(sys.argv) > 1 else COUNTS
    for line in commits(None):
        print(line.what, line.ours, flush=True)
