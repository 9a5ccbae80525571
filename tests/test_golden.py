"""The existing service's 300 answers on the real data, in every way in which the data may have come in."""

import sqlite3
from collections import Counter

from conftest import assert_golden, post_batch, post_real_prices, put_places, real_places, real_prices


def test_golden_answers_of_csv_also_after_kill_and_restart(server):
    with server.client() as client:
        put_places(client, real_places())
        answer = post_real_prices(client)
        assert answer.status_code == 201, answer.text
        assert answer.json()["price_count"] == 56689
        assert_golden(client)
    server.kill()
    server.start()
    with server.client() as client:
        assert_golden(client)


def test_golden_answers_of_json_in_several_batches(server):
    items = real_prices()
    with server.client() as client:
        put_places(client, real_places())
        for number, begin in enumerate(range(0, len(items), 20_000)):
            answer = post_batch(client, f"carrier-{number}", items[begin : begin + 20_000], Prefer="wait=60")
            assert answer.status_code == 201, answer.text
            assert answer.json()["version"] == number + 2
        assert_golden(client)


def test_sql_view_holds_exactly_the_prices(server):
    with server.client() as client:
        put_places(client, real_places())
        committed = post_real_prices(client).json()
        wrong = post_batch(client, "carrier-b", [*real_prices()[:10], {"orig_code": "XXXXX"}])
        assert wrong.status_code == 422
        expected = Counter(
            (row["orig_code"], row["dest_code"], row["day"], float(row["price"])) for row in real_prices()
        )
        assert view(server) == expected
        retracted = client.post(f"/v1/batches/{committed['id']}/retraction", headers={"Prefer": "wait=60"})
        assert retracted.status_code == 200, retracted.text
        assert view(server) == Counter()


def view(server) -> Counter:
    connection = sqlite3.connect(f"file:{server.data}?mode=ro", uri=True)
    try:
        return Counter(connection.execute("SELECT orig_code, dest_code, day, price FROM prices"))
    finally:
        connection.close()
