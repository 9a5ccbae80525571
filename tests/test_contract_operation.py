"""What an operator and a generic client see: health, metrics, the description, methods, request ids, listening."""

import re
import subprocess
from contextlib import closing

import httpx
from conftest import assert_problem, binary, connect, post_batch, prices, read_all


def test_health(shared):
    assert shared.get("/livez").json() == {"status": "alive"}
    assert shared.get("/readyz").json() == {"status": "ready", "accepting": True}


def test_metrics_count_what_was_done(client, places):
    def value(name: str) -> float:
        text = client.get("/metrics").text
        return sum(float(number) for number in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))

    names = set(re.findall(r"^(\w+?)(?:_bucket|_sum|_count)?(?:{|\s)", client.get("/metrics").text, re.MULTILINE))
    assert all(name.startswith(("ratebook_", "process_")) for name in names), names
    before = client.get("/metrics").text
    post_batch(client, "a", prices(*[("CNSGH", "NLRTM", "2021-01-05", 1)] * 12))
    after = client.get("/metrics").text
    changed = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in set(after.splitlines()) - set(before.splitlines())
        if not line.startswith("#")
    }
    assert any("prices" in name and number == 12 for name, number in changed.items()), changed
    for line in after.splitlines():
        assert re.fullmatch(r"#.*|[a-zA-Z_:][\w:]*(?:\{.*\})? \S+", line), line


def test_description_names_every_call(shared):
    paths = shared.get("/openapi.json").json()["paths"]
    calls = {(method, path) for path, methods in paths.items() for method in methods if method != "parameters"}
    assert calls == {
        ("get", "/rates"),
        ("get", "/v1/rates"),
        ("post", "/v1/batches"),
        ("get", "/v1/batches"),
        ("get", "/v1/batches/{id}"),
        ("post", "/v1/batches/{id}/retraction"),
        ("get", "/v1/places"),
        ("put", "/v1/places"),
        ("get", "/v1/events"),
        ("get", "/livez"),
        ("get", "/readyz"),
        ("get", "/metrics"),
        ("get", "/openapi.json"),
        ("post", "/v1/rates/query"),
        ("get", "/v1/prices"),
    }


def test_unknown_paths_and_methods(shared):
    for path in ("/", "/v1", "/v1/batches/", "/rates/", "/v2/rates", "/v1/batches/x/retraction/y"):
        answer = shared.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["Content-Type"] == "application/problem+json"
    for method, path, allowed in (
        ("DELETE", "/v1/batches", {"GET", "HEAD", "POST"}),
        ("POST", "/rates", {"GET", "HEAD"}),
        ("PATCH", "/v1/places", {"GET", "HEAD", "PUT"}),
    ):
        answer = shared.request(method, path)
        assert answer.status_code == 405
        assert {one.strip() for one in answer.headers["Allow"].split(",")} >= allowed


def test_request_ids_are_taken_over_or_made(shared):
    assert shared.get("/livez", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    made = {shared.get("/livez").headers["X-Request-Id"] for _ in range(5)}
    assert len(made) == 5


def test_malformed_requests_get_400_and_stop_nobody(shared_server, shared):
    for text in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        with closing(connect(shared_server)) as connection:
            connection.sendall(text)
            assert connection.recv(100).startswith(b"HTTP/1.1 400 "), text
    assert shared.get("/livez").status_code == 200


def test_pipelined_requests_are_answered_in_order(shared_server):
    with closing(connect(shared_server)) as connection:
        paths = ["/livez", "/v1/batches", "/readyz", "/v1/places", "/livez"]
        for at, path in enumerate(paths):
            last = "Connection: close\r\n" if at + 1 == len(paths) else ""
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r{at}\r\n{last}\r\n".encode())
        got = read_all(connection)
    assert re.findall(rb"(?i)x-request-id: (r\d)", got) == [f"r{at}".encode() for at in range(len(paths))]
    assert got.count(b"HTTP/1.1 200 OK") == len(paths)


def test_a_taken_port_gets_a_clear_message(shared_server, tmp_path):
    port = httpx.URL(shared_server.url).port
    ended = subprocess.run(
        [binary(), "serve", "--data", str(tmp_path / "r.db"), "--listen", f"127.0.0.1:{port}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode not in (0, None) and ended.returncode > 0
    assert f"127.0.0.1:{port}" in ended.stderr and "another program has this port" in ended.stderr
    assert "listening" not in ended.stdout


def test_beyond_loopback_only_when_told_so_in_plain_words(tmp_path):
    ended = subprocess.run(
        [binary(), "serve", "--data", str(tmp_path / "r.db"), "--listen", "0.0.0.0:0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode > 0
    assert "loopback" in ended.stderr and "--open-to-everyone" in ended.stderr
    assert "listening" not in ended.stdout
    assert not (tmp_path / "r.db").exists()


def test_a_file_that_is_no_ratebook_is_refused_and_left_alone(tmp_path):
    for name, content in (("text.db", b"not a database, but somebody's words\n" * 100), ("folder", None)):
        path = tmp_path / name
        path.mkdir() if content is None else path.write_bytes(content)
        ended = subprocess.run(
            [binary(), "serve", "--data", str(path), "--listen", "127.0.0.1:0"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode > 0
        assert str(path) in ended.stderr
        assert content is None or path.read_bytes() == content


def test_one_file_has_one_server(server):
    ended = subprocess.run(
        [binary(), "serve", "--data", str(server.data), "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode > 0
    assert "listening" not in ended.stdout
    with server.client() as client:
        assert client.get("/readyz").status_code == 200


def test_an_empty_store_answers(client):
    assert client.get("/v1/places").json() == {"regions": [], "ports": []}
    assert client.get("/v1/batches").json() == {"batches": [], "next_cursor": None}
    assert client.get("/v1/batches").headers["Ratebook-Version"] == "0"
    assert_problem(post_batch(client, "a", prices(("CNSGH", "NLRTM", "2021-01-05", 1))), 409, "no-places")
