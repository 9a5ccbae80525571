"""Measures Ratebook beside its peers in one run: GET /rates against nginx serving a file of the same size, and a batch
of prices as JSON against `sqlite3 .import` of the same rows. Peers take turns, round by round, so that whatever else
the machine does meets all of them; what counts is the ratio of medians. Standard library only; ./dev bench calls it."""

import argparse
import csv
import datetime
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"
FOLDER = ROOT / "build" / "bench"
BINARY = ROOT / "build" / "release" / "ratebook"
CONNECTIONS = 64

# Debian 12's /etc/nginx/nginx.conf and sites-available/default, with other paths and another port, and one worker, as
# the server gets one core.
NGINX_SITE = """
  server {{
    listen 127.0.0.1:{port} default_server;
    root {root};
    server_name _;
    location / {{ try_files $uri $uri/ =404; }}
  }}
}}
"""
NGINX_DEBIAN = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{ worker_connections 768; }}
http {{
  sendfile on;
  tcp_nopush on;
  types_hash_max_size 2048;
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log {folder}/access.log;
  gzip on;
  client_body_temp_path {folder}/temporary; proxy_temp_path {folder}/temporary; fastcgi_temp_path {folder}/temporary;
  uwsgi_temp_path {folder}/temporary; scgi_temp_path {folder}/temporary;
"""
NGINX_TUNED = NGINX_DEBIAN.replace(
    "access_log {folder}/access.log;",
    "access_log off; open_file_cache max=100 inactive=1h; open_file_cache_valid 1h; keepalive_requests 100000000;",
)


def note(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core):
    """Words before a command that keep it on one core; none where there is only one."""
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


class Server:
    """A process that listens on a port of loopback; ended with the block."""

    def __init__(self, name, command, port):
        self.name, self.command, self.port = name, command, port
        self.log = FOLDER / f"{name}.log"

    def __enter__(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.ready():
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        self.__exit__()
        sys.exit(f"{self.name} did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def ready(self):
        if self.name.startswith("ratebook"):
            return b"listening on" in self.log.read_bytes()
        socket.create_connection(("127.0.0.1", self.port), 1).close()
        return True

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def cpu_seconds(self):
        """What the process and its direct children have used."""
        total = 0
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for process in [str(self.process.pid), *children]:
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def call(self, method, path, body=None, headers=None, timeout=300):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def rows_of(name):
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def ratebook(core=None):
    port = free_port()
    command = [*(pinned(core) if core is not None else []), str(BINARY), "serve"]
    command += ["--data", str(FOLDER / "ratebook.sqlite"), "--listen", f"127.0.0.1:{port}"]
    return Server("ratebook", command, port)


def nginx(name, template, core):
    folder = FOLDER / name
    (folder / "temporary").mkdir(parents=True)
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    text = template.format(folder=folder, user=user) + NGINX_SITE.format(port=port, root=FOLDER / "static")
    (folder / "nginx.conf").write_text(text)
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    return Server(name, [*pinned(core), binary, "-p", str(folder), "-c", str(folder / "nginx.conf")], port)


def load_real_data(server):
    regions = [{**row, "parent_slug": row["parent_slug"] or None} for row in rows_of("regions.csv")]
    places = json.dumps({"regions": regions, "ports": rows_of("ports.csv")})
    status, body = server.call("PUT", "/v1/places", places, {"Content-Type": "application/json"})
    if status not in (200, 201):
        sys.exit(f"places were refused with {status}: {body[:500]!r}")
    headers = {"Content-Type": "text/csv", "Prefer": "wait=60"}
    status, body = server.call("POST", "/v1/batches?source=bench", (DATA / "prices.csv").read_bytes(), headers)
    if status != 201:
        sys.exit(f"the real prices were refused with {status}: {body[:500]!r}")


def run_wrk(server, seconds, seed):
    command = [*pinned(1), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(ROOT / "bench" / "rates.lua")]
    command += [f"http://127.0.0.1:{server.port}", "--", str(FOLDER / "routes"), str(seed)]
    cpu_before = server.cpu_seconds()
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in output.stdout.splitlines() if line.startswith("{")]
    if output.returncode != 0 or not lines:
        sys.exit(f"wrk failed: {output.stdout}{output.stderr}")
    result = json.loads(lines[-1])
    if result["errors"]:
        sys.exit(f"{server.name} answered {result['errors']} of {result['requests']} requests with an error")
    busy = (server.cpu_seconds() - cpu_before) / result["seconds"]
    return {"requests_per_s": result["requests"] / result["seconds"], "server_busy": busy, "p99_us": result["p99_us"]}


def summary(samples):
    ordered = sorted(samples)
    return {"median": statistics.median(ordered), "min": ordered[0], "max": ordered[-1]}


def measure_rates(rounds, seconds):
    pairs = sorted({(row["orig_code"], row["dest_code"]) for row in rows_of("prices.csv")})
    dates = "date_from=2021-01-01&date_to=2021-01-31"
    queries = [f"{dates}&orig_code={origin}&dest_code={destination}" for origin, destination in pairs]
    (FOLDER / "routes").write_text("\n".join(queries) + "\n")
    with ratebook(core=0) as ours:
        load_real_data(ours)
        answers = [ours.call("GET", f"/rates?{query}") for query in queries]
        if any(status != 200 or body.count(b'"day"') != 31 for status, body in answers):
            sys.exit("/rates did not answer with 31 days")
        # The file is as long as the middle one of our answers.
        body = sorted((body for _, body in answers), key=len)[len(answers) // 2]
        (FOLDER / "static").mkdir()
        (FOLDER / "static" / "rates").write_bytes(body)
        with nginx("nginx", NGINX_DEBIAN, 0) as shipped, nginx("nginx-tuned", NGINX_TUNED, 0) as tuned:
            servers = [ours, shipped, tuned]
            for server in servers:
                run_wrk(server, 1, 0)
            samples = {server.name: [] for server in servers}
            for number in range(rounds):
                for server in servers[number % 3 :] + servers[: number % 3]:
                    samples[server.name].append(run_wrk(server, seconds, number + 1))
                note(f"   /rates round {number + 1} of {rounds}")
    result = {"body_bytes": len(body), "routes": len(queries), "connections": CONNECTIONS, "rounds": rounds}
    for name, measured in samples.items():
        result[name] = {key: summary([one[key] for one in measured]) for key in measured[0]}
    for name in ("nginx", "nginx-tuned"):
        ratio = result["ratebook"]["requests_per_s"]["median"] / result[name]["requests_per_s"]["median"]
        result[f"ratio_to_{name}"] = ratio
        late = result["ratebook"]["p99_us"]["median"] / result[name]["p99_us"]["median"]
        result[f"p99_ratio_to_{name}"] = late
    return result


def make_batch(count, seed):
    """Rows like the real ones, on its routes, in an order of their own."""
    source = random.Random(seed)
    pairs = sorted({(row["orig_code"], row["dest_code"]) for row in rows_of("prices.csv")})
    days = [(datetime.date(2021, 2, 1) + datetime.timedelta(days=n)).isoformat() for n in range(365)]
    return [(*source.choice(pairs), source.choice(days), source.randint(500, 9000)) for _ in range(count)]


def time_ratebook(server, rows):
    names = ("orig_code", "dest_code", "day", "price")
    body = json.dumps({"source": "bench", "prices": [dict(zip(names, row, strict=True)) for row in rows]}).encode()
    headers = {"Content-Type": "application/json", "Prefer": "wait=60"}
    began = time.perf_counter()
    status, answer = server.call("POST", "/v1/batches", body, headers)
    took = time.perf_counter() - began
    if status != 201:
        sys.exit(f"the batch was answered with {status}: {answer[:500]!r}")
    origin, destination, day, _ = rows[0]
    query = f"date_from={day}&date_to={day}&orig_code={origin}&dest_code={destination}"
    rate = json.loads(server.call("GET", f"/rates?{query}")[1])["rates"][0]
    if not rate["count"]:
        sys.exit("the batch is not visible after its 201")
    return took


def make_peer(path):
    """The existing service's tables, in SQLite, holding the real data."""
    script = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;\n" + (DATA / "existing.sql").read_text()
    for table in ("regions", "ports", "prices"):
        script += f".import --csv --skip 1 '{DATA / table}.csv' {table}\n"
    run_sqlite(path, script)


def run_sqlite(path, script):
    result = subprocess.run(["sqlite3", "-bail", str(path)], input=script, capture_output=True, text=True, check=False)
    if result.returncode != 0 or result.stderr:
        sys.exit(f"sqlite3 failed: {result.stderr}")


def time_peer(path, rows):
    file = FOLDER / "rows.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("orig_code", "dest_code", "day", "price"))
        writer.writerows(rows)
    began = time.perf_counter()
    run_sqlite(path, f"PRAGMA synchronous=FULL;\n.import --csv --skip 1 '{file}' prices\n")
    return time.perf_counter() - began


def measure_batch(rounds, count):
    path = FOLDER / "peer.sqlite"
    make_peer(path)
    # A connection that stays open spares the peer the checkpoint that the last one makes when it closes.
    keeper = sqlite3.connect(path)
    before = keeper.execute("SELECT count(*) FROM prices").fetchone()[0]
    samples = {"ratebook": [], "sqlite3": []}
    with ratebook() as server:
        for number in range(rounds + 1):
            rows = make_batch(count, number)
            turns = [
                ("ratebook", lambda rows=rows: time_ratebook(server, rows)),
                ("sqlite3", lambda rows=rows: time_peer(path, rows)),
            ]
            for name, turn in turns if number % 2 else turns[::-1]:
                seconds = turn()
                # The first of each warms up.
                if number > 0:
                    samples[name].append(seconds)
            note(f"   {count} prices, round {number} of {rounds}")
    after = keeper.execute("SELECT count(*) FROM prices").fetchone()[0]
    keeper.close()
    if after - before != (rounds + 1) * count:
        sys.exit(f"sqlite3 imported {after - before} rows")
    result = {"prices": count, "rounds": rounds}
    result |= {name: {"seconds": summary(measured)} for name, measured in samples.items()}
    result["ratio"] = result["ratebook"]["seconds"]["median"] / result["sqlite3"]["seconds"]["median"]
    return result


def show(result):
    rates = result["rates"]
    print(f"GET /rates, port to port, 31 days, {rates['routes']} routes at random, {rates['body_bytes']} bytes,")
    print(f"{rates['connections']} connections, server on core 0, wrk on core 1, {rates['rounds']} rounds in turns\n")
    print(f"{'':12} {'requests/s':>10} {'(min … max)':>19} {'p99 ms':>8} {'(min … max)':>15} {'core busy':>10}")
    for name in ("ratebook", "nginx", "nginx-tuned"):
        speed, late, busy = (rates[name][key] for key in ("requests_per_s", "p99_us", "server_busy"))
        print(
            f"{name:12} {speed['median']:10.0f} {speed['min']:9.0f} …{speed['max']:8.0f} {late['median'] / 1e3:8.2f}"
            f" {late['min'] / 1e3:7.2f} …{late['max'] / 1e3:6.2f} {busy['median']:9.0%}"
        )
    if min(rates[name]["server_busy"]["median"] for name in ("ratebook", "nginx", "nginx-tuned")) < 0.8:
        print(
            "\nThe servers did not get their core to themselves: something else ran. Measure again on a quiet machine."
        )
    print()
    for name, words, least in (
        ("nginx", "nginx as Debian ships it", 1.25),
        ("nginx-tuned", "nginx without its log, with its file cache", 1.0),
    ):
        ratio, late = rates[f"ratio_to_{name}"], rates[f"p99_ratio_to_{name}"]
        print(f"{ratio:.2f} × {words} (budget: ≥ {least:.2f}); its p99 {late:.2f} × (budget: ≤ 1.00)")
    for batch in result["batches"]:
        print(f"\n{batch['prices']} prices, from request to 201 as JSON, beside sqlite3 .import of them as CSV,")
        print(f"{batch['rounds']} rounds in turns\n")
        print(f"{'':12} {'seconds':>10} {'(min … max)':>19}")
        for name in ("ratebook", "sqlite3"):
            took = batch[name]["seconds"]
            print(f"{name:12} {took['median']:10.3f} {took['min']:9.3f} …{took['max']:8.3f}")
        print(f"\n{batch['ratio']:.2f} × sqlite3 .import (budget: ≤ 1.00)")


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each peer (default 5)")
    parser.add_argument("--seconds", type=int, default=5, help="that wrk runs a round (default 5)")
    parser.add_argument("--prices", type=int, action="append", help="of a batch (default 50000); may be repeated")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    if re.search(r"\s|'", str(FOLDER)):
        sys.exit("nginx and sqlite3 cannot be given a path with blanks or quotes: clone elsewhere for the benchmark")
    result = {"rates": measure_rates(options.rounds, options.seconds), "batches": []}
    for count in options.prices or [50_000]:
        (FOLDER / "peer.sqlite").unlink(missing_ok=True)
        result["batches"].append(measure_batch(options.rounds, count))
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
