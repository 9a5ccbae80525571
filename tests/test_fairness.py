"""Promise 7 between sources: one that is over its limits, with many connections and large batches, slows no other."""

import multiprocessing
import re
import sqlite3
import statistics
import threading
import time
from contextlib import closing, contextmanager

import httpx
import pytest
from conftest import assert_problem, post_batch, prices, put_places, small_places, until

DAY = "2021-01-05"
HEADER = "orig_code,dest_code,day,price\n"
CONNECTIONS = 24


def flood(url: str, stop, counts) -> None:
    """As one process, so that its work is not the quiet source's. Good and bad batches, large and small, at once."""
    large = HEADER + f"CNSGH,NLRTM,{DAY},5\n" * 20_000
    bodies = [large, large + "CNSGH,NLRTM,yesterday,5\n", HEADER + f"CNSGH,NLRTM,{DAY},5\n"]

    def send(at: int) -> None:
        headers = {"Content-Type": "text/csv", "Prefer": "wait=0"}
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            while not stop.is_set():
                try:
                    answer = client.post("/v1/batches?source=flood", content=bodies[at % 3], headers=headers)
                    counts[answer.status_code] += 1
                except httpx.TransportError:
                    counts[0] += 1

    threads = [threading.Thread(target=send, args=(at,)) for at in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def quiet(client: httpx.Client, rounds: int) -> list[float]:
    """How long each batch took until it was committed; each has to be."""
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        answer = post_batch(client, "quiet", prices(*[("CNYTN", "DEHAM", DAY, 7)] * 100), Prefer="wait=60")
        took.append(time.monotonic() - began)
        assert answer.status_code == 201, answer.text
    return took


def test_a_flooding_source_is_refused_and_a_quiet_one_is_served(make_server):
    server = make_server("--api-uploads-per-source-max", "4", "--api-accepted-per-source-max", "8")
    context = multiprocessing.get_context("fork")
    stop, counts = context.Event(), context.Array("L", 600)
    with server.client() as client:
        put_places(client, small_places())
        alone = quiet(client, 15)
        flooding = context.Process(target=flood, args=(server.url, stop, counts))
        flooding.start()
        try:
            until(lambda: counts[429] >= 20, 60)
            beside = quiet(client, 15)
        finally:
            stop.set()
            flooding.join(120)
        assert counts[429] > 20 and counts[202] + counts[201] > 0 and counts[422] > 0, dict(enumerate(counts))
        assert set(code for code, count in enumerate(counts) if count) <= {201, 202, 422, 429}
        # Twenty thousand prices of the other are written while it waits for its turn, on the same cores.
        assert statistics.median(beside) < 50 * statistics.median(alone) + 0.5, (alone, beside)
        after = quiet(client, 15)
        assert statistics.median(after) < 10 * statistics.median(alone) + 0.5, (alone, after)


def test_slow_uploads_of_one_source_leave_room_for_others(make_server):
    server = make_server(
        "--api-uploads-per-source-max", "2", "--api-uploads-unnamed-max", "2", "--api-uploads-max", "5"
    )
    with server.client() as client:
        put_places(client, small_places())
    line = f"CNSGH,NLRTM,{DAY},5\n"

    def csv(hold: threading.Event):
        yield HEADER.encode()
        hold.wait(60)
        yield line.encode()

    def send(query: str, content, content_type: str) -> httpx.Response:
        with server.client() as client:
            return client.post(f"/v1/batches{query}", content=content, headers={"Content-Type": content_type})

    def json_unnamed(source: str):
        def make(hold: threading.Event):
            yield b'{"prices":['
            hold.wait(60)
            price = '{"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-05","price":5}'
            yield f'{price}],"source":"{source}"}}'.encode()

        return make

    def until_uploads(count: int) -> None:
        with server.client() as client:
            until(lambda: f"ratebook_uploads {count}\n" in client.get("/metrics").text)

    hold = threading.Event()
    answers: list[httpx.Response] = []
    threads = []

    def start(query: str, make, content_type: str) -> None:
        threads.append(threading.Thread(target=lambda: answers.append(send(query, make(hold), content_type))))
        threads[-1].start()

    try:
        for count in (1, 2):
            start("?source=slow", csv, "text/csv")
            until_uploads(count)
        assert_problem(send("?source=slow", HEADER + line, "text/csv"), 429, "too-much-waiting")
        assert send("?source=other", HEADER + line, "text/csv").status_code == 201
        for count in (3, 4):
            start("", json_unnamed(f"late-{count}"), "application/json")
            until_uploads(count)
        refused = assert_problem(send("", b'{"prices":[]}', "application/json"), 503, "overloaded")
        assert "?source=" in refused["detail"]
        assert send("?source=other", HEADER + line, "text/csv").status_code == 201
        start("?source=third", csv, "text/csv")
        until_uploads(5)
        assert_problem(send("?source=fourth", HEADER + line, "text/csv"), 503, "overloaded")
    finally:
        hold.set()
        for thread in threads:
            thread.join()
    assert [answer.status_code for answer in answers] == [201] * 5, [answer.text for answer in answers]
    until_uploads(0)
    assert send("?source=slow", HEADER + line, "text/csv").status_code == 201


@contextmanager
def undecided(server):
    """What is accepted meanwhile stays undecided: the log takes records, and no writer can move a position."""
    with closing(sqlite3.connect(server.data, isolation_level=None, timeout=60)) as foreign:
        foreign.execute("CREATE TRIGGER held BEFORE UPDATE ON log_partition BEGIN SELECT RAISE(ABORT, 'held'); END")
        try:
            yield
        finally:
            foreign.execute("DROP TRIGGER held")


def accepted(send) -> httpx.Response:
    """send() until it is accepted: a writer that fails in the same transaction takes an append back (503)."""
    answer = until(lambda: (answer := send()).status_code != 503 and answer)
    assert answer.status_code == 202, answer.text
    return answer


def waiting(client: httpx.Client) -> int:
    return int(re.search(r"^ratebook_accepted_batches (\d+)$", client.get("/metrics").text, re.MULTILINE)[1])


@pytest.mark.parametrize(
    ("bounds", "items"),
    [
        (("--api-accepted-per-source-max", "2", "--api-accepted-max", "3"), prices(("CNSGH", "NLRTM", DAY, 7))),
        # 0.9 MB each, as the log has them.
        (
            ("--api-accepted-bytes-per-source-max", "2MiB", "--api-accepted-bytes-max", "3MiB"),
            prices(*(("CNSGH", "NLRTM", DAY, number) for number in range(1, 90_001))),
        ),
    ],
    ids=["batches", "bytes"],
)
def test_what_waits_for_its_commit_is_bounded_for_each_source_and_in_all(make_server, bounds, items):
    server = make_server(*bounds)
    with server.client() as client:
        put_places(client, small_places())

        def send(source: str, key: str, wait: str = "wait=0") -> httpx.Response:
            return post_batch(client, source, items, key=key, Prefer=wait)

        with undecided(server):
            ids = [accepted(lambda key=key: send("flood", key)).json()["id"] for key in "ab"]
            assert_problem(send("flood", "c"), 429, "too-much-waiting")
            ids.append(accepted(lambda: send("quiet", "a")).json()["id"])
            assert_problem(send("third", "a"), 503, "overloaded")
            assert waiting(client) == 3
            assert client.get(f"/v1/batches/{ids[0]}").json()["status"] == "accepted"
        for batch in ids:
            until(lambda batch=batch: client.get(f"/v1/batches/{batch}").json()["status"] == "committed", 60)
        until(lambda: waiting(client) == 0)
        for source in ("flood", "third"):
            assert send(source, "c", "wait=60").status_code == 201


def test_retractions_that_wait_count_as_batches_do(make_server):
    server = make_server("--api-accepted-per-source-max", "2", "--api-accepted-max", "3")
    with server.client() as client:
        put_places(client, small_places())

        def send(source: str, key: str) -> httpx.Response:
            return post_batch(client, source, prices(("CNSGH", "NLRTM", DAY, 7)), key=key)

        def retract(batch: str, wait: str = "wait=0") -> httpx.Response:
            return client.post(f"/v1/batches/{batch}/retraction", headers={"Prefer": wait})

        flood = [send("flood", key).json()["id"] for key in "abc"]
        quiet = [send("quiet", key).json()["id"] for key in "ab"]
        with undecided(server):
            accepted(lambda: retract(flood[0]))
            accepted(lambda: retract(flood[1]))
            assert waiting(client) == 2
            assert_problem(retract(flood[2]), 429, "too-much-waiting")
            accepted(lambda: retract(flood[0]))  # asked for again it waits for the same record
            assert_problem(send("flood", "d"), 429, "too-much-waiting")
            accepted(lambda: retract(quiet[0]))
            assert_problem(retract(quiet[1]), 503, "overloaded")
            listed = client.get("/v1/batches").json()["batches"]
            assert [batch["status"] for batch in listed] == ["committed"] * 5
        for batch in (*flood[:2], quiet[0]):
            assert retract(batch, "wait=60").status_code == 200
        until(lambda: waiting(client) == 0)
        assert retract(flood[2], "wait=60").status_code == 200
