"""SIGTERM: not ready first, then it serves on for the drain time, finishes what runs, and loses no answer."""

import json
import signal
import threading
import time
from contextlib import closing

import httpx
import pytest
from conftest import connect, counts, events, post_batch, prices, put_places, real_places, small_places, until

DAY = "2021-01-05"


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
    text = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"
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
            "POST /v1/batches HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        sending.send(body[: len(body) // 2])
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.process.poll() is None
        sending.send(body[len(body) // 2 :])
        status, headers, text = sending.answer()
        assert status == 201, text
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
        assert sent.status_code == 201
        assert sent.headers["Connection"].lower() == "close"
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 1}
    assert server.process.wait(60) == 0


def test_it_leaves_within_the_grace_time_whoever_stays(make_server):
    """A client that never finishes its body, one that is idle, and one that listens to events."""
    server = make_server("--grace-time", "1")
    with server.client() as client:
        put_places(client, small_places())
        with closing(Raw(server)) as slow, closing(Raw(server)) as idle, server.client() as listener:
            slow.send(
                "POST /v1/batches?source=a HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"
                "Content-Length: 1000\r\n\r\norig"
            )
            idle.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
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


def test_sigint_stops_it_as_sigterm_does(server):
    process, server.process = server.process, None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
