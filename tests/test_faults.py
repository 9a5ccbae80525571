"""The data file's faults: each a clear error, what was there unharmed, and on it goes when the fault is gone."""

import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from conftest import Server, assert_problem, binary, counts, post_batch, prices, put_places, small_places, until

DAY = "2021-01-05"


def many(count: int, day: str = DAY) -> list[dict]:
    return prices(*(("CNSGH", "NLRTM", day, 100 + number) for number in range(count)))


def serve(path: pathlib.Path, user: int | None = None) -> subprocess.CompletedProcess:
    """A `serve` that must not come to serve. Another user, who may not reach it here, has it by the data."""
    program = binary() if user is None else shutil.copy(binary(), path.parent.parent)
    return subprocess.run(
        [program, "serve", "--data", str(path), "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        timeout=60,
        user=user,
    )


def refused(path: pathlib.Path, *words: str, user: int | None = None) -> None:
    ended = serve(path, user)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert str(path) in ended.stderr
    for word in words:
        assert word in ended.stderr


def filled(server: Server) -> pathlib.Path:
    """The file of a server that was stopped, with places and a batch of 5,000 prices."""
    with server.client() as client:
        put_places(client, small_places())
        assert post_batch(client, "carrier-a", many(5000), key="kept").status_code == 201
    assert server.stop() == 0
    return server.data


@pytest.fixture
def full_disk(tmp_path):
    """A server on a disk of its own of 16 MB, in a mount namespace; gives it with the path of a file that fills it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(disk)]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("a disk that can be full needs a mount namespace, and this machine lets nobody make one")
    mounted = f'mount -t tmpfs -o size=16m tmpfs "{disk}" && exec "$@"'
    made = Server(tmp_path, before=("unshare", "-rm", "sh", "-c", mounted, "sh"))
    made.data = disk / "ratebook.db"
    made.start()
    yield made, pathlib.Path(f"/proc/{made.process.pid}/root{disk}/ballast")
    made.close()


def test_a_full_disk_refuses_writes_and_goes_on_when_there_is_room(full_disk):
    server, ballast = full_disk
    with server.client() as client:
        put_places(client, small_places())
        kept = post_batch(client, "carrier-a", many(10), key="before")
        assert kept.status_code == 201
        with open(ballast, "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(4096))
        sent = refused_in_a_row = 0
        while refused_in_a_row < 5:
            assert sent < 100, "what has room in the file as it is comes to an end"
            answer = post_batch(client, "carrier-a", many(2000, "2021-01-06"), key=f"during-{sent}", Prefer="wait=0")
            sent += 1
            refused_in_a_row = refused_in_a_row + 1 if answer.status_code == 503 else 0
            assert answer.status_code < 300 or "Retry-After" in answer.headers
            assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 10}
        assert client.get("/readyz").status_code == 200
        before = server.log.read_text().count("\n")
        time.sleep(3)
        assert server.log.read_text().count("\n") - before < 15, "who waits for room does not spin"
        os.unlink(ballast)
        after = until(
            lambda: (
                (answer := post_batch(client, "carrier-a", many(7, "2021-01-07"), key="after")).status_code
                in (200, 201)
                and answer
            )
        )
        assert after.json()["status"] == "committed"
        for number in range(sent):
            until(
                lambda number=number: (
                    post_batch(client, "carrier-a", many(2000, "2021-01-06"), f"during-{number}").status_code
                    in (200, 201)
                )
            )
        found = counts(client, "CNSGH", "NLRTM", DAY, "2021-01-07")
        assert found == {DAY: 10, "2021-01-06": 2000 * sent, "2021-01-07": 7}


def test_a_file_that_may_not_be_written_is_refused_and_left_alone(server):
    data = filled(server)
    before = data.read_bytes()
    user = 65534 if os.geteuid() == 0 else None
    for folder in data.parents:
        if folder.stat().st_uid == os.geteuid() and "pytest" in str(folder):
            folder.chmod(0o755)
    data.chmod(0o444)
    data.with_name(data.name + "-lock").chmod(0o666)
    refused(data, "cannot be written", user=user)
    data.with_name(data.name + "-lock").unlink()
    data.parent.chmod(0o555)
    refused(data, "cannot be written", user=user)
    data.parent.chmod(0o755)
    assert data.read_bytes() == before


def test_what_is_not_ours_is_refused_and_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("my notes\n" * 1000)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as connection:
        connection.executescript("CREATE TABLE mine (x); INSERT INTO mine VALUES (7)")
    folder = tmp_path / "folder"
    folder.mkdir()
    for path, word in ((text, "not a database"), (other, "another program"), (folder, "cannot be written")):
        before = path.read_bytes() if path.is_file() else None
        refused(path, word)
        assert before is None or path.read_bytes() == before
        checked = Server.run("check", str(path))
        assert checked.returncode == 2
        assert str(path) in checked.stderr
    refused(tmp_path / "nowhere" / "a.sqlite", "no folder")


def test_a_file_of_a_newer_release_is_refused_and_left_alone(server):
    data = filled(server)
    with closing(sqlite3.connect(data)) as connection:
        connection.execute("PRAGMA user_version = 1000")
    before = data.read_bytes()
    refused(data, "newer release", "1000")
    assert data.read_bytes() == before
    assert "newer release" in Server.run("check", str(data)).stderr


def test_a_second_server_on_the_same_file_is_refused_and_the_first_goes_on(server):
    with server.client() as client:
        put_places(client, small_places())
        refused(server.data, "another process")
        assert post_batch(client, "carrier-a", many(3)).status_code == 201
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 3}


def test_a_damaged_page_is_said_and_never_answered_from(server):
    """Anywhere in the file: `check` finds it, and what a server answers in spite of it is right."""
    data = filled(server)
    whole = data.read_bytes()
    page = 8192
    copy = data.with_name("damaged.db")
    found = 0
    pages = range(1, len(whole) // page, 3)
    for number in pages:
        damaged = bytearray(whole)
        # The header of a page, where its tree hangs.
        damaged[number * page : number * page + 12] = os.urandom(12)
        copy.write_bytes(damaged)
        checked = Server.run("check", str(copy))
        assert checked.returncode in (0, 1, 2), checked
        found += checked.returncode != 0
        assert copy.read_bytes() == damaged
    assert found > len(pages) / 2, "all but free pages"
    damaged = bytearray(whole)
    with closing(sqlite3.connect(data)) as connection:
        ((root,),) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'price'")
    damaged[(root - 1) * page : (root - 1) * page + 12] = bytes(12)
    server.data.write_bytes(damaged)
    server.launch()
    try:
        until(lambda: "ratebook check" in server.log.read_text())
        assert server.process.poll() is None
    finally:
        assert server.stop() == 0


def test_posts_behind_a_foreign_lock_wait_each_its_own_bound(make_server):
    server = make_server("--sqlite-lock-wait-max", "1s")
    with server.client() as client:
        put_places(client, small_places())
    with closing(sqlite3.connect(server.data, isolation_level=None, timeout=30)) as connection:
        connection.execute("BEGIN IMMEDIATE")

        def post(number: int) -> tuple[httpx.Response, float]:
            with server.client() as own:
                began = time.monotonic()
                answer = post_batch(own, f"carrier-{number}", many(5), Prefer="wait=0")
                return answer, time.monotonic() - began

        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(post, range(16)))
        connection.execute("ROLLBACK")
    for answer, took in answers:
        assert_problem(answer, 503, "not-accepted")
        assert took < 10, "16 in a row would take 16 s"
    with server.client() as client:
        until(lambda: post_batch(client, "carrier-0", many(5)).status_code == 201)


def beside(path: pathlib.Path, end: str) -> pathlib.Path:
    return path.with_name(path.name + end)


def in_place(client: httpx.Client) -> bool:
    return re.search(r"^ratebook_sqlite_file_in_place 1$", client.get("/metrics").text, re.M) is not None


@pytest.mark.parametrize("harm", ["file deleted", "file replaced", "WAL deleted", "folder renamed", "written over"])
def test_promise_2_a_file_that_is_not_at_its_path_takes_nothing(server, tmp_path, harm):
    """503 for batches and readiness, said in the log and the metrics; rates go on from memory."""
    data = server.data
    with server.client() as client:
        put_places(client, small_places())
        assert post_batch(client, "carrier-a", many(10)).status_code == 201
        assert Server.run("backup", str(tmp_path / "backup.db"), "--data", str(data)).returncode == 0
        assert client.get("/readyz").status_code == 200
        assert in_place(client)
        tag = client.get("/v1/places").headers["ETag"]
        match harm:
            case "file deleted":
                data.unlink()
            case "file replaced":
                shutil.copy(tmp_path / "backup.db", beside(data, "-new"))
                beside(data, "-new").rename(data)
            case "WAL deleted":
                beside(data, "-wal").unlink()
            case "folder renamed":
                data.parent.rename(tmp_path / "elsewhere")
            case "written over":
                shutil.copy(tmp_path / "backup.db", data)
        refused = post_batch(client, "carrier-a", many(10), key="refused")
        assert_problem(refused, 503, "not-accepted")
        assert str(data) in refused.json()["detail"]
        until(lambda: client.get("/readyz").status_code == 503)
        assert_problem(client.get("/readyz"), 503, "not-ready")
        assert str(data) in client.get("/readyz").json()["detail"]
        until(lambda: not in_place(client))
        assert_problem(put_again(client, tag), 503, "store-unavailable")
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 10}
        log = tmp_path / "elsewhere" / "server.log" if harm == "folder renamed" else server.log
        until(lambda: "nothing new is taken" in log.read_text())
        assert server.stop() == 0
    if harm == "WAL deleted":
        server.start()
        with server.client() as client:
            assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 10}


def put_again(client: httpx.Client, tag: str) -> httpx.Response:
    places = small_places()
    places["regions"][0]["name"] += "!"
    return client.put("/v1/places", json=places, headers={"If-Match": tag})


def test_promise_2_a_file_that_was_moved_goes_on_in_its_place_and_can_be_copied(server, tmp_path):
    data = server.data
    with server.client() as client:
        put_places(client, small_places())
        assert post_batch(client, "carrier-a", many(10)).status_code == 201
        data.rename(beside(data, "-moved"))
        until(lambda: "all that was accepted is in /proc/" in server.log.read_text())
        assert post_batch(client, "carrier-a", many(10)).status_code == 503
        beside(data, "-moved").rename(data)
        until(lambda: client.get("/readyz").status_code == 200)
        assert post_batch(client, "carrier-a", many(5)).status_code == 201
        data.unlink()
        until(lambda: server.log.read_text().count("all that was accepted is in /proc/") == 2)
        shutil.copy(server.log.read_text().split("accepted is in ")[-1].split(" ")[0], tmp_path / "kept.db")
    assert server.stop() == 0
    for end in ("", "-wal", "-shm"):
        beside(data, end).unlink(missing_ok=True)
    shutil.copy(tmp_path / "kept.db", data)
    server.start()
    with server.client() as client:
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 15}


def test_a_reader_that_keeps_the_wal_is_said_and_bounded(make_server):
    options = ("--sqlite-wal-soft", "1MiB", "--sqlite-wal-max", "1MiB", "--sqlite-wal-limit", "4MiB")
    server = make_server(*options)

    def held(client: httpx.Client) -> float:
        return float(re.search(r"^ratebook_sqlite_wal_held_seconds (\S+)$", client.get("/metrics").text, re.M)[1])

    with server.client() as client:
        put_places(client, small_places())
        assert held(client) == 0
        with closing(sqlite3.connect(server.data, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM version").fetchall()
            sent = 0
            while (answer := post_batch(client, "carrier-a", many(20_000))).status_code == 201:
                sent += 1
                assert sent < 100
            assert_problem(answer, 503, "not-accepted")
            assert "write-ahead log" in answer.json()["detail"]
            assert client.get("/readyz").status_code == 200, "it goes on by itself when the reader ends"
            until(lambda: f"process {os.getpid()} (" in server.log.read_text())
            assert held(client) > 0
            assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 20_000 * sent}
        until(lambda: post_batch(client, "carrier-a", many(1)).status_code == 201)
        until(lambda: "is moved into the file again" in server.log.read_text())
        until(lambda: held(client) == 0)
