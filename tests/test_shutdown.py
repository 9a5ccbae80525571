"""SIGTERM: not ready first, then it serves on for the drain time, finishes what runs, and loses no answer."""

import json
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from contextlib import ExitStack, closing

import httpx
import pytest
from conftest import (
    assert_problem,
    binary,
    connect,
    counts,
    events,
    post_batch,
    prices,
    put_places,
    real_places,
    small_places,
    until,
)

DAY = "2021-01-05"
QUERY = {"date_from": DAY, "date_to": DAY, "routes": [{"origin": "CNSGH", "destination": "NLRTM"}]}


class Raw:
    """One connection, so that a test sees exactly which answer came and when the connection was closed."""

    def __init__(self, server):
        self.connection = connect(server)
        self.rest = b""

    def send(self, text: str | bytes) -> None:
        self.connection.sendall(text.encode() if isinstance(text, str) else text)

    def answer(self) -> tuple[int, dict, bytes] | None:
        """Status, headers, body; None: closed before the first byte of an answer."""
        while b"\r\n\r\n" not in self.rest:
            more = self._receive()
            if not more:
                assert not self.rest, "an answer was cut off"
                return None
            self.rest += more
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(self.rest) < length:
            more = self._receive()
            assert more, "an answer was cut off"
            self.rest += more
        body, self.rest = self.rest[:length], self.rest[length:]
        return int(lines[0].split()[1]), headers, body

    def _receive(self) -> bytes:
        try:
            return self.connection.recv(65536)
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        self.connection.close()


@pytest.mark.parametrize("drain", ["0", "1"])
def test_sigterm_under_load_loses_no_answer(make_server, drain):
    """A new connection that is accepted gets its answer; on a kept one an answer says close before it is closed."""
    server = make_server("--drain-time", drain)
    with server.client() as client:
        put_places(client, real_places())
    path = "/rates?date_from=2021-01-01&date_to=2021-01-31&orig_code=CNSGH&dest_code=NLRTM"
    text = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answered = [0] * 8
    lost = []
    ended = threading.Event()

    def ask(at: int) -> None:
        while not ended.is_set():
            try:
                connection = Raw(server)
            except (ConnectionRefusedError, ConnectionResetError):
                return
            with closing(connection):
                for number in range(1 if at % 2 else 50):
                    try:
                        connection.send(text)
                    except (BrokenPipeError, ConnectionResetError):
                        lost.append((at, number))
                        return
                    answer = connection.answer()
                    if answer is None:
                        lost.append((at, number))
                        return
                    assert answer[0] == 200
                    answered[at] += 1
                    if answer[1].get("connection", "").lower() == "close":
                        break

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(answered))]
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(count >= 20 for count in answered))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not lost, (lost, answered)


def test_a_post_under_way_is_finished(make_server):
    server = make_server()
    with server.client() as client:
        put_places(client, small_places())
    size = 20_000
    body = json.dumps({"source": "a", "prices": prices(*[("CNSGH", "NLRTM", DAY, 5)] * size)}).encode()
    with closing(Raw(server)) as sending:
        sending.send(
            "POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        sending.send(body[: len(body) // 2])
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.process.poll() is None
        sending.send(body[len(body) // 2 :])
        status, headers, text = sending.answer()
        assert status in (201, 202), text  # it does not wait for the commit any more
        assert headers["connection"].lower() == "close"
        assert json.loads(text)["price_count"] == size
    process, server.process = server.process, None
    assert process.wait(60) == 0
    server.start()
    with server.client() as client:
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: size}


def test_not_ready_first_and_serving_during_the_drain_time(make_server):
    server = make_server("--drain-time", "3")
    with server.client() as client:
        put_places(client, small_places())
    server.process.send_signal(signal.SIGTERM)

    def readiness() -> httpx.Response | None:
        with server.client() as client:
            answer = client.get("/readyz")
            return answer if answer.status_code != 200 else None

    answer = until(readiness, 2.5)
    assert answer.status_code == 503
    with server.client() as client:
        assert client.get("/livez").status_code == 200
        sent = post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 1)))
        assert sent.status_code in (201, 202)
        assert sent.headers["Connection"].lower() == "close"
        until(lambda: counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 1})
    assert server.process.wait(60) == 0


def hold_commits(server) -> None:
    """What is accepted from now on waits: the file takes no version. It is in the log by a commit of its own."""
    with closing(sqlite3.connect(server.data)) as file:
        file.execute("CREATE TRIGGER held BEFORE INSERT ON version BEGIN SELECT RAISE(ABORT, 'held'); END")


def let_go_of_commits(server) -> None:
    with closing(sqlite3.connect(server.data)) as file:
        file.execute("DROP TRIGGER held")


def test_a_stop_ends_every_wait(make_server):
    """At SIGTERM, not when the drain time is over: batches 202, versions 503, event streams in good form."""
    drain = 5
    options = ("--drain-time", str(drain), "--api-min-version-wait", "1m", "--sqlite-small-append-max", "0")
    server = make_server("--grace-time", "1h", *options)
    with server.client() as client:
        put_places(client, small_places())
        first = post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 1))).json()["id"]
    hold_commits(server)
    path = f"/v1/rates?origin=CNSGH&destination=NLRTM&date_from={DAY}&date_to={DAY}"
    later = {"Ratebook-Min-Version": "99"}
    waiting = {
        "batch": lambda client: post_batch(client, "b", prices(("CNSGH", "NLRTM", DAY, 2)), "k", Prefer="wait=60"),
        "retraction": lambda client: client.post(f"/v1/batches/{first}/retraction", headers={"Prefer": "wait=60"}),
        "version": lambda client: client.get(path, headers=later),
        "query": lambda client: client.post("/v1/rates/query", json=QUERY, headers=later),
        "events": lambda client: list(events(client, "0-00000000")),
    }
    answers: dict = {}

    def call(name: str, ask) -> None:
        with server.client() as client:
            answers[name] = ask(client)

    threads = [threading.Thread(target=call, args=each) for each in waiting.items()]
    for thread in threads:
        thread.start()
    with server.client() as client:
        until(lambda: "\nratebook_waiting_requests 4\n" in client.get("/metrics").text)
        until(lambda: "\nratebook_event_streams 1\n" in client.get("/metrics").text)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert time.monotonic() - begin < drain, "a wait has outlived the drain time"
        assert sorted(answers) == sorted(waiting)
        assert answers["batch"].status_code == 202 and "?at=" in answers["batch"].headers["Location"]
        assert answers["retraction"].status_code == 202
        assert_problem(answers["version"], 503, "version-not-visible")
        assert_problem(answers["query"], 503, "version-not-visible")
        assert [event["data"]["version"] for event in answers["events"]] == [1, 2]
        # Who comes now does not wait.
        assert post_batch(client, "c", prices(("CNSGH", "NLRTM", DAY, 3)), Prefer="wait=60").status_code == 202
        assert client.post(f"/v1/batches/{first}/retraction", headers={"Prefer": "wait=60"}).status_code == 202
        assert_problem(client.get(path, headers=later), 503, "version-not-visible")
        assert client.get("/livez").status_code == 200, "the drain time is over"
    process, server.process = server.process, None
    assert process.wait(60) == 0
    let_go_of_commits(server)
    server.start()
    with server.client() as client:
        until(lambda: counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 2})


def test_nobody_but_who_sends_holds_up_the_end(make_server):
    """Clients that do not read their events or their export, half a request, an idle connection: the grace time of an
    hour is for none of them."""
    server = make_server("--grace-time", "1h")
    with server.client() as client, ExitStack() as stack:
        put_places(client, small_places())
        many = prices(*[("CNSGH", "NLRTM", DAY, 5)] * 50_000)
        for key in range(8):
            post_batch(client, "a", many, key=str(key), Prefer="wait=60")
        for text in (
            "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0-00000000\r\n\r\n",
            "GET /v1/prices HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n",
            "GET /livez HTTP/1.1\r\nHo",
            "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "",
        ):
            stays = stack.enter_context(closing(connect(server, receive_bytes=4096)))
            stays.sendall(text.encode())
        until(lambda: "\nratebook_event_streams 1\n" in client.get("/metrics").text)
        begin = time.monotonic()
        assert server.stop(timeout=60) == 0
        assert time.monotonic() - begin < 30  # a second where nothing else runs; never the grace time
    server.start()


def test_it_leaves_within_the_grace_time_whoever_stays(make_server):
    """A client that never finishes its body, one that is idle, and one that listens to events."""
    server = make_server("--grace-time", "1")
    with server.client() as client:
        put_places(client, small_places())
        with closing(Raw(server)) as slow, closing(Raw(server)) as idle, server.client() as listener:
            slow.send(
                "POST /v1/batches?source=a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                "Content-Length: 1000\r\n\r\norig"
            )
            idle.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert idle.answer()[0] == 200
            stream = events(listener, "0-00000000")
            assert next(stream)["data"]["version"] == 1
            assert server.stop(timeout=30) == 0
            assert list(stream) == []  # closed as a whole, no event cut in two
            assert idle.answer() is None
    server.start()
    with server.client() as client:
        assert client.get("/v1/batches").json()["batches"] == []


def test_idle_it_leaves_at_once(server):
    with server.client() as client:
        assert client.get("/livez").status_code == 200
        begin = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin < 15  # of a grace time of 30
    server.start()


def test_a_node_that_waits_for_a_silent_engine_is_stopped_all_the_same(tmp_path):
    """Nobody waits for an answer of it: it ends without the one that it waits for."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        silent.settimeout(60)
        host, port = silent.getsockname()
        engines = ("--kafka-brokers", f"{host}:{port}", "--postgres-primary", f"host={host} port={port}")
        with subprocess.Popen(
            [binary(), "serve", "--listen", "127.0.0.1:0", *engines, "--postgres-connect-time", "30s"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        ) as node:
            try:
                connection, _ = silent.accept()
                with closing(connection):
                    node.send_signal(signal.SIGTERM)
                    _, said = node.communicate(timeout=60)
            finally:
                node.kill()
    assert node.returncode == 1, said
    assert "an engine was not waited for" in said


def test_sigint_stops_it_as_sigterm_does(server):
    process, server.process = server.process, None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
