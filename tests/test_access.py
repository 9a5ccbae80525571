"""Tokens and roles: who may do what, who is refused how, and what a change of the file does to a running server."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import httpx
import pytest
from conftest import (
    Server,
    assert_problem,
    binary,
    connect,
    events,
    post_batch,
    prices,
    put_places,
    read_all,
    small_places,
    until,
)

DAY = "2021-01-05"
ROW = prices(("CNSGH", "NLRTM", DAY, 5))


def ratebook(*words: str, code: int = 0, **environment: str) -> subprocess.CompletedProcess:
    ended = subprocess.run(
        [binary(), *words], capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment}
    )
    assert ended.returncode == code, ended.stderr
    return ended


def make_token(file, name: str, role: str, *sources: str) -> str:
    named = [word for source in sources for word in ("--source", source)]
    return ratebook("token", "create", "--file", str(file), "--name", name, "--role", role, *named).stdout.strip()


class Guarded:
    """A server with a token of each kind, and clients that have them."""

    def __init__(self, make_server, folder, *options: str):
        self.file = folder / "tokens"
        self.tokens = {
            "sender": make_token(self.file, "sender", "send", "carrier-a", "carrier-b"),
            "stranger": make_token(self.file, "stranger", "send", "carrier-z"),
            "reader": make_token(self.file, "reader", "read"),
            "operator": make_token(self.file, "operator", "operate"),
        }
        self.server = make_server("--tokens", str(self.file), *options)

    def client(self, name: str) -> httpx.Client:
        token = self.tokens.get(name, name)
        return self.server.client(headers={"Authorization": f"Bearer {token}"} if token else {})


@pytest.fixture
def guarded(make_server, tmp_path) -> Guarded:
    made = Guarded(make_server, tmp_path)
    with made.client("operator") as operator:
        put_places(operator, small_places())
    return made


CALLS = {
    "rates": ("GET", "/rates?date_from=2021-01-01&date_to=2021-01-02&orig_code=CNSGH&dest_code=NLRTM"),
    "v1": ("GET", "/v1/rates?origin=CNSGH&destination=NLRTM&date_from=2021-01-01&date_to=2021-01-02"),
    "places": ("GET", "/v1/places"),
    "batches": ("GET", "/v1/batches"),
    "own batches": ("GET", "/v1/batches?source=carrier-a"),
    "metrics": ("GET", "/metrics"),
    "head": ("HEAD", "/v1/places"),
}
OPEN = ("/livez", "/readyz", "/openapi.json")
MAY = {
    "sender": {"places", "own batches", "head"},
    "stranger": {"places", "head"},
    "reader": set(CALLS),
    "operator": set(CALLS),
}


@pytest.mark.parametrize("name", MAY)
def test_each_role_reads_what_it_may_and_nothing_else(guarded, name):
    with guarded.client(name) as client:
        for call, (method, path) in CALLS.items():
            answer = client.request(method, path)
            assert answer.status_code == (200 if call in MAY[name] else 403), (call, answer.text)
            if answer.status_code == 403:
                assert assert_problem(answer, 403, "forbidden")["detail"].count("read") >= 1
                assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ratebook", error="insufficient_scope"'


def test_without_a_token_or_with_a_wrong_one_only_health_is_open(guarded):
    right = guarded.tokens["operator"]
    for token, kind, challenge in (
        (None, "token-missing", 'Bearer realm="ratebook"'),
        ("Basic dTpw", "token-missing", 'Bearer realm="ratebook"'),
        ("Bearer " + right[:-1], "token-unknown", 'Bearer realm="ratebook", error="invalid_token"'),
        ("Bearer " + right + "0", "token-unknown", 'Bearer realm="ratebook", error="invalid_token"'),
        ("Bearer " + right.upper(), "token-unknown", 'Bearer realm="ratebook", error="invalid_token"'),
        ("Bearer \xff\xfe".encode("latin-1"), "token-unknown", 'Bearer realm="ratebook", error="invalid_token"'),
    ):
        headers = {} if token is None else {"Authorization": token}
        with guarded.server.client(headers=headers) as client:
            paths = client.get("/openapi.json").json()["paths"]
            described = [
                (method.upper(), path.replace("{id}", "0" * 32))
                for path, methods in paths.items()
                for method in methods
                if method != "parameters" and path not in OPEN
            ]
            assert len(described) > 8
            for method, path in (*CALLS.values(), *described):
                answer = client.request(method, path)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["WWW-Authenticate"] == challenge
                if method != "HEAD":
                    assert_problem(answer, 401, kind)
            for path in OPEN:
                assert client.get(path).status_code == 200
    with guarded.server.client(headers={"Authorization": f"bEARER  {right}"}) as client:
        assert client.get("/v1/places").status_code == 200


def test_sending_is_for_the_tokens_sources(guarded):
    with guarded.client("sender") as sender, guarded.client("stranger") as stranger:
        for source in ("carrier-a", "carrier-b"):
            sent = post_batch(sender, source, ROW)
            assert sent.status_code == 201, sent.text
            batch = sent.json()["id"]
            assert sender.get(f"/v1/batches/{batch}").status_code == 200
            assert_problem(stranger.get(f"/v1/batches/{batch}"), 403, "forbidden")
            assert_problem(stranger.post(f"/v1/batches/{batch}/retraction"), 403, "forbidden")
        assert sender.post(f"/v1/batches/{batch}/retraction").status_code == 200
        assert_problem(sender.put("/v1/places", json=small_places()), 403, "forbidden")
        for name in ("reader", "stranger"):
            with guarded.client(name) as other:
                assert_problem(post_batch(other, "carrier-a", ROW), 403, "forbidden")
    with guarded.client("operator") as operator:
        assert post_batch(operator, "carrier-z", ROW).status_code == 201
        batches = operator.get("/v1/batches").json()["batches"]
    assert sorted(batch["source"] for batch in batches) == ["carrier-a", "carrier-b", "carrier-z"]


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_source_in_the_body_that_is_not_the_tokens_is_refused_and_nothing_stored(guarded, at_the_end):
    items = prices(*[("CNSGH", "NLRTM", DAY, 5)] * 20_000)
    body = {"prices": items, "source": "carrier-z"} if at_the_end else {"source": "carrier-z", "prices": items}
    with guarded.client("sender") as sender, guarded.client("reader") as reader:
        problem = assert_problem(sender.post("/v1/batches", json=body), 403, "forbidden")
        assert "carrier-z" in problem["detail"]
        assert reader.get("/v1/batches").json()["batches"] == []


def test_a_change_of_the_file_holds_without_a_restart(guarded):
    server = guarded.server
    with guarded.client("sender") as sender, guarded.client("reader") as reader:
        assert sender.get("/v1/places").status_code == 200
        ratebook("token", "revoke", "sender", "--file", str(guarded.file))
        until(lambda: sender.get("/v1/places").status_code == 401, 20)
        guarded.tokens["late"] = make_token(guarded.file, "late", "read")
        with guarded.client("late") as late:
            until(lambda: late.get("/v1/places").status_code == 200, 20)
        # A wrong file changes nothing, and the log says so.
        good = guarded.file.read_text()
        guarded.file.write_text("nonsense\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "line 1" in server.log.read_text())
        assert reader.get("/v1/places").status_code == 200
        guarded.file.write_text(good)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "was read again" in server.log.read_text().rpartition("line 1")[2])
        assert reader.get("/v1/places").status_code == 200
    for token in guarded.tokens.values():
        assert token not in server.log.read_text()


def test_a_file_that_others_may_read_is_refused_at_the_start(tmp_path):
    file = tmp_path / "tokens"
    make_token(file, "a", "read")
    serve = ("serve", "--data", str(tmp_path / "r.db"), "--listen", "127.0.0.1:0", "--tokens", str(file))
    for mode in (0o644, 0o660):
        file.chmod(mode)
        assert f"chmod g-w,o= {file}" in ratebook(*serve, code=1).stderr
    file.unlink()
    assert str(file) in ratebook(*serve, code=1).stderr
    assert not (tmp_path / "r.db").exists()


def test_beyond_loopback_with_tokens_it_starts(tmp_path):
    make_token(tmp_path / "tokens", "a", "read")
    with subprocess.Popen(
        [
            binary(),
            "serve",
            "--data",
            str(tmp_path / "r.db"),
            "--listen",
            "0.0.0.0:0",
            "--tokens",
            str(tmp_path / "tokens"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = httpx.URL(process.stdout.readline().removeprefix("listening on ").strip())
            assert httpx.get(f"http://127.0.0.1:{url.port}/v1/places", trust_env=False).status_code == 401
        finally:
            process.terminate()


def test_the_words_take_the_token_from_the_environment_or_a_file_and_never_show_it(guarded, tmp_path):
    rows = tmp_path / "prices.csv"
    rows.write_text(f"orig_code,dest_code,day,price\nCNSGH,NLRTM,{DAY},5\n")
    token = guarded.tokens["sender"]
    (tmp_path / "mine").write_text(token + "\n")
    server = ("--server", guarded.server.url)
    shown = []
    refused = ratebook("push", str(rows), "--source", "carrier-a", *server, code=1)
    assert "Authorization: Bearer" in refused.stderr
    shown.append(ratebook("push", str(rows), "--source", "carrier-a", *server, RATEBOOK_TOKEN=token))
    shown.append(ratebook("batches", "--source", "carrier-a", "--token-file", str(tmp_path / "mine"), *server))
    shown.append(ratebook("rates", "CNSGH", "NLRTM", *server, code=1, RATEBOOK_TOKEN=token))
    assert "role read" in shown[-1].stderr
    for ended in shown:
        assert token not in ended.stdout + ended.stderr
    ratebook("batches", "--token-file", str(tmp_path / "none"), *server, code=2)


def test_token_words(tmp_path):
    file = tmp_path / "tokens"
    token = make_token(file, "loader", "send", "carrier-a", "carrier-b")
    assert len(token) >= 43 and token not in file.read_text()
    assert file.stat().st_mode & 0o007 == 0
    create = ("token", "create", "--file", str(file))
    assert "loader" in ratebook(*create, "--name", "loader", "--role", "read", code=1).stderr
    for wrong in (
        ("--name", "x", "--role", "send"),
        ("--name", "x", "--role", "read", "--source", "a"),
        ("--name", "x y", "--role", "read"),
        ("--name", "x", "--role", "king"),
        ("--name", "x", "--role", "send", "--source", "A"),
    ):
        assert ratebook(*create, *wrong, code=2).stderr.startswith("error: "), wrong
    listed = ratebook("token", "list", "--file", str(file)).stdout
    assert "loader" in listed and "carrier-a,carrier-b" in listed and token not in listed
    ratebook("token", "revoke", "nobody", "--file", str(file), code=1)
    ratebook("token", "revoke", "loader", "--file", str(file))
    assert "no tokens" in ratebook("token", "list", "--file", str(file)).stderr
    assert "not" not in ratebook("token", "revoke", "--help").stderr


def listen(client: httpx.Client, got: list, ended: threading.Event) -> threading.Thread:
    def run() -> None:
        got.extend(events(client, "0-00000000"))
        ended.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("by_signal", [True, False])
def test_an_event_stream_ends_with_its_token(make_server, tmp_path, by_signal):
    """In good form, without a new version that would make it look; those of other tokens go on."""
    options = ("--access-look-interval", "1h") if by_signal else ()
    guarded = Guarded(make_server, tmp_path, *options)
    with guarded.client("operator") as operator, guarded.client("reader") as reader:
        put_places(operator, small_places())
        gone, stays = threading.Event(), threading.Event()
        heard: list = []
        listen(reader, heard, gone)
        listen(operator, [], stays)
        until(lambda: "\nratebook_event_streams 2\n" in operator.get("/metrics").text)
        ratebook("token", "revoke", "reader", "--file", str(guarded.file))
        if by_signal:
            guarded.server.process.send_signal(signal.SIGHUP)
        assert gone.wait(20), "it outlives its token"
        assert [event["data"]["version"] for event in heard] == [1]
        assert reader.get("/v1/events").status_code == 401
        assert "\nratebook_event_streams 1\n" in operator.get("/metrics").text
        assert not stays.is_set()
        assert guarded.server.stop() == 0
        assert stays.wait(20)


def test_an_upload_and_an_export_end_with_their_token(guarded):
    file = guarded.file
    with guarded.client("operator") as operator:
        many = prices(*[("CNSGH", "NLRTM", DAY, 5)] * 50_000)
        for key in range(8):
            assert post_batch(operator, "carrier-a", many, key=str(key)).status_code in (201, 202)
        until(lambda: operator.get("/metrics").text.count("\nratebook_accepted_batches 0\n"))
        with (
            closing(connect(guarded.server, receive_bytes=4096)) as export,
            closing(connect(guarded.server)) as upload,
        ):
            export.sendall(
                b"GET /v1/prices HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n"
                + f"Authorization: Bearer {guarded.tokens['reader']}\r\n\r\n".encode()
            )
            body = f"orig_code,dest_code,day,price\nCNSGH,NLRTM,{DAY},5\n".encode()
            upload.sendall(
                b"POST /v1/batches?source=carrier-b HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                + f"Authorization: Bearer {guarded.tokens['sender']}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body[:20]
            )
            assert export.recv(1000).startswith(b"HTTP/1.1 200 ")
            until(lambda: "\nratebook_uploads 1\n" in operator.get("/metrics").text)
            for name in ("reader", "sender"):
                ratebook("token", "revoke", name, "--file", str(file))
            guarded.server.process.send_signal(signal.SIGHUP)
            with guarded.client("reader") as reader, guarded.client("sender") as sender:
                for client in (reader, sender):
                    until(lambda client=client: client.get("/v1/places").status_code == 401)
            upload.sendall(body[20:])
            assert upload.recv(65536).startswith(b"HTTP/1.1 401 ")
            rest = read_all(export, may_be_reset=True)
            assert not rest.endswith(b"\r\n0\r\n\r\n"), "the export was made to its end"
        assert all(one["source"] == "carrier-a" for one in operator.get("/v1/batches").json()["batches"])


REFUSED = {
    "401": (401, "", "POST /v1/batches?source=carrier-a", "text/csv", 1000),
    "403 role": (403, "reader", "POST /v1/batches?source=carrier-a", "text/csv", 1000),
    "403 source": (403, "sender", "POST /v1/batches?source=carrier-z", "text/csv", 1000),
    "413": (413, "sender", "POST /v1/batches?source=carrier-a", "application/json", 1 << 32),
    "413 places": (413, "operator", "PUT /v1/places", "application/json", 1 << 30),
    "415": (415, "sender", "POST /v1/batches?source=carrier-a", "image/png", 1000),
    "415 places": (415, "operator", "PUT /v1/places", "text/csv", 1000),
    "429": (429, "sender", "POST /v1/batches?source=carrier-a", "text/csv", 1000),
    "429 of the token's only source": (429, "stranger", "POST /v1/batches", "application/json", 1000),
}


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Iterator[Guarded]:
    """`guarded`, where carrier-a and carrier-z may send nothing more: an upload of theirs is under way."""
    folder = tmp_path_factory.mktemp("full")
    with ExitStack() as stack:

        def make_server(*options: str) -> Server:
            server = Server(folder, *options)
            stack.callback(server.close)
            return server.start()

        made = Guarded(make_server, folder, "--api-uploads-per-source-max", "1", "--http-body-idle-timeout", "1h")
        operator = stack.enter_context(made.client("operator"))
        put_places(operator, small_places())
        for source in ("carrier-a", "carrier-z"):
            sending = stack.enter_context(closing(connect(made.server)))
            sending.sendall(
                f"POST /v1/batches?source={source} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                f"Authorization: Bearer {made.tokens['operator']}\r\nContent-Length: 1000\r\n\r\n".encode()
            )
        until(lambda: "\nratebook_uploads 2\n" in operator.get("/metrics").text)
        yield made


def head_of(full: Guarded, case: str, length: int) -> bytes:
    _, name, call, content_type, _ = REFUSED[case]
    return (
        f"{call} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {full.tokens.get(name, 'none')}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n"
    ).encode()


def assert_refused(got: bytes, status: int) -> None:
    """One answer, whole, and the last of its connection."""
    head, _, body = got.decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} "), got
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert fields["Connection"] == "close"
    assert ("Retry-After" in fields) == (status == 429)
    assert int(fields["Content-Length"]) == len(body) and json.loads(body)["status"] == status


@pytest.mark.parametrize("case", REFUSED)
def test_refused_from_the_headers_before_a_byte_of_the_body(full, case):
    status, *_, length = REFUSED[case]
    with closing(connect(full.server)) as connection:
        connection.sendall(head_of(full, case, length) + b"Expect: 100-continue\r\n\r\n")
        got = read_all(connection)
    assert_refused(got, status)


@pytest.mark.parametrize("case", REFUSED)
def test_refused_while_the_client_sends_at_full_speed(full, case):
    """The client sends all that it has said before it reads: the answer still comes, and no reset."""
    status, *_, length = REFUSED[case]
    size = min(max(length, 64 << 20), 200 << 20)
    if status == 413:
        size = length if length < 1 << 31 else (1 << 32) + 1
    with closing(connect(full.server)) as connection:
        connection.sendall(head_of(full, case, size) + b"\r\n")
        piece = b"x" * (1 << 20)
        for _ in range(min(size, 64 << 20) // len(piece)):
            connection.sendall(piece)
        got = read_all(connection)
    assert_refused(got, status)


def test_of_a_token_for_several_sources_the_body_says_which_one_it_is(full):
    with full.client("sender") as sender:
        assert post_batch(sender, "carrier-b", ROW).status_code == 201
