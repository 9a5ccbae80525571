"""The promises 1 to 5 and 7 of the design, each with a test that fails without it, against the real program."""

import random
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from conftest import assert_problem, connect, counts, events, post_batch, prices, put_places, small_places, until

DAY = "2021-01-05"


def many(count: int, day: str = DAY, route: tuple[str, str] = ("CNSGH", "NLRTM"), first: int = 100) -> list[dict]:
    return prices(*((*route, day, first + number) for number in range(count)))


def view_count(server) -> int:
    with closing(sqlite3.connect(f"file:{server.data}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute("SELECT count(*) FROM prices").fetchone()[0]


class Readers:
    """Threads that call look(client) until the end; what they saw and what went wrong is kept."""

    def __init__(self, server, looks):
        self.server = server
        self.ended = threading.Event()
        self.seen: list = []
        self.threads = [threading.Thread(target=self._run, args=(look,)) for look in looks]
        self.failures: list = []

    def _run(self, look):
        try:
            with self.server.client() as client:
                while not self.ended.is_set():
                    self.seen.append(look(client))
        except Exception as failure:
            self.failures.append(failure)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures


def test_promise_1_all_or_nothing_for_readers_at_any_moment(server):
    size, rounds = 4000, 6
    with server.client() as client:
        put_places(client, small_places())

    def version_and_count(client: httpx.Client, origin: str, destination: str) -> tuple[int, int]:
        query = {"origin": origin, "destination": destination, "date_from": DAY, "date_to": DAY, "stats": "count"}
        answer = client.get("/v1/rates", params=query)
        assert answer.status_code == 200, answer.text
        rates = answer.json()["rates"]
        return answer.json()["version"], rates[0]["count"] if rates else 0

    looks = [
        lambda client: version_and_count(client, "CNSGH", "NLRTM"),
        lambda client: version_and_count(client, "china", "europe"),
        lambda _: (None, view_count(server)),
    ]
    with server.client() as client, Readers(server, looks) as readers:
        for number in range(rounds):
            batch = post_batch(client, "carrier-a", many(size, first=100 + number))
            assert batch.status_code == 201, batch.text
            until(lambda: any(count == size for version, count in readers.seen[-50:] if version is not None))
            retracted = client.post(f"/v1/batches/{batch.json()['id']}/retraction")
            assert retracted.status_code == 200, retracted.text
    by_version: dict = {}
    for version, count in readers.seen:
        assert count in (0, size)
        if version is not None:
            assert by_version.setdefault(version, count) == count
    assert set(by_version.values()) == {0, size}


def test_promise_1_all_or_nothing_where_an_item_is_wrong(server):
    with server.client() as client:
        put_places(client, small_places())
        items = many(5000)
        items[10]["dest_code"] = "XXXXX"
        items[4999]["price"] = -1
        answer = post_batch(client, "carrier-a", items, key="k")
        problem = assert_problem(answer, 422, "invalid-batch")
        assert [(error["index"], error["field"], error["code"]) for error in problem["errors"]] == [
            (10, "dest_code", "unknown-port"),
            (4999, "price", "not-positive"),
        ]
        assert problem["error_count"] == 2
        assert answer.headers["Ratebook-Version"] == "1"
        assert client.get("/v1/batches").json()["batches"] == []
        assert counts(client, "CNSGH", "NLRTM", DAY) == {}
        assert view_count(server) == 0
        # The key is as free as before.
        assert post_batch(client, "carrier-a", many(3), key="k").status_code == 201


def test_promise_1_all_or_nothing_where_the_client_goes_away(server):
    with server.client() as client:
        put_places(client, small_places())
        before = client.get("/v1/places").headers["Ratebook-Version"]
        lines = "orig_code,dest_code,day,price\n" + f"CNSGH,NLRTM,{DAY},100\n" * 1000
        with closing(connect(server)) as connection:
            head = "POST /v1/batches?source=a HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            head += f"Content-Length: {10**6}\r\n"
            connection.sendall((head + "\r\n" + lines).encode())
        assert post_batch(client, "carrier-b", many(1)).json()["version"] == int(before) + 1
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 1}


@pytest.mark.parametrize("size", [1, 30_000])
def test_promise_2_accepted_is_kept_when_killed_at_once(server, size):
    with server.client() as client:
        put_places(client, small_places())
        answer = post_batch(client, "carrier-a", many(size), key="k", Prefer="wait=0")
        assert answer.status_code in (201, 202), answer.text
        server.kill()
    server.start()
    with server.client() as client:
        batch = until(lambda: committed(client, answer.json()["id"]))
        assert batch["price_count"] == size
        assert batch["digest"] == answer.json()["digest"]
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: size}
        assert view_count(server) == size


def committed(client: httpx.Client, batch_id: str) -> dict | None:
    answer = client.get(f"/v1/batches/{batch_id}")
    assert answer.status_code == 200, answer.text
    return answer.json() if answer.json()["status"] == "committed" else None


def test_promises_2_and_3_many_senders_and_kills(server):
    """What was accepted before a kill is there after it; what was unknown is sent again; nothing counts twice."""
    senders, rounds, kills = 6, 12, 3
    with server.client() as client:
        put_places(client, small_places())
    accepted: dict[tuple[str, str], str] = {}
    up = threading.Event()
    up.set()

    def send(sender: int) -> None:
        choice = random.Random(sender)
        for number in range(rounds):
            items = many(choice.randrange(1, 400), f"2021-02-{sender + 1:02}")
            source, key = f"carrier-{sender}", f"k-{number}"
            for _ in range(200):
                up.wait()
                try:
                    with server.client() as client:
                        answer = post_batch(client, source, items, key=key, Prefer=f"wait={choice.randrange(2)}")
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                if answer.status_code == 503:
                    continue
                assert answer.status_code in (200, 201, 202), answer.text
                accepted[source, key] = answer.json()["id"]
                sent[sender] += len(items)
                break
            else:
                raise AssertionError("never accepted")

    sent = [0] * senders
    with ThreadPoolExecutor(senders) as pool:
        running = [pool.submit(send, sender) for sender in range(senders)]
        try:
            for number in range(kills):
                until(lambda least=(number + 1) * 12: len(accepted) >= least, 120)
                up.clear()
                server.kill()
                server.start()
                up.set()
        finally:
            up.set()
        for one in running:
            one.result()
    with server.client() as client:
        assert len(accepted) == senders * rounds
        versions = [until(lambda one=one: committed(client, one))["version"] for one in accepted.values()]
        assert sorted(versions) == list(range(2, 2 + senders * rounds))
        for sender in range(senders):
            day = f"2021-02-{sender + 1:02}"
            assert counts(client, "china", "europe", day) == {day: sent[sender]}
    assert view_count(server) == sum(sent)


def test_promise_3_exactly_once_for_one_key_sent_by_many_at_once(server):
    with server.client() as client:
        put_places(client, small_places())

    def send(_) -> httpx.Response:
        with server.client() as client:
            return post_batch(client, "carrier-a", many(2000), key="the key", Prefer="wait=30")

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(send, range(24)))
    assert sorted(answer.status_code for answer in answers) == [200] * 23 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert {answer.json()["version"] for answer in answers} == {2}
    server.kill()
    server.start()
    with server.client() as client:
        again = post_batch(client, "carrier-a", many(2000), key="the key")
        assert again.status_code == 200
        assert again.json() == answers[0].json()
        assert_problem(post_batch(client, "carrier-a", many(1999), key="the key"), 409, "key-conflict")
        # The key is the source's own.
        assert post_batch(client, "carrier-b", many(5), key="the key").status_code == 201
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 2005}
        assert client.get("/v1/places").headers["Ratebook-Version"] == "3"


def test_promise_3_one_of_several_contents_under_a_key_wins(server):
    with server.client() as client:
        put_places(client, small_places())

    def send(number: int) -> tuple[int, httpx.Response]:
        with server.client() as client:
            return number, post_batch(client, "carrier-a", many(100 + number), key="k", Prefer="wait=30")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    winners = [number for number, answer in answers if answer.status_code == 201]
    assert len(winners) == 1
    for number, answer in answers:
        if number != winners[0]:
            assert_problem(answer, 409, "key-conflict")
    with server.client() as client:
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 100 + winners[0]}


def test_promise_4_order_of_versions_and_chain_also_after_restarts(server):
    senders, rounds = 4, 8
    with server.client() as client:
        put_places(client, small_places())
    told: list[dict] = []

    def listen() -> None:
        with server.client() as client:
            for event in events(client, "0-00000000"):
                told.append(event)
                if event["data"]["version"] == 1 + senders * rounds:
                    return

    def send(sender: int) -> list[tuple[str, int]]:
        with server.client() as client:
            answers = [post_batch(client, f"carrier-{sender}", many(1 + number)) for number in range(rounds)]
        assert [answer.status_code for answer in answers] == [201] * rounds
        return [(answer.json()["id"], answer.json()["version"]) for answer in answers]

    listener = threading.Thread(target=listen)
    listener.start()
    with ThreadPoolExecutor(senders) as pool:
        sent = list(pool.map(send, range(senders)))
    listener.join(60)
    assert not listener.is_alive()
    assert [event["data"]["version"] for event in told] == list(range(1, 2 + senders * rounds))
    assert [event["data"]["kind"] for event in told] == ["places"] + ["batch"] * senders * rounds
    batch_at = {event["data"]["version"]: event["data"]["batch_id"] for event in told}
    for one in sent:
        versions = [version for _, version in one]
        assert versions == sorted(versions)  # what a source sends after a 2xx comes later
        assert all(batch_at[version] == batch_id for batch_id, version in one)
    for stop in (server.stop, server.kill):
        stop()
        server.start()
        with server.client() as client:
            replayed = events(client, "0-00000000")
            assert [next(replayed) for _ in told] == told
            replayed.close()


def test_promise_4_every_version_shows_exactly_what_came_before_it(server):
    with server.client() as client:
        put_places(client, small_places())
        total = {1: 0}
        for number in range(12):
            answer = post_batch(client, f"carrier-{number % 3}", many(number + 1))
            total[answer.json()["version"]] = total[answer.json()["version"] - 1] + number + 1
        for version, count in total.items():
            assert counts(client, "CNSGH", "NLRTM", DAY, version=version) == ({DAY: count} if count else {})


def test_promise_5_read_your_writes_at_once(server):
    with server.client() as client, server.client() as other:
        put_places(client, small_places())
        for number in range(1, 40):
            version = post_batch(client, "carrier-a", many(1)).json()["version"]
            assert version == number + 1
            query = {"date_from": DAY, "date_to": DAY, "orig_code": "CNSGH", "dest_code": "NLRTM"}
            answer = other.get("/rates", params=query)
            assert int(answer.headers["Ratebook-Version"]) >= version
            assert answer.json()["rates"][0]["count"] == number
            answer = other.get("/rates", params=query, headers={"Ratebook-Min-Version": str(version)})
            assert answer.status_code == 200


def test_promise_5_a_later_version_is_waited_for_and_never_faked(server):
    with server.client() as client:
        put_places(client, small_places())
        paths = [
            "/v1/places",
            "/v1/batches",
            f"/rates?date_from={DAY}&date_to={DAY}&orig_code=CNSGH&dest_code=NLRTM",
            f"/v1/rates?date_from={DAY}&date_to={DAY}&origin=CNSGH&destination=NLRTM",
        ]
        for path in paths:
            begin = time.monotonic()
            answer = client.get(path, headers={"Ratebook-Min-Version": "2"})
            assert_problem(answer, 503, "version-not-visible")
            assert time.monotonic() - begin < 15  # it waits about a second; the machine may be busy
        with ThreadPoolExecutor() as pool:

            def ask(path: str) -> httpx.Response:
                with server.client() as own:
                    for _ in range(20):
                        answer = own.get(path, headers={"Ratebook-Min-Version": "2"})
                        if answer.status_code == 200:
                            break
                    return answer

            waiting = [pool.submit(ask, path) for path in paths]
            assert post_batch(client, "carrier-a", many(7)).json()["version"] == 2
            for one in waiting:
                assert one.result().status_code == 200
                assert int(one.result().headers["Ratebook-Version"]) >= 2
            assert waiting[2].result().json()["rates"][0]["count"] == 7
        assert_problem(client.get(paths[0], headers={"Ratebook-Min-Version": "x"}), 400, "bad-header")


def test_promise_5_committed_is_only_said_of_what_is_visible(server):
    with server.client() as client:
        put_places(client, small_places())
        for number in range(20):
            batch_id = post_batch(client, "carrier-a", many(300), Prefer="wait=0").json()["id"]
            while True:
                answer = client.get(f"/v1/batches/{batch_id}")
                if answer.json()["status"] == "committed":
                    assert answer.json()["version"] <= int(answer.headers["Ratebook-Version"])
                    assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 300 * (number + 1)}
                    break
                assert answer.json()["status"] == "accepted"


def test_promise_7_limits_of_bodies(server):
    with server.client() as client:
        put_places(client, small_places())
        kept = post_batch(client, "carrier-a", many(10)).json()
        places = client.get("/v1/places")
        for path, method in (("/v1/batches", "POST"), ("/v1/places", "PUT")):
            # Announced: refused before any of it is sent.
            with closing(connect(server)) as connection:
                head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                head += f"If-Match: {places.headers['ETag']}\r\nContent-Length: {129 << 20}\r\n\r\n"
                connection.sendall(head.encode())
                assert connection.recv(100).startswith(b"HTTP/1.1 413 ")

        def endless():
            yield b'{"source":"carrier-b","prices":['
            item = b'{"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-05","price":1},' * 20_000
            for _ in range(140):
                yield item

        answer = client.post("/v1/batches", content=endless(), headers={"Content-Type": "application/json"})
        assert_problem(answer, 413, "too-large")
        blanks = (b" " * (1 << 20) for _ in range(17))
        headers = {"Content-Type": "application/json", "If-Match": places.headers["ETag"]}
        assert_problem(client.put("/v1/places", content=blanks, headers=headers), 413, "too-large")
        assert committed(client, kept["id"]) == kept
        assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 10}


def test_promise_7_limits_of_heads_and_queries(shared_server, shared):
    route = {"origin": "CNSGH", "destination": "NLRTM"}
    asked = [
        ("/v1/rates", {**route, "date_from": "2001-01-01", "date_to": "2011-01-10"}, 400),
        ("/v1/rates", {**route, "date_from": DAY, "date_to": DAY, "stats": ",".join(f"p{n}" for n in range(33))}, 400),
        ("/rates", {"orig_code": "A", "dest_code": "B", "date_from": "1900-01-01", "date_to": "2100-01-01"}, 400),
        ("/v1/batches", {"limit": 1001}, 400),
        ("/v1/batches", {"limit": 0}, 400),
        ("/rates", {f"x{n}": 1 for n in range(17)}, 400),
        ("/rates", {"orig_code": "A" * 9000}, 414),
    ]
    for path, query, status in asked:
        answer = shared.get(path, params=query)
        assert answer.status_code == status, (path, query, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert shared.get("/livez", headers={"X-Large": "a" * 17_000}).status_code == 431
    assert_problem(post_batch(shared, "carrier-a", many(1), key="k" * 201), 400, "bad-header")
    assert_problem(post_batch(shared, "a" * 65, many(1)), 422, "invalid-batch")
    assert shared.get("/livez").status_code == 200


def test_promise_7_idle_and_slow_clients_stop_nobody(shared_server, shared):
    open_ones = []
    try:
        for number in range(150):
            connection = connect(shared_server)
            open_ones.append(connection)
            if number % 3 == 0:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHo")
            elif number % 3 == 1:
                connection.sendall(
                    b"POST /v1/batches?source=slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                    b"Content-Length: 1000\r\n\r\norig_code,dest_code,day,pri"
                )
        assert post_batch(shared, "carrier-quick", many(100, "2021-03-01")).status_code == 201
        assert counts(shared, "CNSGH", "NLRTM", "2021-03-01") == {"2021-03-01": 100}
    finally:
        for connection in open_ones:
            connection.close()


def test_promise_7_more_requests_at_once_than_workers(shared_server):
    """Each gets an answer, 503 at worst."""

    def ask(number: int) -> int:
        with shared_server.client() as client:
            answer = client.get("/v1/batches", params={"limit": 1})
            if answer.status_code == 503:
                assert "Retry-After" in answer.headers
            return answer.status_code

    with ThreadPoolExecutor(64) as pool:
        statuses = list(pool.map(ask, range(150)))
    assert set(statuses) <= {200, 503}
    assert 200 in statuses


def test_promise_7_while_the_file_is_locked_writes_are_refused_and_reads_go_on(server):
    with server.client() as client:
        put_places(client, small_places())
        kept = post_batch(client, "carrier-a", many(10), key="before").json()
        with closing(sqlite3.connect(server.data, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with ThreadPoolExecutor() as pool, server.client() as sender:
                waiting = pool.submit(post_batch, sender, "carrier-a", many(5, "2021-01-06"), "during", Prefer="wait=0")
                for _ in range(50):
                    assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 10}
                refused = waiting.result()
                assert refused.status_code == 503, refused.text
                assert "Retry-After" in refused.headers
            connection.execute("ROLLBACK")
        assert committed(client, kept["id"]) == kept
        again = until(lambda: accepted_or_none(post_batch(client, "carrier-a", many(5, "2021-01-06"), "during")))
        assert again["status"] == "committed"
        assert counts(client, "CNSGH", "NLRTM", "2021-01-06") == {"2021-01-06": 5}


def accepted_or_none(answer: httpx.Response) -> dict | None:
    assert answer.status_code in (200, 201, 503), answer.text
    return None if answer.status_code == 503 else answer.json()
