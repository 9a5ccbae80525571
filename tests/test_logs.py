"""What the server writes about its requests: lines by choice, ids and traces in them, no secrets."""

import json
import re
from contextlib import closing

import pytest
from conftest import connect

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SECRETS = ("token-in-a-header", "token-in-a-query", "cookie-of-someone", "password-in-a-url")


def lines(server) -> list[dict]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def answered(server) -> list[dict]:
    return [line for line in lines(server) if line["message"] == "answered"]


def test_every_answer_has_a_line_with_its_ids_where_all_are_wanted(make_server):
    server = make_server("--log-access", "all")
    with server.client() as client:
        client.get("/livez", headers={"X-Request-Id": "mine-1", "traceparent": f"00-{TRACE}-{PARENT}-01"})
        client.get("/nowhere", headers={"traceparent": f"00-{'0' * 32}-{PARENT}-01"})
    first, second = answered(server)
    assert (first["route"], first["method"], first["status"]) == ("livez", "GET", "200")
    assert (first["request_id"], first["trace_id"], first["parent_id"]) == ("mine-1", TRACE, PARENT)
    assert float(first["ms"]) >= 0 and int(first["bytes"]) >= 0
    assert (second["route"], second["status"], second["trace_id"]) == ("none", "404", "")
    assert re.fullmatch(r"[0-9a-f]{16}", second["request_id"])


def test_quick_answers_without_a_fault_have_no_line(make_server):
    server = make_server("--log-slow-time", "1h")
    with server.client() as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/nowhere").status_code == 404
    assert answered(server) == []


def test_slow_answers_have_a_line(make_server):
    server = make_server("--log-slow-time", "0")
    with server.client() as client:
        client.get("/livez")
    assert [line["route"] for line in answered(server)] == ["livez"]


def test_what_the_server_cannot_do_is_told_a_few_times_and_then_counted(make_server):
    server = make_server("--log-repeats-max", "3", "--log-repeat-time", "1h", "--api-min-version-wait", "0")
    with server.client() as client:
        for _ in range(5):
            assert client.get("/v1/places", headers={"Ratebook-Min-Version": "99"}).status_code == 503
    server.stop()
    assert len([line for line in answered(server) if line["status"] == "503"]) == 3
    held = [line for line in lines(server) if line["message"] == "lines were held back"]
    assert [(line["message_held"], line["count"]) for line in held] == [("answered", "2")]


def test_no_line_holds_a_secret(make_server):
    server = make_server("--log-access", "all", "--log-level", "debug")
    with server.client() as client:
        secret_headers = {"Authorization": "Bearer token-in-a-header", "Cookie": "session=cookie-of-someone"}
        for path in ("/rates", "/v1/rates", "/v1/batches", "/v1/places", "/v1/events/x", "/nowhere/token-in-a-query"):
            client.get(path, params={"access_token": "token-in-a-query"}, headers=secret_headers)
        client.post("/v1/batches?source=a&key=token-in-a-query", content=b"{", headers=secret_headers)
    for nonsense in (
        b"GET /x?token-in-a-query HTTP/9\r\n\r\n",
        b"GET http://user:password-in-a-url@x/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nAuthorization: Bearer token-in-a-header\x00\r\n\r\n",
    ):
        with closing(connect(server)) as connection:
            connection.sendall(nonsense)
            connection.recv(65536)
    server.stop()
    text = server.log.read_text()
    assert len(answered(server)) >= 10
    for secret in SECRETS:
        assert secret not in text


@pytest.mark.parametrize("form", ["people", "json"])
def test_the_form_of_the_lines_is_a_setting(make_server, form):
    server = make_server("--log-access", "all", "--log-form", form)
    with server.client() as client:
        client.get("/livez")
    server.stop()
    text = server.log.read_text()
    assert text.splitlines()[0].startswith("{") == (form == "json")
    assert "\x1b" not in text
