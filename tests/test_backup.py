"""`ratebook backup` and `ratebook check`: beside a server, on a stopped file, and what clients see of a restore."""

import json
import re
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest
from conftest import Server, counts, events, post_batch, prices, put_places, small_places, until

DAY = "2021-01-05"


def many(count: int, day: str = DAY) -> list[dict]:
    return prices(*(("CNSGH", "NLRTM", day, 100 + number) for number in range(count)))


def backup(server: Server, to, *options: str) -> dict:
    made = server.run("backup", str(to), "--data", str(server.data), "--json", *options)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def checked(path) -> dict:
    made = Server.run("check", str(path), "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    report = json.loads(made.stdout)
    assert report["findings"] == []
    return report


def test_backups_while_the_server_writes_are_each_one_whole_version(server, tmp_path):
    size, ended, sent = 3000, threading.Event(), []
    with server.client() as client:
        put_places(client, small_places())

    def send() -> None:
        with server.client() as client:
            while not ended.is_set():
                sent.append(post_batch(client, "carrier-a", many(size)).json()["version"])

    sender = threading.Thread(target=send)
    sender.start()
    try:
        reports = []
        for number in range(4):
            until(lambda number=number: len(sent) > 3 * number)
            reports.append(backup(server, tmp_path / f"{number}.db"))
            checked(server.data)
    finally:
        ended.set()
        sender.join()
    for number, report in enumerate(reports):
        copy = tmp_path / f"{number}.db"
        found = checked(copy)
        assert (found["version"], found["tag"]) == (report["version"], report["tag"])
        assert found["prices"] == size * found["batches"]
        assert copy.stat().st_size == report["bytes"]
        assert sorted(path.name for path in tmp_path.glob(f"{number}.db*")) == [copy.name], "nothing beside it"
    assert [report["version"] for report in reports] == sorted(report["version"] for report in reports)
    with server.client() as client:
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: size * len(sent)}


def test_a_backup_is_a_data_file(server, make_server, tmp_path):
    with server.client() as client:
        put_places(client, small_places())
        first = post_batch(client, "carrier-a", many(500), key="k").json()
    report = backup(server, tmp_path / "copy.db")
    other = make_server()
    assert other.stop() == 0
    shutil.copy(tmp_path / "copy.db", other.data)
    other.start()
    with other.client() as client:
        assert client.get(f"/v1/batches/{first['id']}").json() == first
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 500}
        again = post_batch(client, "carrier-a", many(500), key="k")
        assert (again.status_code, again.json()["version"]) == (200, first["version"])
        assert post_batch(client, "carrier-a", many(1)).json()["version"] == report["version"] + 1


def test_it_replaces_nothing_unless_told_and_leaves_nothing_half(server, make_server, tmp_path):
    with server.client() as client:
        put_places(client, small_places())
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    refused = server.run("backup", str(copy), "--data", str(server.data))
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert copy.read_text() == "mine"
    (tmp_path / "copy.db-wal").write_text("of the file that stood there")
    backup(server, copy, "--force")
    assert checked(copy)["version"] == 1
    other = make_server()  # whose data is in use
    for to in (server.data, other.data, tmp_path):
        refused = server.run("backup", str(to), "--data", str(server.data), "--force")
        assert refused.returncode == 2
        assert str(to) in refused.stderr
    assert server.run("backup", str(tmp_path / "none" / "a.db"), "--data", str(server.data)).returncode != 0
    assert server.run("backup", str(tmp_path / "b.db"), "--data", str(tmp_path / "none.db")).returncode == 2
    assert [path.name for path in tmp_path.glob("*.db*")] == ["copy.db"]
    with server.client() as client:
        assert post_batch(client, "carrier-a", many(1)).status_code == 201


def test_an_older_state_restored_is_noticed_by_its_chain(server, tmp_path):
    """Rule 10, embedded: a version's number is the same, what it names is not. A key goes in again."""
    path = f"/v1/rates?origin=CNSGH&destination=NLRTM&date_from={DAY}&date_to={DAY}&stats=count"
    with server.client() as client:
        put_places(client, small_places())
        backup(server, tmp_path / "copy.db")
        lost = post_batch(client, "carrier-a", many(7), key="lost").json()
        tag = client.get(path).headers["ETag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    with closing(sqlite3.connect(server.data)) as connection:
        ((chain,),) = connection.execute("SELECT chain FROM version WHERE version = 2")
    assert server.stop() == 0
    for end in ("", "-wal", "-shm"):
        server.data.with_name(server.data.name + end).unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy.db", server.data)
    server.start()
    with server.client() as client:
        assert client.get(f"/v1/batches/{lost['id']}").status_code == 404
        other = post_batch(client, "carrier-b", many(9), key="other").json()
        assert other["version"] == lost["version"]
        answer = client.get(path, headers={"If-None-Match": tag})
        assert answer.status_code == 200
        assert answer.json()["rates"][0]["count"] == 9
        assert next(events(client, f"2-{chain.hex()[:8]}"))["event"] == "reset"
        again = post_batch(client, "carrier-a", many(7), key="lost")
        assert (again.status_code, again.json()["id"]) == (201, lost["id"])
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 16}
    assert server.stop() == 0
    checked(server.data)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("UPDATE version SET chain = zeroblob(32) WHERE version = 2", r"version 2: breaks the chain"),
        ("DELETE FROM version WHERE version = 3", r"version 3: is missing"),
        ("UPDATE batch SET price_count = 4 WHERE sequence = 1", r"of 4 prices its chunks hold 5"),
        ("UPDATE batch SET idempotency_key = 'x' WHERE sequence = 1", r"make another id"),
        ("UPDATE batch SET retracted_version = 2 WHERE sequence = 1", r"retracted"),
        ("DELETE FROM marker WHERE attempt = (SELECT attempt FROM batch WHERE sequence = 1)", r"hold 0"),
        ("DELETE FROM price WHERE row = 2", r"of 5 prices 4 are there"),
        ("UPDATE price SET cents = 0 WHERE row = 2", r"cannot be what was sent"),
        ("UPDATE price SET orig = 99 WHERE row = 2", r"cannot be what was sent"),
        ("UPDATE price SET day = day + 9 WHERE row = 2", r"cannot be what was sent"),
        ("UPDATE price SET cents = cents + 1 WHERE row = 5", r"chunk 0: prices were changed"),
        ("UPDATE port_place SET closed = 1 WHERE port = 0", r"version 1: breaks the chain"),
        ("INSERT INTO log_record VALUES (0, 1000, x'00')", r"log 0-1000"),
        ("UPDATE version SET batch = 77 WHERE version = 2", r"names none of batch"),
    ],
)
def test_check_says_what_is_wrong_and_where(harmed_file, tmp_path, harm, says):
    copy = tmp_path / "harmed.db"
    shutil.copy(harmed_file, copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute(harm)
    before = copy.read_bytes()
    made = Server.run("check", str(copy))
    assert made.returncode == 1, made.stdout
    assert re.search(says, made.stdout), made.stdout
    assert "backup" in made.stderr
    assert copy.read_bytes() == before


@pytest.fixture(scope="module")
def harmed_file(tmp_path_factory):
    """Version 1 places, 2 to 4 a batch of five prices each."""
    made = Server(tmp_path_factory.mktemp("harmed"))
    made.start()
    with made.client() as client:
        put_places(client, small_places())
        for number in range(3):
            assert post_batch(client, "carrier-a", many(5), key=f"{number}").status_code == 201
    assert made.stop() == 0
    checked(made.data)
    return made.data


def test_a_backup_beside_the_wal_of_a_killed_server_is_refused(server, tmp_path):
    """Whoever forgets the old `-wal` is told; without it, it is exactly the backup."""
    data, wal = server.data, server.data.with_name(server.data.name + "-wal")
    with server.client() as client:
        put_places(client, small_places())
        post_batch(client, "carrier-a", many(5))
        report = backup(server, tmp_path / "copy.db")
        post_batch(client, "carrier-a", many(7))
    server.kill()
    assert wal.stat().st_size > 0
    killed = data.read_bytes()
    shutil.copy(tmp_path / "copy.db", data)
    before = wal.read_bytes()
    server.launch()
    assert server.process.wait(60) == 1
    server.process = None
    assert f"{wal} does not belong to this file" in server.log.read_text()
    made = Server.run("check", str(data))
    assert made.returncode == 1, made.stdout + made.stderr
    assert f"{wal} does not belong to this file" in made.stdout
    assert Server.run("backup", str(tmp_path / "mixture.db"), "--data", str(data)).returncode == 2
    assert (data.read_bytes(), wal.read_bytes()) == ((tmp_path / "copy.db").read_bytes(), before)
    data.write_bytes(killed)
    assert checked(data)["version"] == report["version"] + 1, "and its own file is whole with it"
    wal.unlink()
    shutil.copy(tmp_path / "copy.db", data)
    assert checked(data)["tag"] == report["tag"]
    server.start()
    with server.client() as client:
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 5}


def test_a_wal_whose_file_is_gone_is_not_thrown_away(server):
    data, wal = server.data, server.data.with_name(server.data.name + "-wal")
    with server.client() as client:
        put_places(client, small_places())
        post_batch(client, "carrier-a", many(5))
    server.kill()
    killed = data.read_bytes()
    for gone in (True, False):
        data.unlink() if gone else data.write_bytes(b"")
        server.launch()
        assert server.process.wait(60) == 1
        server.process = None
        assert wal.stat().st_size > 0
        data.write_bytes(killed)
    server.start()
    with server.client() as client:
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 5}
