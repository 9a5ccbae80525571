"""Starts the real server for the tests and stops it whatever happens; loads the real data.

RATEBOOK_BINARY names the program; else build/asan/ratebook, else build/release/ratebook.
"""

import contextlib
import csv
import json
import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "as_shipped: of the package, the documents or what is printed: sanitizers see no more of it than in unit tests,"
        " so ./dev test runs it once",
    )


def binary() -> str:
    named = os.environ.get("RATEBOOK_BINARY")
    if named:
        return named
    for preset in ("asan", "release"):
        path = ROOT / "build" / preset / "ratebook"
        if path.exists():
            return str(path)
    raise RuntimeError("no ratebook binary: run ./dev build, or set RATEBOOK_BINARY")


class Server:
    """One `ratebook serve` on a port that it picks; start() again after stop() or kill() goes on with the same file."""

    def __init__(self, folder: pathlib.Path, *options: str, listen: str = "127.0.0.1:0", before: tuple[str, ...] = ()):
        self.folder = folder
        self.data = folder / "ratebook.db"
        self.options = options
        self.listen = listen
        self.before = before  # what starts it: a program with its arguments
        self.process: subprocess.Popen | None = None
        self.url = ""
        self.log = folder / "server.log"

    def launch(self, *options: str) -> None:
        assert self.process is None
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.before,
                    binary(),
                    "serve",
                    "--data",
                    str(self.data),
                    "--listen",
                    self.listen,
                    *self.options,
                    *options,
                ],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def start(self, *options: str) -> "Server":
        self.launch(*options)
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(self.process.stdout, lines), daemon=True).start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                line = lines.get(timeout=0.1)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise RuntimeError(f"serve ended with {self.process.returncode}: {self.log.read_text()}") from None
                continue
            if line.startswith("listening on "):
                self.url = line.removeprefix("listening on ").strip()
                return self
        raise RuntimeError(f"serve did not say that it listens: {self.log.read_text()}")

    @staticmethod
    def _read(stream, lines: "queue.Queue[str]") -> None:
        for line in stream:
            lines.put(line)

    def stop(self, timeout: float = 60) -> int:
        """SIGTERM; its exit code."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def start_and_kill(self, seconds: float) -> None:
        """kill -9 so long after it was launched, ready or not."""
        self.launch()
        time.sleep(seconds)
        self.kill()

    @staticmethod
    def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess:
        """Another word of the program."""
        return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=timeout)

    def kill(self) -> None:
        """kill -9."""
        process, self.process = self.process, None
        process.kill()
        process.wait()

    def close(self) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            code = self.stop()
        else:
            code, self.process = self.process.returncode, None
        # A sanitizer's finding ends the program with another code.
        assert code == 0, self.log.read_text()[-8000:]

    def client(self, **options) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False, **options)


def connect(server: Server, receive_bytes: int | None = None) -> socket.socket:
    """`receive_bytes`: of the kernel's buffer, so that a client that does not read is felt soon."""
    url = httpx.URL(server.url)
    connection = socket.socket(socket.AF_INET6 if ":" in url.host else socket.AF_INET)
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(60)
    connection.connect((url.host, url.port))
    return connection


def read_all(connection: socket.socket, *, may_be_reset: bool = False) -> bytes:
    """What comes until the server closes."""
    got = b""
    with contextlib.suppress(*[ConnectionResetError] * may_be_reset):
        while more := connection.recv(65536):
            got += more
    return got


@pytest.fixture
def make_server(tmp_path):
    """Makes servers, each in a folder of its own: make_server("--drain-time", "1", listen="[::1]:0")."""
    with contextlib.ExitStack() as stack:
        count = 0

        def make(*options: str, **more) -> Server:
            nonlocal count
            count += 1
            folder = tmp_path / f"server-{count}"
            folder.mkdir()
            made = Server(folder, *options, **more)
            stack.callback(made.close)
            return made.start()

        yield make


@pytest.fixture
def server(make_server) -> Server:
    return make_server()


@contextlib.contextmanager
def served(folder: pathlib.Path, *options: str) -> Iterator[Server]:
    """A server with small places."""
    made = Server(folder, *options)
    try:
        made.start()
        with made.client() as client:
            put_places(client, small_places())
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One for all tests of a file; tests keep apart by their sources and days."""
    with served(tmp_path_factory.mktemp("shared")) as made:
        yield made


@pytest.fixture
def shared(shared_server):
    with shared_server.client() as made:
        yield made


@pytest.fixture
def client(server):
    with server.client() as made:
        yield made


def real_places() -> dict:
    def rows(name: str) -> list[dict]:
        with open(DATA / name, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    regions = [
        {"slug": row["slug"], "name": row["name"], "parent_slug": row["parent_slug"] or None}
        for row in rows("regions.csv")
    ]
    return {"regions": regions, "ports": rows("ports.csv")}


def real_prices() -> list[dict]:
    with open(DATA / "prices.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def golden() -> list[dict]:
    with open(DATA / "rates_golden.ndjson", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def assert_golden(client: httpx.Client) -> None:
    questions = golden()
    assert len(questions) == 300
    for asked in questions:
        query = {name: asked[name] for name in ("date_from", "date_to", "orig_code", "dest_code")}
        answer = client.get("/rates", params=query)
        assert answer.status_code == 200, (query, answer.text)
        rates = answer.json()["rates"]
        assert [(r["day"], r["count"]) for r in rates] == [(r["day"], r["count"]) for r in asked["rates"]], query
        for got, expected in zip(rates, asked["rates"], strict=True):
            if expected["price"] is None:
                assert got["price"] is None, (query, got)
            else:
                assert abs(got["price"] - expected["price"]) <= 1e-12 * expected["price"], (query, got, expected)


def small_places() -> dict:
    """Two roots, one of them two regions deep."""
    return {
        "regions": [
            {"slug": "china", "name": "China", "parent_slug": None},
            {"slug": "china_east", "name": "China East", "parent_slug": "china"},
            {"slug": "europe", "name": "Europe", "parent_slug": None},
        ],
        "ports": [
            {"code": "CNSGH", "name": "Shanghai", "parent_slug": "china_east"},
            {"code": "CNNGB", "name": "Ningbo", "parent_slug": "china_east"},
            {"code": "CNYTN", "name": "Yantian", "parent_slug": "china"},
            {"code": "NLRTM", "name": "Rotterdam", "parent_slug": "europe"},
            {"code": "DEHAM", "name": "Hamburg", "parent_slug": "europe"},
        ],
    }


def put_places(client: httpx.Client, places: dict, tag: str | None = None) -> httpx.Response:
    answer = client.put("/v1/places", json=places, headers={"If-Match": tag} if tag else {})
    assert answer.status_code == 200, answer.text
    return answer


def prices(*rows: tuple) -> list[dict]:
    """prices(("CNSGH", "NLRTM", "2021-01-01", 100), …)"""
    return [dict(zip(("orig_code", "dest_code", "day", "price"), row, strict=True)) for row in rows]


def post_batch(
    client: httpx.Client,
    source: str,
    items: list[dict],
    key: str | None = None,
    query: dict | None = None,
    **headers: str,
) -> httpx.Response:
    if key is not None:
        headers["Idempotency-Key"] = key
    return client.post("/v1/batches", params=query or {}, json={"source": source, "prices": items}, headers=headers)


def post_real_prices(client: httpx.Client) -> httpx.Response:
    return client.post(
        "/v1/batches",
        params={"source": "carrier-a"},
        content=(DATA / "prices.csv").read_bytes(),
        headers={"Content-Type": "text/csv", "Prefer": "wait=60"},
    )


@pytest.fixture
def places(client) -> dict:
    """Small places, put into `server`."""
    made = small_places()
    put_places(client, made)
    return made


def events(client: httpx.Client, last_event_id: str | None = None) -> Iterator[dict]:
    """Server-sent events as they come: {"event", "id", "data"}; ends where the server closes the stream."""
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    with client.stream("GET", "/v1/events", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        event: dict = {}
        for line in answer.iter_lines():
            if line == "":
                if event:
                    yield {**event, "data": json.loads(event["data"])}
                event = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value


def until(condition, seconds: float = 30):
    """The first true value of condition(); it has to come within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
    return value


def counts(client: httpx.Client, origin: str, destination: str, day: str, to: str | None = None, **query) -> dict:
    """Count by day, of days with prices."""
    asked = {"origin": origin, "destination": destination, "date_from": day, "date_to": to or day, "stats": "count"}
    answer = client.get("/v1/rates", params={**asked, **query})
    assert answer.status_code == 200, answer.text
    return {rate["day"]: rate["count"] for rate in answer.json()["rates"]}


def assert_problem(answer: httpx.Response, status: int, kind: str) -> dict:
    """RFC 9457, with the stable type; a 503 and a 429 say when to come again."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["type"] == f"/problems/{kind}"
    assert problem["status"] == status
    assert problem["title"] and problem["detail"]
    assert ("Retry-After" in answer.headers) == (status in (429, 503))
    return problem


def memory_peak(server: Server) -> int:
    """The most bytes that were resident so far."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10


def keep_nothing_freed(monkeypatch) -> None:
    """For servers that start after it and whose memory is measured: the sanitizer otherwise keeps what is freed and the
    stacks of functions that have returned, for each thread, to find late uses of them."""
    options = "quarantine_size_mb=1:thread_local_quarantine_size_kb=16:detect_stack_use_after_return=0"
    monkeypatch.setenv("ASAN_OPTIONS", f"{os.environ.get('ASAN_OPTIONS', '')}:{options}")
