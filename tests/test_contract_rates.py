"""GET /rates and /v1/rates: what is asked and answered, statuses and headers."""

import csv
import io
import random
from fractions import Fraction

import pytest
from conftest import assert_problem, counts, post_batch, prices, put_places, small_places

DAY = "2021-01-05"


def ask(client, origin="CNSGH", destination="NLRTM", date_from=DAY, date_to=DAY, headers=None, **query):
    asked = {"origin": origin, "destination": destination, "date_from": date_from, "date_to": date_to, **query}
    return client.get("/v1/rates", params=asked, headers=headers or {})


def existing(client, orig_code="CNSGH", dest_code="NLRTM", date_from=DAY, date_to=DAY, headers=None):
    asked = {"orig_code": orig_code, "dest_code": dest_code, "date_from": date_from, "date_to": date_to}
    return client.get("/rates", params=asked, headers=headers or {})


@pytest.fixture(scope="module")
def loaded(shared_server):
    """Random prices of every route of the small places; {(origin, destination, day): [cents]}."""
    choice = random.Random(5)
    held: dict = {}
    rows = []
    for _ in range(3000):
        origin = choice.choice(["CNSGH", "CNNGB", "CNYTN"])
        destination = choice.choice(["NLRTM", "DEHAM"])
        day = f"2021-01-{choice.randrange(1, 9):02}"
        cents = choice.choice([choice.randrange(1, 500_000), 2_000_000_000, 1])
        rows.append((origin, destination, day, f"{cents // 100}.{cents % 100:02}"))
        held.setdefault((origin, destination, day), []).append(cents)
    with shared_server.client() as client:
        assert post_batch(client, "carrier-a", prices(*rows)).status_code == 201
    return held


PLACES = {
    "china": ["CNSGH", "CNNGB", "CNYTN"],
    "china_east": ["CNSGH", "CNNGB"],
    "europe": ["NLRTM", "DEHAM"],
}


def amounts(held: dict, origin: str, destination: str, day: str) -> list[int]:
    return sorted(
        cents
        for one in PLACES.get(origin, [origin])
        for other in PLACES.get(destination, [destination])
        for cents in held.get((one, other, day), [])
    )


def percentile(sorted_cents: list[int], percent: str) -> float:
    """percentile_cont: linear between the two nearest."""
    place = Fraction(percent) / 100 * (len(sorted_cents) - 1)
    low = int(place)
    high = min(low + 1, len(sorted_cents) - 1)
    return float((sorted_cents[low] + (place - low) * (sorted_cents[high] - sorted_cents[low])) / 100)


@pytest.mark.parametrize("origin", ["CNSGH", "CNYTN", "china", "china_east"])
@pytest.mark.parametrize("destination", ["NLRTM", "europe"])
def test_statistics_against_brute_force(shared, loaded, origin, destination):
    percents = ["0", "20", "50", "80", "99.9", "100", "33.333"]
    stats = ",".join(["avg", "max", *(f"p{percent}" for percent in percents), "min"])
    answer = ask(shared, origin, destination, "2021-01-01", "2021-01-31", stats=stats)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["version", "origin", "destination", "currency", "rates"]
    assert (body["origin"], body["destination"], body["currency"]) == (origin, destination, "USD")
    assert body["version"] == int(answer.headers["Ratebook-Version"])
    days = [f"2021-01-{day:02}" for day in range(1, 32)]
    expected = {day: amounts(loaded, origin, destination, day) for day in days}
    assert [rate["day"] for rate in body["rates"]] == [day for day in days if expected[day]]
    assert len(body["rates"]) > 0
    for rate in body["rates"]:
        held = expected[rate["day"]]
        assert rate["count"] == len(held)
        assert rate["avg"] == pytest.approx(float(Fraction(sum(held), 100 * len(held))), rel=1e-12)
        assert rate["min"] == held[0] / 100
        assert rate["max"] == held[-1] / 100
        for percent in percents:
            assert rate[f"p{percent}"] == pytest.approx(percentile(held, percent), rel=1e-9), (rate["day"], percent)


def test_both_calls_agree_and_the_existing_one_tells_every_day(shared, loaded):
    old = existing(shared, "china", "europe", "2020-12-30", "2021-01-10").json()["rates"]
    new = {rate["day"]: rate for rate in ask(shared, "china", "europe", "2020-12-30", "2021-01-10").json()["rates"]}
    days = ["2020-12-30", "2020-12-31"] + [f"2021-01-{day:02}" for day in range(1, 11)]
    assert [rate["day"] for rate in old] == days[::-1]
    for rate in old:
        assert list(rate) == ["count", "day", "price"]
        same = new.get(rate["day"])
        assert rate["count"] == (same["count"] if same else None)
        assert rate["price"] == (same["avg"] if same and same["count"] >= 3 else None)
    assert any(rate["price"] for rate in old) and any(rate["count"] is None for rate in old)


def test_count_is_always_told_and_average_without_stats(shared, loaded):
    assert set(ask(shared).json()["rates"][0]) == {"day", "count", "avg"}
    assert set(ask(shared, stats="count").json()["rates"][0]) == {"day", "count"}
    assert set(ask(shared, stats="count,p50").json()["rates"][0]) == {"day", "count", "p50"}


def test_below_min_count_statistics_are_null_and_the_count_is_told(shared):
    day = "2022-05-01"
    assert post_batch(shared, "min-count", prices(("CNSGH", "NLRTM", day, 10), ("CNSGH", "NLRTM", day, 30))).is_success
    for least, average in ((1, 20), (2, 20), (3, None)):
        answer = ask(shared, date_from=day, date_to=day, stats="avg,min,p50", min_count=least)
        minimum = 10 if average else None
        assert answer.json()["rates"] == [{"day": day, "count": 2, "avg": average, "min": minimum, "p50": average}]
    assert existing(shared, date_from=day, date_to=day).json() == {"rates": [{"count": 2, "day": day, "price": None}]}


def test_averages_are_exact_where_floats_would_drift(shared):
    day = "2022-05-02"
    rows = [("CNSGH", "NLRTM", day, price) for price in ["0.01", "0.02", "20000000.00", "0.1", "0.2", "0.3"] * 50]
    assert post_batch(shared, "exact", prices(*rows)).is_success
    rate = ask(shared, date_from=day, date_to=day).json()["rates"][0]
    exact = Fraction(sum([1, 2, 2_000_000_000, 10, 20, 30]), 600)
    assert rate == {"day": day, "count": 300, "avg": pytest.approx(float(exact), rel=1e-12)}


def test_csv_where_accept_likes_it_better(shared, loaded):
    query = {"date_from": "2021-01-01", "date_to": "2021-01-31", "stats": "avg,min,p50", "min_count": 60}
    as_json = ask(shared, **query)
    answer = ask(shared, **query, headers={"Accept": "application/json;q=0.5, text/csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "Accept" in answer.headers["Vary"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == 8
    assert any(row["avg"] == "" for row in rows) and any(row["avg"] for row in rows)
    assert [
        {name: value if name == "day" else float(value) if value else None for name, value in row.items()}
        for row in rows
    ] == as_json.json()["rates"]
    assert answer.text.startswith("day,count,avg,min,p50\r\n")
    other = {"Accept": "text/csv", "If-None-Match": as_json.headers["ETag"]}
    assert ask(shared, **query, headers=other).content == answer.content, "who has the JSON does not have the CSV"
    same = {"Accept": "text/csv", "If-None-Match": answer.headers["ETag"]}
    assert ask(shared, **query, headers=same).status_code == 304
    for accept in ("*/*", "application/json", "text/csv;q=0.1, application/*", "image/png"):
        assert ask(shared, headers={"Accept": accept}).headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("call", [ask, existing])
def test_etag_gives_304_until_something_changes(client, places, call):
    post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 10)))
    first = call(client)
    tag = first.headers["ETag"]
    assert tag.startswith('"2-') and len(tag) == len('"2-9f3a01c2"')
    for named in (tag, f"W/{tag}", "*", f'"1-00000000", {tag}'):
        same = call(client, headers={"If-None-Match": named})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
        assert same.headers["Ratebook-Version"] == "2"
    assert call(client, headers={"If-None-Match": '"2-00000000"'}).status_code == 200
    post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 30)))
    changed = call(client, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"].startswith('"3-')


@pytest.mark.parametrize(
    "path",
    [
        f"/rates?orig_code=CNSGH&dest_code=NLRTM&date_from={DAY}&date_to={DAY}",
        f"/v1/rates?origin=CNSGH&destination=NLRTM&date_from={DAY}&date_to={DAY}",
        "/v1/places",
        "/v1/batches",
        "/livez",
        "/readyz",
        "/openapi.json",
    ],
)
def test_head_is_get_without_the_body(shared, path):
    got, head = shared.get(path), shared.head(path)
    assert got.status_code == head.status_code == 200
    assert head.content == b""
    for name in ("Content-Type", "Content-Length", "ETag", "Ratebook-Version"):
        assert head.headers.get(name) == got.headers.get(name), name
    assert got.headers["Ratebook-Confirmed-At"].endswith("Z")


def test_past_versions_have_their_own_prices_and_places(client):
    put_places(client, small_places())
    assert ask(client, version=0).status_code == 404  # it has no places at all
    first = post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 10), ("CNYTN", "NLRTM", DAY, 20))).json()
    tags = [ask(client, "china", "europe", version=2).headers["ETag"]]
    moved = small_places()
    moved["ports"][2]["parent_slug"] = "europe"
    put_places(client, moved, client.get("/v1/places").headers["ETag"])
    client.post(f"/v1/batches/{first['id']}/retraction")
    post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 40)))
    expected = {1: {}, 2: {DAY: 2}, 3: {DAY: 1}, 4: {}, 5: {DAY: 1}}
    for version, count in expected.items():
        answer = ask(client, "china", "europe", stats="avg,min,p50", version=version)
        assert answer.json()["version"] == version
        assert counts(client, "china", "europe", DAY, version=version) == count
        tags.append(answer.headers["ETag"])
    assert tags[0] == tags[2]
    assert len(set(tags)) == 5
    assert ask(client, "china", "europe", version=2).json()["rates"] == [{"day": DAY, "count": 2, "avg": 15}]
    assert ask(client, version=2, headers={"If-None-Match": tags[0]}).status_code == 304
    assert_problem(ask(client, version=6), 404, "unknown-version")


def test_unknown_places(shared):
    for origin, destination in (("XXXXX", "NLRTM"), ("CNSGH", "nowhere"), ("cnsgh", "NLRTM"), ("China", "europe")):
        assert_problem(ask(shared, origin, destination), 404, "unknown-place")
        assert existing(shared, origin, destination).json() == {"rates": [{"count": None, "day": DAY, "price": None}]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": ""},
        {"destination": None},
        {"date_from": "2021-1-5"},
        {"date_from": "2021-02-29"},
        {"date_to": "x"},
        {"date_to": None},
        {"date_from": "2021-01-06"},
        {"date_from": "1969-12-31"},
        {"date_to": "2150-01-01"},
        {"stats": ""},
        {"stats": "avg,avg"},
        {"stats": "median"},
        {"stats": "p101"},
        {"stats": "p-1"},
        {"stats": "p1e1"},
        {"min_count": 0},
        {"min_count": "x"},
        {"version": "x"},
        {"version": -1},
        {"orign": "CNSGH"},
        {"stats": ["avg", "min"]},
    ],
)
def test_wrong_parameters(shared, wrong):
    asked = {"origin": "CNSGH", "destination": "NLRTM", "date_from": DAY, "date_to": DAY, **wrong}
    answer = shared.get("/v1/rates", params={name: value for name, value in asked.items() if value is not None})
    problem = assert_problem(answer, 400, "bad-parameter")
    assert any(name in problem["detail"] for name in [*wrong, "date_to"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"orig_code": None},
        {"orig_code": ""},
        {"dest_code": None},
        {"dest_code": "a b"},
        {"date_from": None},
        {"date_from": "2021-13-01"},
        {"date_to": "yesterday"},
        {"date_to": "2021-02-30"},
        {"date_to": ""},
    ],
)
def test_wrong_parameters_of_the_existing_call(shared, wrong):
    asked = {"orig_code": "CNSGH", "dest_code": "NLRTM", "date_from": DAY, "date_to": DAY, **wrong}
    answer = shared.get("/rates", params={name: value for name, value in asked.items() if value is not None})
    assert_problem(answer, 400, "bad-parameter")


def test_existing_call_with_days_the_wrong_way_round_and_unknown_parameters(shared):
    assert existing(shared, date_from="2021-01-06").json() == {"rates": []}
    asked = {"orig_code": "CNSGH", "dest_code": "NLRTM", "date_from": DAY, "date_to": DAY, "more": "x"}
    assert len(shared.get("/rates", params=asked).json()["rates"]) == 1


def test_percent_encoding(shared, loaded):
    answer = shared.get(f"/v1/rates?origin=%43NSGH&destination=NLRT%4d&date_from={DAY}&date_to={DAY}")
    assert answer.json()["rates"] == ask(shared).json()["rates"]
    assert_problem(
        shared.get(f"/v1/rates?origin=%4&destination=NLRTM&date_from={DAY}&date_to={DAY}"), 400, "bad-parameter"
    )
