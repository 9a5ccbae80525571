"""Batches, from the request to the 201, beside SQLite with the same rows on the same disk, as durable as ours."""

import json
import random
import sqlite3
import subprocess
import sys
import time

from common import DATA, FOLDER, RELEASE, Line, in_turns, ratebook, remove
from data import CODES, generated, ports, put_places, regions

TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}


def make_peer(name, with_index):
    """The existing service's tables in SQLite, empty but for the places."""
    path = FOLDER / name
    remove(name)
    tables = (DATA / "existing.sql").read_text()
    if not with_index:
        tables = tables.replace("CREATE INDEX", "-- CREATE INDEX")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {tables}")
    connection.executemany("INSERT INTO regions VALUES (:slug, :name, :parent_slug)", regions())
    connection.executemany("INSERT INTO ports VALUES (:code, :name, :parent_slug)", ports())
    # While it stays open the peer is spared the checkpoint that the last connection makes when it closes.
    return path, connection


def import_rows(path, rows):
    script = f"PRAGMA synchronous=FULL;\n.import --csv --skip 1 '{rows}' prices\n"
    began = time.perf_counter()
    done = subprocess.run(["sqlite3", "-bail", str(path)], input=script, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if done.returncode != 0 or done.stderr:
        sys.exit(f"sqlite3 failed: {done.stderr}")
    return took


def send(server, count, form, number):
    """A batch of its own each time: other rows of the same kind."""
    body = generated(count, form, number).read_bytes()
    headers = {"Content-Type": TYPES[form], "Prefer": "wait=60"}
    began = time.perf_counter()
    status, answer = server.call("POST", "/v1/batches?source=bench", body, headers)
    took = time.perf_counter() - began
    if status != 201 or json.loads(answer)["price_count"] != count:
        sys.exit(f"a batch was answered with {status}: {answer[:500]!r}")
    return took


def large(options):
    for count in (50_000, 1_000_000):
        yield from beside_import(count, options)


def beside_import(count, options):
    indexed, keep_indexed = make_peer("indexed.sqlite", True)
    plain, keep_plain = make_peer("plain.sqlite", False)
    with ratebook(file=f"batches-{count}.sqlite") as server:
        put_places(server)

        def ours(form):
            return lambda number: send(server, count, form, 20 * list(TYPES).index(form) + number)

        turns = {form: ours(form) for form in TYPES}
        turns["indexed"] = lambda number: import_rows(indexed, generated(count, "csv", number))
        turns["plain"] = lambda number: import_rows(plain, generated(count, "csv", number))
        samples = in_turns(options.rounds, f"{count} prices", turns)
    for kept in (keep_indexed, keep_plain):
        stored = kept.execute("SELECT count(*) FROM prices").fetchone()[0]
        if stored != (options.rounds + 1) * count:
            sys.exit(f"sqlite3 holds {stored} rows")
        kept.close()
    for form in TYPES:
        for peer, words, bound in (("indexed", "with index", 0.7), ("plain", "without index", 1.0)):
            what = f"batch of {count} as {form.upper()}, request to 201"
            yield Line(what, "s", samples[form], "≤", bound, f"sqlite3 .import, {words}", samples[peer])


BATCHES, BATCH_PRICES, CLIENTS = 200, 50, 16


def small(options):
    dice = random.Random(1)
    path, keeper = make_peer("small.sqlite", True)
    rows_file, bodies_file = FOLDER / "small.csv", FOLDER / "small.bodies"

    def write(number):
        batches = []
        for _ in range(BATCHES):
            pairs = [dice.sample(CODES, 2) for _ in range(BATCH_PRICES)]
            batches.append([(*pair, f"2025-{dice.randint(1, 12):02}-15", dice.randint(500, 9000)) for pair in pairs])
        rows = [",".join(map(str, row)) for batch in batches for row in batch]
        rows_file.write_text("orig_code,dest_code,day,price\n" + "\n".join(rows) + "\n")
        names = ("orig_code", "dest_code", "day", "price")
        bodies = [{"prices": [dict(zip(names, row, strict=True)) for row in batch]} for batch in batches]
        bodies_file.write_text("".join(json.dumps(body) + "\n" for body in bodies))
        return number

    with ratebook(file="small-batches.sqlite") as server:
        put_places(server)

        def ours(number):
            write(number)
            command = [str(RELEASE / "bench" / "http_load"), "posts", str(server.port), str(CLIENTS), str(bodies_file)]
            done = subprocess.run([*command, str(number)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(done.stderr)
            return json.loads(done.stdout)["seconds"]

        def theirs(number):
            write(number)
            command = [str(RELEASE / "bench" / "sqlite_client"), str(path), str(rows_file), str(BATCH_PRICES)]
            return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

        samples = in_turns(options.rounds, "small batches", {"ours": ours, "theirs": theirs})
    keeper.close()
    what = f"{BATCHES} batches of {BATCH_PRICES} from {CLIENTS} clients, each to its 201"
    yield Line(what, "s", samples["ours"], "≤", 0.5, "SQLite, a transaction each, one client", samples["theirs"])
