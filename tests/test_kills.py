"""kill -9 at random moments, again and again on one file: every promise holds for what the clients were told.

RATEBOOK_TEST_KILLS: how many times (a few by default), RATEBOOK_TEST_SEED: another run of the same.
"""

import datetime
import os
import random
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field

import httpx
from conftest import counts, put_places, small_places, until

KILLS = int(os.environ.get("RATEBOOK_TEST_KILLS", "40"))
SENT_A_ROUND = 8  # by a supplier, at the most
FIRST_DAY = datetime.date(1980, 1, 1)
ROUTES = {"carrier-a": ("CNSGH", "NLRTM"), "carrier-b": ("CNNGB", "DEHAM"), "carrier-c": ("CNYTN", "NLRTM")}


@dataclass
class Sent:
    """A batch with a day of its own, so that its prices can be counted, and what its client was told."""

    source: str
    number: int
    size: int
    id: str = ""
    told: int = 0  # status of the last answer; 0: none came
    version: int | None = None
    retraction: str = "none"  # or asked, or told

    @property
    def day(self) -> str:
        return (FIRST_DAY + datetime.timedelta(days=self.number)).isoformat()

    def post(self, client: httpx.Client, wait: int = 10) -> httpx.Response:
        line = ",".join((*ROUTES[self.source], self.day))
        rows = "".join(f"{line},{100 + number}\n" for number in range(self.size))
        answer = client.post(
            "/v1/batches",
            params={"source": self.source},
            content="orig_code,dest_code,day,price\n" + rows,
            headers={"Content-Type": "text/csv", "Idempotency-Key": f"key-{self.number}", "Prefer": f"wait={wait}"},
        )
        if answer.status_code < 300:
            self.told = answer.status_code
            self.id = answer.json()["id"]
            self.version = answer.json()["version"] or self.version
        else:
            assert answer.status_code == 503, answer.text
        return answer


@dataclass
class Supplier:
    """One source: sends small and large batches, some with little patience, and takes some out again."""

    source: str
    random: random.Random
    sent: list[Sent] = field(default_factory=list)
    failure: BaseException | None = None

    def work(self, server, ended: threading.Event) -> None:
        try:
            with server.client() as client:
                # Not more, and few of several chunks: what is stored grows with each round and is loaded at each start.
                for _ in range(SENT_A_ROUND):
                    if ended.is_set():
                        break
                    size = self.random.choice((1, 5, 50, 50, 300, 3000)) if self.random.random() < 0.97 else 60_000
                    batch = Sent(self.source, len(self.sent), size)
                    self.sent.append(batch)
                    batch.post(client, self.random.choice((0, 10)))
                    if batch.version and self.random.random() < 0.3:
                        batch.retraction = "asked"
                        if client.post(f"/v1/batches/{batch.id}/retraction").status_code == 200:
                            batch.retraction = "told"
        except httpx.TransportError:
            pass  # killed: what was under way is in doubt
        except BaseException as failure:
            self.failure = failure


def told_batches(suppliers: list[Supplier]) -> int:
    return sum(1 for supplier in suppliers for batch in supplier.sent if batch.told)


def shown(client: httpx.Client, source: str) -> dict:
    """Count by day of all that a source has sent."""
    return counts(client, *ROUTES[source], FIRST_DAY.isoformat(), (FIRST_DAY + datetime.timedelta(3600)).isoformat())


def check(server, suppliers: list[Supplier], new: dict[str, int]) -> None:
    """`new`: where the batches of this round begin, by source."""
    with server.client() as client:
        for supplier in suppliers:
            for batch in supplier.sent[new[supplier.source] :]:
                settle(client, batch)
            by_day = shown(client, supplier.source)
            wrong = {}
            for batch in supplier.sent:
                expected = 0 if batch.retraction != "none" else batch.size
                if by_day.pop(batch.day, 0) != expected:
                    wrong[batch.day] = batch
            assert not wrong
            assert not by_day, "prices that nobody sent"
    with closing(sqlite3.connect(f"file:{server.data}?mode=ro", uri=True, timeout=30)) as connection:
        ((count, newest),) = connection.execute("SELECT count(*), max(version) FROM version")
        assert count == newest, "versions have gaps"
        repeated = connection.execute("SELECT source, idempotency_key FROM batch GROUP BY 1, 2 HAVING count(*) > 1")
        assert repeated.fetchall() == []


def settle(client: httpx.Client, batch: Sent) -> None:
    """What was told is there, as it was told; what is in doubt comes to a good end under its key."""
    if batch.told:

        def decided() -> dict | None:
            answer = client.get(f"/v1/batches/{batch.id}")
            assert answer.status_code in (200, 404), answer.text
            # Not yet decided, it is only known by its place; it has to be decided.
            return answer.json() if answer.status_code == 200 and answer.json()["version"] else None

        found = until(decided)
        assert batch.version in (None, found["version"])
        assert found["price_count"] == batch.size
        if batch.retraction == "told":
            assert found["status"] == "retracted"
    in_doubt = until(lambda: (answer := batch.post(client, 60)).status_code in (200, 201) and answer)
    assert in_doubt.json()["price_count"] == batch.size
    if batch.retraction == "asked":
        assert client.post(f"/v1/batches/{batch.id}/retraction").status_code == 200


def test_accepted_is_kept_and_nothing_is_half_whenever_it_is_killed(server):
    seed = int(os.environ.get("RATEBOOK_TEST_SEED", time.time_ns() % 1_000_000))
    print("seed", seed)
    chance = random.Random(seed)
    with server.client() as client:
        put_places(client, small_places())
    suppliers = [Supplier(source, random.Random(f"{seed} {source}")) for source in ROUTES]
    for _ in range(KILLS):
        new = {supplier.source: len(supplier.sent) for supplier in suppliers}
        ended = threading.Event()
        threads = [threading.Thread(target=supplier.work, args=(server, ended)) for supplier in suppliers]
        for thread in threads:
            thread.start()
        told = told_batches(suppliers) + chance.randrange(9)
        until(lambda told=told: told_batches(suppliers) >= told or any(supplier.failure for supplier in suppliers))
        time.sleep(0.1 * chance.random())
        server.kill()
        ended.set()
        for thread in threads:
            thread.join()
        assert [supplier.failure for supplier in suppliers] == [None] * len(suppliers)
        # Killed while it starts, too.
        if chance.random() < 0.3:
            server.start_and_kill(chance.random() * 0.3)
        server.start()
        check(server, suppliers, new)
    batches = [batch for supplier in suppliers for batch in supplier.sent]
    print(len(batches), "batches,", sum(1 for batch in batches if batch.retraction != "none"), "retracted")
    assert server.stop() == 0
    assert server.run("check", str(server.data)).returncode == 0
