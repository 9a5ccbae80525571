"""Runs the real binary for a long time under reads, batches, repeats, refusals, retractions and restarts at once, and
watches that memory, descriptors and file stay flat: bounded by what is stored, not by how long it ran. Each half of the
run starts with a process of its own; what it needs at the end of the first half is compared with the end of the second.
Standard library only; ./dev soak calls it."""

import argparse
import collections
import gc
import http.client
import json
import os
import pathlib
import queue
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "build" / "release" / "ratebook"
FOLDER = ROOT / "build" / "soak"
PORTS = ["CNSGH", "NLRTM", "DEHAM", "USNYC", "SGSIN", "JPTYO"]
PLACES = {
    "regions": [{"slug": "all", "name": "All"}, {"slug": "west", "name": "West", "parent_slug": "all"}],
    "ports": [{"code": code, "name": code, "parent_slug": "west" if i % 2 else "all"} for i, code in enumerate(PORTS)],
}


class Wrong(Exception):
    """An answer that a promise forbids."""


class Server:
    """`ratebook serve` on one port and one file, which may be stopped, killed and started again."""

    def __init__(self, options):
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.file = FOLDER / "soak.sqlite"
        self.options = options
        self.process = None
        self.port = 0

    def start(self):
        with open(FOLDER / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--data", self.file, "--listen", f"127.0.0.1:{self.port}", *self.options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=FOLDER,
            )
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            raise Wrong(f"serve said {line!r}; see {FOLDER}/server.log")
        self.port = int(line.rsplit(":", 1)[1])

    def end(self, how):
        self.process.send_signal(how)
        code = self.process.wait(timeout=120)
        if how == signal.SIGTERM and code != 0:
            raise Wrong(f"SIGTERM ended serve with {code}")

    def figures(self):
        status = dict(
            line.split(":", 1) for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        )

        def size(path):
            return path.stat().st_size if path.exists() else 0

        return {
            "resident_mib": int(status["VmRSS"].split()[0]) / 1024,
            "threads": int(status["Threads"]),
            "descriptors": len(os.listdir(f"/proc/{self.process.pid}/fd")),
            "file_mib": size(self.file) / 2**20,
            "wal_mib": size(pathlib.Path(f"{self.file}-wal")) / 2**20,
        }


class Client:
    """One connection, made anew after each failure. A restart may break any call: None."""

    def __init__(self, server):
        self.server = server
        self.connection = None

    def ask(self, method, target, body=None, headers=None):
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
            self.connection.request(method, target, body, headers or {})
            response = self.connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self.connection = None
            time.sleep(0.05)
            return None


class Load:
    """What is sent and asked, and what must be there in the end: count and sum of cents of each batch by its id."""

    def __init__(self, server, seed):
        self.server = server
        self.random = random.Random(seed)
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.committed = {}
        self.retracted = set()
        self.stored_prices = 0
        self.wrong = queue.Queue()

    def threads(self):
        work = [self.read] * 3 + [self.send] * 2 + [self.refuse, self.retract]
        return [threading.Thread(target=self.guard, args=(each, i), daemon=True) for i, each in enumerate(work)]

    def guard(self, work, number):
        try:
            work(Client(self.server), random.Random(f"{number}-{self.random.random()}"))
        except Exception as error:
            self.wrong.put(error)

    def count(self, what, answer, allowed):
        self.counts[what if answer else what + " broken off"] += 1
        if answer and answer[0] not in allowed:
            raise Wrong(f"{what}: {answer[0]} {answer[1][:300]!r}")

    def read(self, client, dice):
        while not self.stop.wait(0.004):
            a, b = dice.sample([*PORTS, "all", "west"], 2)
            day = dice.randrange(1, 28)
            target = f"/rates?date_from=2026-01-{day:02}&date_to=2026-01-31&orig_code={a}&dest_code={b}"
            if dice.random() < 0.2:
                days = f"date_from=2026-01-{day:02}&date_to=2026-01-31"
                target = f"/v1/rates?origin={a}&destination={b}&{days}&stats=avg,p50,count"
            self.count("reads", client.ask("GET", target), (200, 503))

    def send(self, client, dice):
        source = f"carrier-{dice.randrange(10**9)}"
        sent = 0
        while not self.stop.wait(dice.uniform(0.5, 2.5)):
            sent += 1
            count = dice.choice([1, 10, 500, 5000])
            rows = [
                f"{a},{b},2026-01-{dice.randrange(1, 32):02},{dice.randrange(1, 10**6) / 100:.2f}"
                for a, b in (dice.sample(PORTS, 2) for _ in range(count))
            ]
            body = "orig_code,dest_code,day,price\n" + "\n".join(rows)
            headers = {"Content-Type": "text/csv", "Idempotency-Key": f"key-{sent}"}
            for attempt in range(200):
                answer = client.ask("POST", f"/v1/batches?source={source}", body, headers)
                self.count("batches" if attempt == 0 else "repeats", answer, (200, 201, 202, 429, 503))
                if answer and answer[0] < 300:
                    break
                time.sleep(0.1)
            else:
                raise Wrong(f"{source} key-{sent} was not accepted in 200 tries")
            with self.lock:
                self.committed[json.loads(answer[1])["id"]] = count
                self.stored_prices += count
            if dice.random() < 0.3:
                self.count(
                    "repeats", client.ask("POST", f"/v1/batches?source={source}", body, headers), (200, 202, 503)
                )

    def refuse(self, client, dice):
        while not self.stop.wait(0.3):
            bad = dice.choice(
                [b"", b"{", b'{"source":"x","prices":[]}', b'{"source":"x","prices":[{"orig_code":"?"}]}', b"x" * 10**5]
            )
            self.count(
                "refused", client.ask("POST", "/v1/batches", bad, {"Content-Type": "application/json"}), (400, 422, 503)
            )

    def retract(self, client, dice):
        while not self.stop.wait(dice.uniform(1, 3)):
            with self.lock:
                ids = [id for id in list(self.committed)[-200:] if id not in self.retracted]
            if not ids:
                continue
            id = dice.choice(ids)
            answer = client.ask("POST", f"/v1/batches/{id}/retraction")
            self.count("retractions", answer, (200, 201, 202, 409, 503))
            # A broken answer leaves it open: asked again until it is said.
            while answer is None or answer[0] in (202, 409, 503):
                if self.stop.wait(0.2):
                    return
                answer = client.ask("POST", f"/v1/batches/{id}/retraction")
            with self.lock:
                self.retracted.add(id)


def check(server, load):
    """Every batch that was answered is there as it should be, and the newest state adds up."""
    client = Client(server)
    for id, count in load.committed.items():
        answer = client.ask("GET", f"/v1/batches/{id}")
        batch = json.loads(answer[1])
        allowed = ("retracted",) if id in load.retracted else ("committed", "retracted")
        if batch["status"] not in allowed or batch["price_count"] != count:
            raise Wrong(f"{id} of {count} prices: {batch}")


def run_half(server, load, seconds, restart_seconds):
    """One half: restarts at intervals, by signal in turn; figures at the end, when all is quiet."""
    threads = load.threads()
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    hows = [signal.SIGTERM, signal.SIGKILL]
    # The last stretch runs on one process, long enough to leak.
    while (left := end - time.monotonic()) > 0:
        pause = min(restart_seconds, left)
        if left < 2 * restart_seconds:
            pause = left
        deadline = time.monotonic() + pause
        while time.monotonic() < deadline:
            if not load.wrong.empty():
                raise load.wrong.get()
            time.sleep(0.2)
        if time.monotonic() < end:
            hows.reverse()
            server.end(hows[0])
            server.start()
            load.counts[f"restarts by {hows[0].name}"] += 1
            gc.collect()
    load.stop.set()
    for thread in threads:
        thread.join()
    if not load.wrong.empty():
        raise load.wrong.get()
    load.stop.clear()
    time.sleep(3)
    return server.figures() | {"stored_prices": load.stored_prices}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--restart-seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    options = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    print(f"seed {options.seed}", file=sys.stderr)
    server = Server([])
    server.start()
    load = Load(server, options.seed)
    try:
        answer = Client(server).ask("PUT", "/v1/places", json.dumps(PLACES), {"Content-Type": "application/json"})
        if answer[0] not in (200, 201):
            raise Wrong(f"places: {answer}")
        half = options.minutes * 30
        first = run_half(server, load, half, options.restart_seconds)
        print("after the first half:  ", json.dumps(first), flush=True)
        server.end(signal.SIGTERM)
        server.start()
        second = run_half(server, load, half, options.restart_seconds)
        print("after the second half: ", json.dumps(second), flush=True)
        check(server, load)
        print("did:                   ", json.dumps(load.counts), flush=True)
        server.end(signal.SIGTERM)
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()

    stored = second["stored_prices"] - first["stored_prices"]
    per_price = [half["file_mib"] * 2**20 / half["stored_prices"] for half in (first, second)]
    print(f"file: {per_price[0]:.1f} and {per_price[1]:.1f} bytes a price that was ever stored")
    flat = {
        "descriptors": second["descriptors"] <= first["descriptors"] + 8,
        "threads": second["threads"] <= first["threads"],
        # What the new prices need in the book, and an allocator's slack.
        "memory": second["resident_mib"] <= first["resident_mib"] * 1.1 + stored * 24 / 2**20 + 8,
        "file": per_price[1] <= per_price[0] * 1.05,
        "wal": second["wal_mib"] <= 64,
    }
    for name, is_flat in flat.items():
        print(f"{name}: {'flat' if is_flat else 'GROWS'}")
    sys.exit(0 if all(flat.values()) else 1)


if __name__ == "__main__":
    main()
