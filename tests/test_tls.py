"""TLS: a real handshake, what is refused, a renewed certificate, and clients that never finish."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import time
from contextlib import closing

import httpx
import pytest
from certificates import make_certificate
from conftest import binary, connect, post_batch, prices, put_places, read_all, small_places, until

DAY = "2021-01-05"


class Secure:
    def __init__(self, make_server, folder, *options: str):
        make_certificate(folder, "one")
        make_certificate(folder, "two")
        make_certificate(folder, "alien", "another")
        self.folder = folder
        self.server = make_server(
            "--tls-certificate", str(folder / "one.pem"), "--tls-key", str(folder / "one.key"), *options
        )
        self.port = httpx.URL(self.server.url).port

    def context(self, authority: str = "authority") -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / f"{authority}.pem"))

    def client(self) -> httpx.Client:
        return self.server.client(verify=self.context())

    def plain(self) -> socket.socket:
        return connect(self.server)

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        # An end without close_notify is an error here, not an empty read.
        return (context or self.context()).wrap_socket(
            self.plain(), server_hostname="localhost", suppress_ragged_eofs=False
        )


@pytest.fixture
def secure(make_server, tmp_path) -> Secure:
    return Secure(make_server, tmp_path, "--http-header-timeout", "2s")


def test_everything_works_over_tls(secure):
    assert secure.server.url.startswith("https://127.0.0.1:")
    size = 30_000
    with secure.client() as client:
        put_places(client, small_places())
        sent = post_batch(client, "a", prices(*[("CNSGH", "NLRTM", DAY, 5)] * size))
        assert sent.status_code == 201, sent.text
        # An answer far beyond one record, and many on one connection.
        big = client.get("/rates?date_from=1970-01-01&date_to=2069-12-31&orig_code=CNSGH&dest_code=NLRTM")
        assert len(big.content) > 1_000_000 and len(big.json()["rates"]) == 36_525
        for _ in range(50):
            assert client.get("/livez").status_code == 200


def test_the_handshake_agrees_on_http_1_1_and_ends_in_order(secure):
    context = secure.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with closing(secure.connect(context)) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert connection.version() == "TLSv1.3"
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"alive" in read_all(connection)
    context = secure.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with closing(secure.connect(context)) as connection:
        assert connection.version() == "TLSv1.2"
        name = connection.cipher()[0]
        assert name.startswith("ECDHE") and ("GCM" in name or "CHACHA20" in name)


def test_old_versions_weak_ciphers_and_other_protocols_are_refused(secure):
    old = secure.context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    weak = secure.context()
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA:AES128-SHA:@SECLEVEL=0")
    other = secure.context()
    other.set_alpn_protocols(["h2"])
    for context in (old, weak, other):
        with pytest.raises(ssl.SSLError):
            secure.connect(context)
    with secure.client() as client:
        assert client.get("/livez").status_code == 200


def test_a_request_behind_a_body_in_the_same_record_is_answered(secure):
    with secure.client() as client:
        put_places(client, small_places())
    body = f"orig_code,dest_code,day,price\nCNSGH,NLRTM,{DAY},5\n".encode()
    post = (
        b"POST /v1/batches?source=a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    chunked = (
        b"POST /v1/batches?source=b HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    )
    last = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with closing(secure.connect()) as connection:
        connection.sendall(post)
        time.sleep(0.1)
        connection.sendall(body + chunked + last)
        got = read_all(connection)
    assert got.count(b"HTTP/1.1 201 ") == 2 and got.count(b"HTTP/1.1 200 ") == 1, got


def test_a_client_that_speaks_plain_http_is_told_so(secure):
    with closing(secure.plain()) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = read_all(connection)
    assert got.startswith(b"HTTP/1.1 400 ") and b"/problems/tls-needed" in got and b"https://" in got
    with closing(secure.plain()) as connection:
        connection.sendall(b"\x00\x01\x02nonsense")
        with contextlib.suppress(ConnectionResetError):
            assert not read_all(connection).startswith(b"HTTP")


def test_handshakes_held_open_are_cut_while_others_are_served(secure):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    held = [secure.plain() for _ in range(20)]
    try:
        for at, connection in enumerate(held):
            connection.sendall(hello[: at % len(hello)])
        with secure.client() as client:
            for _ in range(10):
                assert client.get("/livez").status_code == 200
        for connection in held:
            connection.settimeout(20)
            assert read_all(connection) == b""
    finally:
        for connection in held:
            connection.close()


def test_a_renewed_certificate_is_used_after_sighup_and_a_wrong_one_is_not(secure):
    def name() -> str:
        with closing(secure.connect()) as connection:
            return dict(pair[0] for pair in connection.getpeercert()["subject"])["commonName"]

    assert name() == "one"
    with secure.client() as kept:
        assert kept.get("/livez").status_code == 200
        (secure.folder / "two.pem").replace(secure.folder / "one.pem")  # the old key does not belong to it
        secure.server.process.send_signal(signal.SIGHUP)
        until(lambda: "the one read before goes on to hold" in secure.server.log.read_text())
        assert name() == "one"
        (secure.folder / "two.key").replace(secure.folder / "one.key")
        secure.server.process.send_signal(signal.SIGHUP)
        until(lambda: name() == "two")
        assert kept.get("/livez").status_code == 200


def test_files_that_do_not_fit_keep_it_from_starting(secure, tmp_path):
    folder = secure.folder
    for certificate, key, named in (
        (folder / "one.pem", folder / "two.key", "two.key"),
        (folder / "none.pem", folder / "one.key", "none.pem"),
        (folder / "one.key", folder / "one.key", "one.key"),
    ):
        ended = subprocess.run(
            [
                binary(),
                "serve",
                "--data",
                str(tmp_path / "r.db"),
                "--listen",
                "127.0.0.1:0",
                "--tls-certificate",
                str(certificate),
                "--tls-key",
                str(key),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode > 0 and named in ended.stderr and "listening" not in ended.stdout


def test_the_words_speak_https_with_those_whom_they_trust(secure):
    def batches(*words: str, **environment: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [binary(), "batches", "--server", secure.server.url, *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **environment},
        )

    good = str(secure.folder / "authority.pem")
    assert batches("--ca", good).returncode == 0, batches("--ca", good).stderr
    assert batches(RATEBOOK_CA=good).returncode == 0
    for untrusted in (batches(), batches("--ca", str(secure.folder / "another.pem"))):
        assert untrusted.returncode == 3 and "--ca FILE" in untrusted.stderr
    plain = secure.server.url.replace("https", "http")
    ended = subprocess.run(
        [binary(), "batches", "--server", plain], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1 and "https://" in ended.stderr


def test_a_slow_reader_of_a_big_answer_gets_it_whole(secure):
    with closing(secure.connect()) as connection:
        connection.sendall(
            b"GET /rates?date_from=1970-01-01&date_to=2069-12-31&orig_code=CNSGH&dest_code=NLRTM "
            b"HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        time.sleep(0.5)  # what the sockets hold is full by now
        got = b""
        while more := connection.recv(1000 if len(got) < 100_000 else 1 << 20):
            got += more
    head, _, body = got.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
