"""Hostile clients over raw sockets: requests that two servers might read differently, and clients that never finish."""

import re
import socket
import time
from contextlib import closing

import httpx
import pytest
from conftest import Server, connect, post_batch, prices, put_places, read_all, served, small_places, until

DAY = "2021-01-05"
CSV = f"orig_code,dest_code,day,price\nCNSGH,NLRTM,{DAY},5\n"
# Whoever reads the bytes behind a wrong request as a request of its own answers this one, too.
HIDDEN = "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: hidden\r\n\r\n"
GET = "GET /livez HTTP/1.1\r\nHost: localhost\r\n"
POST = "POST /v1/batches?source=hostile HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """Cuts slow clients soon."""
    bounds = {"header-timeout": 1, "body-idle-timeout": 1, "write-timeout": 1, "request-timeout": 4, "linger-time": 1}
    options = [word for name, seconds in bounds.items() for word in (f"--http-{name}", f"{seconds}s")]
    with served(tmp_path_factory.mktemp("hostile"), *options) as made:
        yield made


def say(server: Server, text: str | bytes) -> bytes:
    """All that the server says until it closes."""
    with closing(connect(server)) as connection:
        connection.sendall(text.encode("latin-1") if isinstance(text, str) else text)
        return read_all(connection, may_be_reset=True)


def chunked(frames: str) -> str:
    return POST + "Transfer-Encoding: chunked\r\n\r\n" + frames


def long_head(fields: int, size: int) -> str:
    return GET + "".join(f"X-{number}: {'a' * size}\r\n" for number in range(fields)) + "\r\n"


WRONG = {
    "length and encoding": (400, POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "encoding and length": (400, POST + "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
    "two lengths": (400, POST + "Content-Length: 0\r\nContent-Length: 60\r\n\r\n"),
    "one length twice": (400, POST + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n"),
    "list of lengths": (400, POST + "Content-Length: 0, 0\r\n\r\n"),
    "signed length": (400, POST + "Content-Length: +0\r\n\r\n"),
    "negative length": (400, POST + "Content-Length: -1\r\n\r\n"),
    "hexadecimal length": (400, POST + "Content-Length: 0x0\r\n\r\n"),
    "spaces in a length": (400, POST + "Content-Length: 0 0\r\n\r\n"),
    "empty length": (400, POST + "Content-Length:\r\n\r\n"),
    "length over 64 bits": (400, POST + "Content-Length: 18446744073709551616\r\n\r\n"),
    "length over the limit": (413, POST + "Content-Length: 18446744073709551615\r\n\r\n"),
    "two encodings": (501, POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "encoding twice": (400, POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "another encoding": (501, POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "encoding not last": (501, POST + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    "obscured encoding": (501, POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "quoted encoding": (501, POST + 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    "vertical tab in the encoding": (400, POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "space before the colon": (400, POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    "space before the name": (400, POST + " Content-Length: 0\r\n\r\n"),
    "folded value": (400, POST + "X: a\r\n Content-Length: 60\r\n\r\n"),
    "encoding in HTTP/1.0": (400, POST.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "bare line feeds": (505, GET.replace("\r\n", "\n") + "\r\n\r\n"),
    "bare line feed in a field": (400, GET + "X: a\nContent-Length: 60\r\n\r\n"),
    "bare carriage return": (400, GET + "X: a\rContent-Length: 60\r\n\r\n"),
    "NUL in a value": (400, GET + "X: a\0b\r\n\r\n"),
    "control byte in a value": (400, GET + "X: a\x01b\r\n\r\n"),
    "NUL in a name": (400, GET + "X\0: a\r\n\r\n"),
    "no colon": (400, GET + "nonsense\r\n\r\n"),
    "NUL in the target": (400, "GET /li\0vez HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "control byte in the target": (400, "GET /li\x07vez HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "space in the target": (505, "GET /li vez HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "no Host": (400, "GET /livez HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, GET + "Host: b\r\n\r\n"),
    "a Host that is none": (400, "GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "HTTP/2 preface": (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/0.9": (400, "GET /livez\r\n\r\n"),
    "HTTP/1.2": (505, "GET /livez HTTP/1.2\r\nHost: localhost\r\n\r\n"),
    "no HTTP": (400, "\x16\x03\x01\r\n\r\n"),
    "huge headers": (431, long_head(10, 4000)),
    "too many headers": (431, long_head(200, 1)),
    "huge target": (414, f"GET /{'a' * 10_000} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    "other expectation": (417, POST + "Expect: miracles\r\nContent-Length: 60\r\n\r\n"),
    "chunk size too large": (400, chunked("fffffffffffffffff\r\n")),
    "chunk size of 64 bits": (400, chunked("ffffffffffffffff\r\n")),
    "chunk size with 0x": (400, chunked("0x5\r\nhello\r\n0\r\n\r\n")),
    "signed chunk size": (400, chunked("+5\r\nhello\r\n0\r\n\r\n")),
    "space before a chunk size": (400, chunked(" 5\r\nhello\r\n0\r\n\r\n")),
    "space behind a chunk size": (400, chunked("5 \r\nhello\r\n0\r\n\r\n")),
    "no chunk size": (400, chunked("\r\nhello\r\n0\r\n\r\n")),
    "chunk extension too long": (400, chunked("5;" + "a" * 5000 + "\r\nhello\r\n0\r\n\r\n")),
    "line feed in a chunk extension": (400, chunked("5;a\nb\r\nhello\r\n0\r\n\r\n")),
    "chunk size ended by a line feed": (400, chunked("5\nhello\r\n0\r\n\r\n")),
    "chunk longer than its size": (400, chunked("4\r\nhello\r\n0\r\n\r\n")),
    "chunk without an end": (400, chunked("5\r\nhello0\r\n\r\n")),
    "trailers too long": (400, chunked("0\r\n" + "".join(f"X-{at}: {'a' * 1000}\r\n" for at in range(20)) + "\r\n")),
    "body refused": (415, POST.replace("text/csv", "image/png") + f"Content-Length: {len(HIDDEN)}\r\n\r\n"),
    "chunked body refused": (415, POST.replace("text/csv", "image/png") + "Transfer-Encoding: chunked\r\n\r\n"),
    "body where there is no path": (404, POST.replace("v1/batches", "no") + f"Content-Length: {len(HIDDEN)}\r\n\r\n"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_could_be_read_in_two_ways_is_refused_and_closes(target, case):
    status, text = WRONG[case]
    got = say(target, text + HIDDEN)
    assert got.startswith(f"HTTP/1.1 {status} ".encode()), got
    assert len(re.findall(rb"HTTP/1.1 \d{3} ", got)) == 1 and b"hidden" not in got, got
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert f"Content-Length: {len(body)}".encode() in head and b'"type":"/problems/' in body


RIGHT = {
    "absolute form": "GET http://a/livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    # The target counts, whatever Host says (RFC 9112, 3.2.2).
    "another authority": "GET http://other:1/livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "empty line before": "\r\n" + GET + "\r\n",
    "body of a GET": GET + f"Content-Length: {len(HIDDEN)}\r\n\r\n" + HIDDEN,
    "chunked body of a GET": GET + f"Transfer-Encoding: chunked\r\n\r\n{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n",
    "chunk extension and trailer": (
        GET + f"Transfer-Encoding: chunked\r\n\r\n{len(HIDDEN):X};a=b\r\n{HIDDEN}\r\n0\r\nX-Trailer: a\r\n\r\n"
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_read_in_one_way(target, case):
    got = say(target, RIGHT[case] + "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert re.findall(rb"HTTP/1.1 (\d+)", got) == [b"200", b"200"], got
    assert b"alive" in got and b"ready" in got and b"hidden" not in got


def test_nothing_that_is_echoed_ends_a_header(target):
    break_out = "%0d%0aX-Broken:%20out"
    for request in (
        f"GET /v1/batches?source=a{break_out} HTTP/1.1\r\nHost: localhost\r\n",
        f"GET /v1/batches/a{break_out} HTTP/1.1\r\nHost: localhost\r\n",
        f"GET /v1/rates?origin=a{break_out}&destination=b&date_from={DAY}&date_to={DAY} HTTP/1.1\r\n"
        "Host: localhost\r\n",
        f"GET /livez{break_out} HTTP/1.1\r\nHost: localhost\r\n",
        GET + "X-Request-Id: a b\r\n",
        GET + f"X-Request-Id: {'a' * 1000}\r\n",
        GET + 'X-Request-Id: a"};\\u000d\r\n',
        POST + "Idempotency-Key: a\tb\r\nContent-Length: 0\r\n",
        POST + "Idempotency-Key: \xe4\r\nContent-Length: 0\r\n",
    ):
        head = say(target, request + "Connection: close\r\n\r\n").partition(b"\r\n\r\n")[0]
        assert head.startswith(b"HTTP/1.1 "), request
        assert b"X-Broken" not in head.replace(b"%0d%0aX-Broken", b"")
        request_id = re.search(rb"\r\nX-Request-Id: ([^\r]*)", head)[1]
        assert re.fullmatch(rb"[0-9a-f]{16}", request_id), request
    key = "a: b; c=\"d\" 'e' <f>"
    with target.client() as client:
        sent = client.post(
            "/v1/batches?source=echo", content=CSV, headers={"Content-Type": "text/csv", "Idempotency-Key": key}
        )
        assert sent.status_code == 201 and sent.headers["Idempotency-Key"] == key
        wrong = client.post("/v1/batches", json={"source": "a\r\nX-Broken: out", "prices": []})
        assert wrong.status_code == 422 and "X-Broken" not in wrong.headers


def drip(connection: socket.socket, text: bytes, seconds: float) -> bool:
    """Sends a byte every 0.2 s; whether the server has cut it within that time."""
    deadline = time.monotonic() + seconds
    for byte in text:
        if time.monotonic() > deadline:
            return False
        try:
            connection.sendall(bytes([byte]))
            connection.settimeout(0.2)
            if connection.recv(65536) == b"":
                return True
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return True
    return False


@pytest.mark.parametrize(
    "start",
    [b"", POST.encode() + b"Content-Length: 1000\r\n\r\n", POST.encode() + b"Transfer-Encoding: chunked\r\n\r\n"],
    ids=["headers", "body", "chunked body"],
)
def test_a_client_that_drips_is_cut_while_others_are_served(target, start):
    with closing(connect(target)) as slow, target.client() as client:
        slow.sendall(start)
        dripped = b"1\r\na\r\n" * 200 if b"chunked" in start else b"GET /livez?" + b"a" * 1000
        assert drip(slow, dripped, 30)
        assert client.get("/livez").status_code == 200


def test_a_client_that_stops_is_told_so_and_cut(target):
    for start in (b"GET /livez HTTP/1.1\r\nHo", POST.encode() + b"Content-Length: 1000\r\n\r\norig_code"):
        got = say(target, start)
        assert got.startswith(b"HTTP/1.1 408 "), got


@pytest.mark.parametrize("pause", [None, 0.2], ids=["stops", "drips"])
def test_a_client_that_does_not_read_its_answer_is_cut_while_others_are_served(target, pause):
    path = "/rates?date_from=1970-01-01&date_to=2069-12-31&orig_code=CNSGH&dest_code=NLRTM"
    with closing(socket.socket()) as slow, target.client() as client:
        whole = 20 * len(client.get(path).content)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", httpx.URL(target.url).port))
        slow.settimeout(30)
        slow.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 20)
        got = 0
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            time.sleep(pause or 1)
            got += len(slow.recv(2048)) if pause else 0
            assert client.get("/livez").status_code == 200
        got += len(read_all(slow, may_be_reset=True))  # what the sockets held
        assert got < whole


def test_out_of_descriptors_it_pauses_and_goes_on(make_server):
    server = make_server(before=("prlimit", "--nofile=100"))
    with server.client() as kept:
        assert kept.get("/livez").status_code == 200
        put_places(kept, small_places())
        # All of it once before: the sanitizer of types needs descriptors itself, the first time that it sees one.
        assert post_batch(kept, "a", prices(("CNSGH", "NLRTM", DAY, 5))).status_code == 201
        for request in (b"", b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):
            with closing(connect(server)) as connection:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                read_all(connection)
        many = [connect(server) for _ in range(150)]  # the queue takes the rest
        try:
            assert kept.get("/livez").status_code == 200
            waiting = many[-1]
            waiting.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            waiting.settimeout(0.5)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
        finally:
            for connection in many[:-1]:
                connection.close()
        waiting.settimeout(30)
        assert read_all(waiting).startswith(b"HTTP/1.1 200 ")
        waiting.close()
        until(lambda: post_batch(kept, "a", prices(("CNSGH", "NLRTM", DAY, 6))).status_code == 201)


def test_ipv6(make_server):
    server = make_server(listen="[::1]:0")
    assert server.url.startswith("http://[::1]:")
    with server.client() as client:
        assert client.get("/livez").status_code == 200
    listed = server.run("batches", "--server", server.url)
    assert listed.returncode == 0, listed.stderr
