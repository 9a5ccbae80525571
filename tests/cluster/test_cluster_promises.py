"""The promises of the design in a cluster over three zones, each with a test that fails without it. What breaks them
for longer, and proves it from a history, is ./dev break."""

import contextlib
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from conftest import (
    assert_golden,
    assert_problem,
    counts,
    events,
    post_batch,
    post_real_prices,
    prices,
    put_places,
    real_places,
    until,
)
from launched import dev, well

from cluster.network import default_kind

ROUTE = ("CNSGH", "NLRTM")
# 128 ports: more than a core answers at once.
WIDE = "northern_europe"


class Cluster:
    def __init__(self, said: str):
        self.front = self.client(re.search(r"^ready on (\S+)$", said, re.M)[1])
        self.nodes = [self.client(url) for url in re.findall(r"^node-\w (\S+)$", said, re.M)]

    @staticmethod
    def client(url: str) -> httpx.Client:
        return httpx.Client(base_url=url, timeout=70, trust_env=False)

    def version(self) -> int:
        """That every node shows, once they agree."""

        def same() -> int:
            shown = {int(node.get("/readyz").headers["Ratebook-Version"]) for node in self.nodes}
            return shown.pop() if len(shown) == 1 else 0

        return until(same, 60)


@pytest.fixture(scope="module")
def cluster():
    try:
        made = Cluster(well("up"))
        put_places(made.front, real_places())
        yield made
    finally:
        dev("down")


@pytest.fixture
def healed(cluster):
    yield cluster
    well("heal")
    for node in cluster.nodes:
        until(lambda node=node: node.get("/readyz").status_code == 200, 90)


def others_than_the_primary() -> list[str]:
    """Also one that still joins: it may confirm a commit in a moment, and `status` does not call it a standby yet."""

    def primaries() -> list[str]:
        named = re.findall(r"(postgres-\d) .* primary ", well("status"))
        return named if len(named) == 1 else []

    (primary,) = until(primaries, 60)
    return [f"postgres-{number}" for number in (1, 2, 3) if f"postgres-{number}" != primary]


def many(count: int, day: str) -> list[dict]:
    return prices(*((*ROUTE, day, 100 + number % 1000) for number in range(count)))


def rows(count: int, day: str) -> bytes:
    return b"orig_code,dest_code,day,price\n" + f"{','.join(ROUTE)},{day},100\n".encode() * count


def post_rows(client: httpx.Client, source: str, body: bytes, wait: int, **headers: str) -> httpx.Response:
    headers = {"Content-Type": "text/csv", "Prefer": f"wait={wait}", **headers}
    return client.post("/v1/batches", params={"source": source}, content=body, headers=headers)


def committed(client: httpx.Client, location: str) -> dict:
    def look() -> dict | None:
        answer = client.get(location)
        return answer.json() if answer.is_success and answer.json()["status"] == "committed" else None

    return until(look, 90)


def test_real_data_goes_in_and_the_golden_answers_come_out_of_every_node(cluster):
    """First: the others add to it."""
    answer = post_real_prices(cluster.front)
    assert answer.status_code == 201, answer.text
    cluster.version()
    for client in (*cluster.nodes, cluster.front):
        assert_golden(client)


def test_promise_1_all_or_nothing_on_every_node(cluster):
    day, count, seen, ended = "2021-02-01", 200_000, [], threading.Event()

    def watch(node: httpx.Client) -> None:
        with Cluster.client(str(node.base_url)) as own:
            while not ended.is_set():
                seen.append(counts(own, *ROUTE, day).get(day, 0))

    threads = [threading.Thread(target=watch, args=(node,)) for node in cluster.nodes]
    for thread in threads:
        thread.start()
    try:
        answer = post_rows(cluster.nodes[0], "whole", rows(count, day), 60)
        assert answer.status_code == 201, answer.text
        cluster.version()
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert set(seen) <= {0, count}
    assert all(counts(node, *ROUTE, day) == {day: count} for node in cluster.nodes)

    before = cluster.version()
    wrong = rows(60_000, "2021-02-02") + b"CNSGH,NLRTM,2021-02-30,1\n"
    assert_problem(post_rows(cluster.nodes[1], "whole", wrong, 60), 422, "invalid-batch")
    assert cluster.version() == before


def test_promise_2_accepted_is_kept_when_its_zone_dies(healed):
    """Accepted while nothing can be committed, so that the log alone has it when the zone of its node is lost."""
    primary = well("fail", "primary", "--how", "pause").split(":")[0]
    sender, reader = (int(primary[-1]) % 3, (int(primary[-1]) + 1) % 3)
    answer = post_rows(healed.nodes[sender], "kept", rows(50_000, "2021-03-01"), 0)
    assert answer.status_code == 202, answer.text
    well("fail", f"zone-{'abc'[sender]}")
    well("heal", "--no-wait", primary)
    assert committed(healed.nodes[reader], answer.headers["Location"])["price_count"] == 50_000
    assert counts(healed.nodes[reader], *ROUTE, "2021-03-01") == {"2021-03-01": 50_000}


def test_promise_3_exactly_once_through_every_node(cluster):
    items = many(100, "2021-04-01")
    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda node: post_batch(node, "once", items, key="k"), cluster.nodes * 3))
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({(answer.json()["id"], answer.json()["version"]) for answer in answers}) == 1
    other = post_batch(cluster.nodes[2], "once", many(101, "2021-04-01"), key="k")
    assert other.status_code == 409, other.text
    cluster.version()
    assert all(counts(node, *ROUTE, "2021-04-01") == {"2021-04-01": 100} for node in cluster.nodes)


def test_promise_4_versions_are_gapless_and_the_same_on_every_node(cluster):
    def send(source: str) -> list[int]:
        versions = []
        for number in range(10):
            client = cluster.nodes[number % 3]
            versions.append(post_batch(client, source, many(5, "2021-05-01"), key=str(number)).json()["version"])
        return versions

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(send, [f"order-{number}" for number in range(4)]))
    for versions in sent:
        assert versions == sorted(set(versions)), "a source's batches stand in the order of its answers"
    newest = cluster.version()
    told = []
    for node in cluster.nodes:
        ids = []
        for event in events(node, "0-00000000"):
            if event["event"] == "version":
                ids.append(event["id"])
            if ids and ids[-1].startswith(f"{newest}-"):
                break
        assert [int(each.split("-")[0]) for each in ids] == list(range(1, newest + 1))
        told.append(ids)
    assert told[0] == told[1] == told[2]


def test_promise_5_read_your_writes_on_another_node(cluster):
    seen = 0
    for number in range(30):
        writer, reader = cluster.nodes[number % 3], cluster.nodes[(number + 1) % 3]
        version = post_batch(writer, "own", many(3, "2021-06-01"), key=str(number)).json()["version"]
        query = {"date_from": "2021-06-01", "date_to": "2021-06-01", "orig_code": ROUTE[0], "dest_code": ROUTE[1]}
        answer = reader.get("/rates", params=query, headers={"Ratebook-Min-Version": str(version)})
        if answer.status_code == 503:
            assert "Retry-After" in answer.headers
            continue
        seen += 1
        assert int(answer.headers["Ratebook-Version"]) >= version
        assert answer.json()["rates"][0]["count"] >= 3 * (number + 1)
    assert seen > 0


def test_promise_6_reads_stand_alone_without_databases_and_brokers(healed):
    post_batch(healed.front, "alone", many(7, "2021-07-01"))
    healed.version()
    for engine in ("postgres", "kafka"):
        for number in (1, 2, 3):
            well("fail", f"{engine}-{number}")
    ended = threading.Event()

    def send(number: int) -> None:
        node = healed.nodes[number % 3]
        with Cluster.client(str(node.base_url)) as own:
            while not ended.is_set():
                assert own.get(f"/v1/batches/{number:032x}").status_code == 503
                assert post_rows(own, f"waiting-{number}", rows(10, "2021-07-02"), 0).status_code == 503

    # More than a node has workers for what waits.
    with ThreadPoolExecutor(120) as senders:
        sending = [senders.submit(send, number) for number in range(120)]
        slowest = 0.0
        try:
            time.sleep(1)
            for _ in range(20):
                for node in healed.nodes:
                    began = time.monotonic()
                    assert counts(node, *ROUTE, "2021-07-01") == {"2021-07-01": 7}
                    assert counts(node, WIDE, WIDE, "2021-07-01") == {}
                    slowest = max(slowest, time.monotonic() - began)
        finally:
            ended.set()
    for one in sending:
        one.result()
    assert slowest < 5, "no read waits for what is away"


def test_promise_6_reads_stand_alone_beside_questions_that_wait_for_the_database(healed):
    """Without a standby the primary takes every question, and answers none."""
    post_batch(healed.front, "beside", many(7, "2021-07-03"))
    healed.version()
    node = healed.nodes[0]
    for standby in others_than_the_primary():
        well("fail", standby, "--how", "pause")
    ended = threading.Event()
    question = {"routes": [{"origin": ROUTE[0], "destination": ROUTE[1]}], "date_from": "2021-07-03"}
    question |= {"date_to": "2021-07-03"}

    def ask(number: int) -> None:
        with Cluster.client(str(node.base_url)) as own:
            while not ended.is_set():
                if number % 3 == 0:
                    assert_problem(
                        own.post("/v1/rates/query", json=question | {"version": 1}), 503, "store-unavailable"
                    )
                elif number % 3 == 1:
                    path = f"/v1/rates?origin={ROUTE[0]}&destination={ROUTE[1]}&date_from=2021-07-03&date_to=2021-07-03"
                    assert_problem(own.get(f"{path}&version=1"), 503, "store-unavailable")
                else:
                    # From the beginning: the store has it, if anybody.
                    with contextlib.suppress(httpx.ReadTimeout):
                        own.get("/v1/events", headers={"Last-Event-ID": "0-00000000"}, timeout=5)

    with ThreadPoolExecutor(90) as askers:
        asking = [askers.submit(ask, number) for number in range(90)]
        slowest = 0.0
        try:
            time.sleep(3)
            for number in range(10):
                began = time.monotonic()
                assert counts(node, WIDE, WIDE, "2021-07-03") == {}
                answer = node.post("/v1/rates/query", json=question)
                assert answer.json()["rates"][0]["count"] == 7, answer.text
                slowest = max(slowest, time.monotonic() - began)
                began = time.monotonic()
                assert post_rows(node, f"beside-{number}", rows(10, "2021-07-04"), 1).status_code == 202
                assert time.monotonic() - began < 10, "postgres.question_time for its key, and the second that it waits"
        finally:
            ended.set()
    for one in asking:
        one.result()
    assert slowest < 2, "no read waits for what is away"


@pytest.mark.skipif(
    default_kind() != "netns",
    reason="a zone's network is cut by namespaces: they need root with the right to make them",
)
def test_a_zone_that_is_cut_off_is_done_without(healed):
    well("fail", "network", "zone-c")
    assert "fault: zone-c cut" in well("status")
    assert healed.front.get("/readyz").status_code == 200


def test_promise_7_what_cannot_be_accepted_is_refused_in_time(healed):
    kept = post_batch(healed.nodes[0], "limits", many(5, "2021-08-01"), key="before")
    assert kept.status_code == 201
    for number in (1, 2, 3):
        well("fail", f"kafka-{number}")
    began = time.monotonic()
    answer = post_batch(healed.nodes[0], "limits", many(5, "2021-08-02"), key="during")
    assert time.monotonic() - began < 30, "the sum of all deadlines on the way"
    assert answer.status_code == 503, answer.text
    assert "Retry-After" in answer.headers
    well("heal")

    def repeat() -> httpx.Response | None:
        got = post_batch(healed.nodes[1], "limits", many(5, "2021-08-02"), key="during")
        return got if got.is_success else None

    again = until(repeat, 90)
    committed(healed.nodes[1], again.headers["Location"])
    healed.version()
    assert counts(healed.nodes[2], *ROUTE, "2021-08-01", "2021-08-02") == {"2021-08-01": 5, "2021-08-02": 5}
