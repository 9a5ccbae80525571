"""GET /rates beside PostgreSQL 15, by pgbench: prepared, indexed, cached, 8 clients, the same routes; the existing
service's SQL, which knows regions, and the least that answers for two ports. HTTP and its JSON cost nothing here."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from common import DATA, Line, in_turns, pinned, ratebook
from data import load_real
from rates import TARGETS, run_wrk

LEAN = (
    "SELECT day, count(*), avg(price) FROM prices WHERE orig_code = :'orig' AND dest_code = :'dest' "
    "AND day BETWEEN :'from' AND :'to' GROUP BY day"
)
CLIENTS = 8
ROUTES = 64
PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")


@contextlib.contextmanager
def server(options, core=None):
    """An empty cluster of its own: its folder, the words before a command that reads it, the clients' environment."""
    # Not below the tree: a socket's path has at most 107 bytes. It refuses root.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ratebook-bench-"))
    as_user = []
    if os.geteuid() == 0:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    initdb = [*as_user, PROGRAMS / "initdb", "-D", folder / "data", "-U", "owner", "-E", "UTF8", "--locale=C"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/")
    listening = ["-c", "listen_addresses=", "-k", folder]
    command = [*as_user, *pinned(core), PROGRAMS / "postgres", "-D", folder / "data", *listening, *options]
    environment = {**os.environ, "PGHOST": str(folder), "PGUSER": "owner", "PGDATABASE": "postgres"}
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
    try:
        deadline = time.monotonic() + 60
        while subprocess.run([PROGRAMS / "pg_isready", "-q"], env=environment, check=False).returncode:
            if time.monotonic() > deadline or process.poll() is not None:
                sys.exit(f"PostgreSQL did not start: {(folder / 'log').read_text()}")
            time.sleep(0.05)
        yield folder, as_user, environment
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder)


@contextlib.contextmanager
def postgres():
    """A cluster with the existing service's tables and data, on core 0; its folder and environment."""
    with server(["-c", "shared_buffers=1GB", "-c", "jit=off"], core=0) as (folder, _, environment):
        copies = "".join(
            f"\\copy {table} FROM '{DATA / table}.csv' WITH (FORMAT csv, HEADER)\n"
            for table in ("regions", "ports", "prices")
        )
        script = (DATA / "existing.sql").read_text() + copies + "VACUUM ANALYZE;"
        load = [PROGRAMS / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        subprocess.run(load, input=script, text=True, check=True, env=environment, capture_output=True)
        yield folder, environment


def beside_pgbench(options):
    lines = (DATA / "existing_rates.sql").read_text().splitlines()
    question = " ".join(line.strip() for line in lines if not line.startswith("--"))
    with ratebook(core=0) as ours, postgres() as (folder, environment):
        queries = load_real(ours)
        queries = queries[:: max(1, len(queries) // ROUTES)][:ROUTES]
        TARGETS.write_text("".join(f"/rates?{query}\n" for query in queries))

        def scripts_of(name, question):
            scripts = []
            for i, query in enumerate(queries):
                asked = dict(pair.split("=") for pair in query.split("&"))
                values = {
                    "from": asked["date_from"],
                    "to": asked["date_to"],
                    "orig": asked["orig_code"],
                    "dest": asked["dest_code"],
                }
                script = folder / f"{name}-{i}.sql"
                text = re.sub(r":'(\w+)'", lambda found, values=values: f"'{values[found[1]]}'", question)
                script.write_text(f"{text};\n")
                scripts += ["-f", script]
            return scripts

        def theirs(name, question):
            scripts = scripts_of(name, question)

            def ask(number):
                command = [*pinned(1), PROGRAMS / "pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1"]
                command += ["-T", str(options.seconds), f"--random-seed={number}", *scripts]
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
                if done.returncode != 0 or "number of failed transactions: 0" not in done.stdout:
                    sys.exit(f"pgbench failed: {done.stdout}{done.stderr}")
                return float(re.search(r"tps = ([\d.]+)", done.stdout)[1])

            return ask

        turns = {
            "ours": lambda number: run_wrk(ours, CLIENTS, options.seconds, number)["requests_per_s"],
            "service": theirs("service", question),
            "lean": theirs("lean", LEAN),
        }
        samples = in_turns(options.rounds, "/rates beside SQL", turns)
    what = f"GET /rates, {CLIENTS} connections"
    for peer, words in (("service", "PostgreSQL, the service's SQL"), ("lean", "PostgreSQL, the least SQL for ports")):
        yield Line(what, "requests/s", samples["ours"], "≥", 4.0, words, samples[peer])
