"""The bodies of POST /v1/batches: formats, compression, digests, and what is wrong with the bytes as they are sent."""

import base64
import gzip
import hashlib
import itertools
import json
import re
import socket
import subprocess
from contextlib import closing

import pytest
from conftest import (
    assert_problem,
    connect,
    counts,
    keep_nothing_freed,
    memory_peak,
    prices,
    put_places,
    small_places,
)

DAY = "2021-01-05"
ONE = ("CNSGH", "NLRTM", DAY, 100)
TYPES = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}


def zstd(data: bytes, *options: str) -> bytes:
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True, check=True).stdout


CODINGS = {"identity": bytes, "gzip": gzip.compress, "x-gzip": gzip.compress, "zstd": zstd}


def body_of(form: str, items: list[dict]) -> bytes:
    if form == "csv":
        rows = "".join("{orig_code},{dest_code},{day},{price}\n".format(**item) for item in items)
        return ("orig_code,dest_code,day,price\n" + rows).encode()
    if form == "ndjson":
        return "".join(json.dumps(item) + "\n" for item in items).encode()
    return json.dumps({"prices": items}).encode()


def post(client, body, form: str = "csv", coding: str | None = None, source: str = "bodies", **headers):
    named = {"Content-Type": TYPES.get(form, form), **({"Content-Encoding": coding} if coding else {})}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/v1/batches", params={"source": source}, content=body, headers=named)


def digest(body: bytes, algorithm: str = "sha256") -> str:
    value = base64.b64encode(hashlib.new(algorithm, body).digest()).decode()
    return f"{algorithm[:3]}-{algorithm[3:]}=:{value}:"


def batches(client, source: str) -> list:
    return client.get("/v1/batches", params={"source": source}).json()["batches"]


def codes(answer, status: int, kind: str) -> list[str]:
    problem = assert_problem(answer, status, kind)
    assert problem["error_count"] == len(problem["errors"])
    return [error["code"] for error in problem["errors"]]


def test_the_same_prices_in_any_format_and_coding_are_the_same_batch(shared):
    items = prices(*(("CNSGH", "NLRTM", DAY, 100 + n / 4) for n in range(5000)))
    first = None
    for form, (coding, compress) in itertools.product(TYPES, CODINGS.items()):
        body = compress(body_of(form, items))
        answer = post(shared, body, form, coding, source="same", Idempotency_Key="k", Repr_Digest=digest(body))
        assert answer.status_code == (200 if first else 201), (form, coding, answer.text)
        first = first or answer.json()
        assert answer.json() == first
    assert len(batches(shared, "same")) == 1


def test_other_names_of_ndjson(shared):
    for kind in ("application/ndjson", "application/jsonl", "Application/X-NDJSON; charset=utf-8"):
        assert post(shared, body_of("ndjson", prices(ONE)), kind).status_code == 201


def test_a_broken_line_of_ndjson_costs_itself_only(shared):
    good = json.dumps(prices(ONE)[0])
    lines = [good, "", "{", good + " 1", "[]", good.replace("100", "0"), good, '{"day":"x"}']
    answer = post(shared, "\r\n".join(lines).encode(), "ndjson", source="wrong")
    problem = assert_problem(answer, 422, "invalid-batch")
    found = [(error["index"], error["line"], error["code"]) for error in problem["errors"]]
    assert found == [
        (1, 3, "bad-line"),
        (2, 4, "bad-line"),
        (3, 5, "bad-line"),
        (4, 6, "not-positive"),
        (6, 8, "missing"),
        (6, 8, "missing"),
        (6, 8, "bad-day"),
        (6, 8, "missing"),
    ]
    many = assert_problem(post(shared, b"{}}\n" * 1234, "ndjson", source="wrong"), 422, "invalid-batch")
    assert [error["line"] for error in many["errors"]] == list(range(1, 101))
    assert many["error_count"] == 1234
    assert batches(shared, "wrong") == []


def test_a_415_says_what_is_taken_before_the_body_is_sent(shared_server, shared):
    answer = post(shared, b"x", "text/plain")
    assert_problem(answer, 415, "unsupported-media-type")
    assert answer.headers["Accept-Post"] == "application/json, application/x-ndjson, text/csv"
    for coding in ("br", "gzip, gzip", "zstd, gzip", "compress"):
        answer = post(shared, b"x", coding=coding)
        assert_problem(answer, 415, "unsupported-encoding")
        assert answer.headers["Accept-Encoding"] == "gzip, zstd, identity"
    for header in (
        "Content-Type: text/plain",
        "Content-Type: text/csv\r\nContent-Encoding: br",
        "Content-Type: text/csv\r\nRepr-Digest: sha-256=x",
    ):
        with closing(connect(shared_server)) as connection:
            head = f"POST /v1/batches?source=a HTTP/1.1\r\nHost: localhost\r\n{header}\r\nContent-Length: 1000000\r\n"
            connection.sendall((head + "Expect: 100-continue\r\n\r\n").encode())
            assert re.match(rb"HTTP/1.1 4(00|15) ", connection.recv(100))


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_broken_compression_stores_nothing(shared, coding):
    whole = CODINGS[coding](body_of("csv", prices(*[ONE] * 50)))
    for body, code in [
        (whole[:-1], "truncated-compression"),
        (whole[:20], "truncated-compression"),
        (whole + whole[:7], "truncated-compression"),
        (whole + b"\n", "trailing-bytes"),
        (whole + b"\0" * 10_000, "trailing-bytes"),
        (body_of("csv", prices(ONE)), "bad-compression"),
        (CODINGS["zstd" if coding == "gzip" else "gzip"](b"x"), "bad-compression"),
    ]:
        assert codes(post(shared, body, coding=coding, source="broken"), 400, "broken-encoding") == [code]
    changed = bytearray(whole)
    changed[-3] ^= 1  # in the checksum
    assert "bad-compression" in codes(
        post(shared, bytes(changed), coding=coding, source="broken"), 400, "broken-encoding"
    )
    assert batches(shared, "broken") == []
    assert (
        post(
            shared, whole + whole[:0] + CODINGS[coding](b"CNSGH,NLRTM,2021-01-05,1\n"), coding=coding, source="parts"
        ).json()["price_count"]
        == 51
    )


def test_a_window_above_8_mib_is_refused(shared):
    body = body_of("csv", prices(*(("CNSGH", "NLRTM", DAY, n) for n in range(1, 400_000))))
    assert len(body) > 8 << 20
    assert post(shared, zstd(body, "--long=23"), coding="zstd", source="window").status_code == 201
    wide = zstd(body, "--long=24")
    assert codes(post(shared, wide, coding="zstd", source="window-2"), 400, "broken-encoding") == ["window-too-large"]


@pytest.mark.parametrize("form", list(TYPES))
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_bombs_are_refused_while_they_expand(shared, form, coding):
    for filling in (b"\0", b"\n", b" "):
        bomb = CODINGS[coding](body_of(form, prices(ONE))[:-1] + filling * (64 << 20))
        answer = post(shared, bomb, form, coding, source="bomb")
        if form == "json" and filling == b"\0":
            assert_problem(answer, 400, "malformed-body")  # its first byte is none of JSON
        else:
            assert "compression-ratio" in codes(answer, 413, "compression-ratio")
    assert batches(shared, "bomb") == []


def test_a_digest_is_checked_over_the_bytes_as_sent(shared):
    plain = body_of("csv", prices(ONE))
    packed = gzip.compress(plain)
    for body, coding in ((plain, None), (packed, "gzip")):
        other = digest(plain if coding else packed)
        for name in ("Repr_Digest", "Content_Digest"):
            for value in (other, digest(body) + "," + digest(body + b"x", "sha512"), digest(body[:-1])):
                answer = post(shared, body, coding=coding, source="digest", **{name: value})
                assert codes(answer, 400, "digest-mismatch") == ["digest-mismatch"]
    assert batches(shared, "digest") == []
    for value in (digest(plain), digest(plain, "sha512"), f"md5=:AAAA:, {digest(plain)};a=b", "unixsum=:AA==:", ""):
        for name in ("Repr_Digest", "Content_Digest"):
            assert post(shared, plain, source="digest-2", **{name: value}).status_code == 201, (name, value)
    for value in (
        "sha-256",
        "sha-256=abc",
        digest(plain)[:-1],
        "sha-256=:AAAA:",
        digest(plain) + ",",
        "SHA-256=:AA==:",
    ):
        assert_problem(post(shared, plain, source="digest", Repr_Digest=value), 400, "bad-header")
    # Wrong prices in a body that is not the one sent: the digest comes first.
    assert codes(post(shared, b"x", source="digest", Repr_Digest=digest(b"y")), 400, "digest-mismatch")


def test_an_empty_body_is_malformed_and_an_empty_batch_wrong(shared):
    for form, (coding, compress) in itertools.product(TYPES, CODINGS.items()):
        assert codes(post(shared, b"", form, coding), 400, "malformed-body") == ["empty"]
        assert codes(post(shared, compress(b""), form, coding), 400, "malformed-body") == ["empty"]
        assert codes(post(shared, compress(body_of(form, []) or b"\n"), form, coding), 422, "invalid-batch") == [
            "empty"
        ]


def test_a_truncated_body_stores_nothing(server, client):
    put_places(client, small_places())
    before = client.get("/v1/places").headers["Ratebook-Version"]
    lines = body_of("csv", prices(*[ONE] * 1000))
    head = "POST /v1/batches?source=a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
    chunk = f"{len(lines):x}\r\n".encode() + lines + b"\r\n"
    for framing, sent, answers in [
        (f"Content-Length: {len(lines) + 1}", lines, False),
        ("Transfer-Encoding: chunked", chunk, False),
        ("Transfer-Encoding: chunked", chunk + b"0\r\n", False),
        ("Transfer-Encoding: chunked", chunk[:-2], False),
        ("Transfer-Encoding: chunked", chunk + b"x\r\n", True),
        ("Transfer-Encoding: chunked", chunk[:-2] + b"xx0\r\n\r\n", True),
    ]:
        with closing(connect(server)) as connection:
            connection.sendall(f"{head}{framing}\r\n\r\n".encode() + sent)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(100)
            assert answer.startswith(b"HTTP/1.1 400 ") if answers else not answer.startswith(b"HTTP/1.1 2"), sent[-10:]
    assert client.get("/v1/batches").json()["batches"] == []
    assert post(client, body_of("csv", prices(ONE))).json()["version"] == int(before) + 1
    assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 1}


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize("coding", ["identity", "zstd"])
def test_a_large_body_streams_in_bounded_memory(make_server, monkeypatch, tmp_path, form, coding):
    keep_nothing_freed(monkeypatch)
    server = make_server()
    rows = 3000 if form == "csv" else 1000
    count = 600 * rows

    def pieces():
        if form == "csv":
            yield b"orig_code,dest_code,day,price\n"
        for number in range(600):
            yield body_of(
                form, prices(*(("CNSGH", "NLRTM", DAY, number * rows + row + 1) for row in range(rows)))
            ).replace(b"orig_code,dest_code,day,price\n", b"")

    whole = tmp_path / "body"
    with open(whole, "wb") as file:
        for piece in pieces():
            file.write(piece)
    plain_bytes = whole.stat().st_size
    assert plain_bytes > 45 << 20
    if coding == "zstd":
        packed = tmp_path / "body.zst"
        subprocess.run(["zstd", "-q", "--long=23", whole, "-o", packed], check=True)
        whole = packed
    with server.client() as client:
        put_places(client, small_places())
        post(client, body_of(form, prices(ONE)), form)
        idle = memory_peak(server)
        with open(whole, "rb") as file:
            answer = client.post(
                "/v1/batches",
                params={"source": "large", "dry_run": "true"},
                content=file,
                headers={"Content-Type": TYPES[form], "Content-Encoding": coding},
            )
        assert answer.status_code == 200, answer.text
        assert answer.json()["price_count"] == count
        # Less than its prices take alone (12 bytes and more each), and far less than its bytes.
        assert memory_peak(server) - idle < min(40 << 20, plain_bytes * 2 // 3)
