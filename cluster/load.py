"""A steady mix of small batches and reads through the front, to watch a fail-over with: a live line tells what was
sent, accepted, committed, refused and read, and the longest time in which none was. A batch whose outcome is in doubt
is sent again with its key."""

import dataclasses
import http.client
import json
import random
import sys
import threading
import time

from cluster.trouble import Trouble

ATTEMPT_SECONDS_MAX = 10.0
CODES = ("CNSGH", "CNNGB", "CNYTN", "NLRTM", "DEHAM")
PLACES = {
    "regions": [{"slug": "load", "name": "Load", "parent_slug": None}],
    "ports": [{"code": code, "name": code, "parent_slug": "load"} for code in CODES],
}


@dataclasses.dataclass
class Gap:
    """Successes of one kind; the longest time without one, the running one included."""

    count: int = 0
    last: float = dataclasses.field(default_factory=time.monotonic)
    longest: float = 0.0

    def add(self) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self.last)
        self.last = now
        self.count += 1

    def seconds(self, is_running: bool) -> float:
        return max(self.longest, time.monotonic() - self.last) if is_running else self.longest


class Client:
    """One connection, made anew after any trouble."""

    def __init__(self, address: str):
        self.address = address
        self.connection: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None):
        """Status and body; OSError where no whole answer came."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, 8080, timeout=ATTEMPT_SECONDS_MAX)
        try:
            data = json.dumps(body).encode() if body is not None else None
            self.connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.connection = None
            raise OSError(str(error)) from error


class Load:
    def __init__(self, address: str, codes: list[str], batches: float, reads: float):
        self.address = address
        self.codes = codes
        self.batches = batches
        self.reads = reads
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.sent = self.refused = self.repeated = self.failed_reads = 0
        self.accepted, self.committed, self.read = Gap(), Gap(), Gap()
        self.slowest_read = 0.0
        self.refusal = ""
        self.waiting: list[str] = []
        self.run_id = f"{random.getrandbits(48):012x}"

    def send(self) -> None:
        """One batch after the other, at the pace; one that is in doubt, or turned away for now, until it is in."""
        client = Client(self.address)
        due = time.monotonic()
        number = 0
        while not self.stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / self.batches, time.monotonic() - 1)
            number += 1
            self.send_one(client, number)

    def send_one(self, client: Client, number: int) -> None:
        origin, destination = random.sample(self.codes, 2)
        price = {"orig_code": origin, "dest_code": destination, "day": "2026-01-15", "price": 100 + number % 900}
        body = {"source": "load", "prices": [price] * 10}
        headers = {"Idempotency-Key": f"{self.run_id}-{number}", "Prefer": "wait=0"}
        is_first = True
        while is_first or not self.stop.wait(0.1):
            with self.lock:
                self.sent += is_first
                self.repeated += not is_first
            is_first = False
            try:
                status, answer = client.call("POST", "/v1/batches", body, headers)
            except OSError:
                continue
            if status in (429, 500, 502, 503, 504):
                continue
            with self.lock:
                if status not in (200, 201, 202):
                    self.refused += 1
                    self.refusal = f"{status} {answer.decode(errors='replace')}"
                    return
                self.accepted.add()
                told = json.loads(answer)
                if told["status"] == "committed":
                    self.committed.add()
                else:
                    self.waiting.append(told["id"])
            return

    def watch(self) -> None:
        """What became of those that were only accepted."""
        client = Client(self.address)
        while not self.stop.wait(0.05):
            with self.lock:
                oldest = self.waiting[0] if self.waiting else None
            if oldest is None:
                continue
            try:
                status, answer = client.call("GET", f"/v1/batches/{oldest}")
                fate = json.loads(answer).get("status") if status == 200 else None
            except (OSError, ValueError):
                continue
            with self.lock:
                if fate == "committed":
                    self.committed.add()
                elif fate == "rejected":
                    self.refused += 1
                    self.refusal = answer.decode(errors="replace")
                else:
                    continue
                self.waiting.pop(0)

    def ask(self) -> None:
        client = Client(self.address)
        due = time.monotonic()
        while not self.stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / self.reads, time.monotonic() - 1)
            origin, destination = random.sample(self.codes, 2)
            began = time.monotonic()
            query = f"origin={origin}&destination={destination}&date_from=2026-01-01&date_to=2026-01-31"
            try:
                status, _ = client.call("GET", f"/v1/rates?{query}")
            except OSError:
                status = 0
            with self.lock:
                self.slowest_read = max(self.slowest_read, time.monotonic() - began)
                if status == 200:
                    self.read.add()
                else:
                    self.failed_reads += 1

    def line(self) -> str:
        with self.lock:
            return (
                f"sent {self.sent}  accepted {self.accepted.count}  committed {self.committed.count}  "
                f"repeated {self.repeated}  refused {self.refused}  reads {self.read.count}  "
                f"failed {self.failed_reads}  longest gap: accepting {self.accepted.seconds(self.batches > 0):.1f} s, "
                f"committing {self.committed.seconds(self.batches > 0):.1f} s, "
                f"reading {self.read.seconds(self.reads > 0):.1f} s  "
                f"slowest read {self.slowest_read:.2f} s"
            )


def ensure_places(address: str) -> list[str]:
    """The codes of open ports; a store without any gets five."""
    client = Client(address)
    try:
        status, answer = client.call("GET", "/v1/places")
        if status == 200 and not json.loads(answer)["ports"]:
            # Its answer has them; another node that is asked may not have seen them yet.
            status, answer = client.call("PUT", "/v1/places", PLACES)
    except OSError as error:
        raise Trouble(f"http://{address}:8080 does not answer: {error}; ./dev cluster status tells more") from None
    if status != 200:
        raise Trouble(f"http://{address}:8080 answered {status} to places: {answer.decode(errors='replace')}")
    codes = [port["code"] for port in json.loads(answer)["ports"] if not port.get("closed")]
    if len(codes) < 2:
        raise Trouble("this cluster has less than two open ports to send prices of")
    return codes


def run(address: str, batches: float, reads: float, seconds: float | None) -> None:
    codes = ensure_places(address)
    load = Load(address, codes, batches, reads)
    works = [load.watch, *([load.send] if batches else []), *([load.ask] if reads else [])]
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + seconds if seconds else float("inf")
    is_terminal = sys.stdout.isatty()
    try:
        while time.monotonic() < ends:
            time.sleep(min(1.0, max(0.0, ends - time.monotonic())))
            print(f"\r\033[K{load.line()}" if is_terminal else load.line(), end="" if is_terminal else "\n", flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        load.stop.set()
        if is_terminal:
            print()
        if load.refusal:
            print(f"the last that was refused: {load.refusal}")
