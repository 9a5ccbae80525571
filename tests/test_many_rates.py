"""POST /v1/rates/query and GET /v1/prices: many routes, and all prices, of one version; streamed."""

import collections
import json
import random

import pytest
from conftest import (
    assert_problem,
    keep_nothing_freed,
    memory_peak,
    post_batch,
    post_real_prices,
    prices,
    put_places,
    real_places,
    real_prices,
    small_places,
)

PLACES = ["CNSGH", "CNNGB", "CNYTN", "NLRTM", "DEHAM", "china", "china_east", "europe"]


def ask(client, routes, headers=None, **more):
    body = {
        "routes": [{"origin": origin, "destination": destination} for origin, destination in routes],
        "date_from": "2021-01-01",
        "date_to": "2021-01-31",
        **more,
    }
    return client.post("/v1/rates/query", json=body, headers=headers or {})


def lines(answer) -> list[dict]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture(scope="module")
def held(shared_server):
    """Versions 2 and 3, two batches of random prices; 4 is 2 retracted. Those of each batch."""
    choice = random.Random(7)
    batches = []
    with shared_server.client() as client:
        for source in ("many-a", "many-b"):
            rows = [
                (
                    choice.choice(PLACES[:3]),
                    choice.choice(PLACES[3:5]),
                    f"2021-01-{choice.randrange(1, 28):02}",
                    choice.randrange(1, 900_000) / 100,
                )
                for _ in range(800)
            ]
            batches.append(prices(*rows))
            answer = post_batch(client, source, batches[-1])
            assert answer.json()["version"] == len(batches) + 1
            if source == "many-a":
                batch = answer.json()["id"]
        client.post(f"/v1/batches/{batch}/retraction", headers={"Prefer": "wait=60"})
    return batches


@pytest.mark.parametrize("version", [None, 1, 2, 3, 4])
def test_each_route_is_answered_as_by_itself_in_the_order_asked(shared, held, version):
    choice = random.Random(version)
    routes = [(choice.choice(PLACES), choice.choice(PLACES)) for _ in range(100)]
    more = {"stats": ["avg", "p20", "max", "count"], "min_count": 3}
    answer = ask(shared, routes, **more, **({} if version is None else {"version": version}))
    got = lines(answer)
    assert answer.headers["Ratebook-Version"] == "4" and "Ratebook-Confirmed-At" in answer.headers
    assert len(got) == len(routes)
    for (origin, destination), line in zip(routes, got, strict=True):
        alone = shared.get(
            "/v1/rates",
            params={
                "origin": origin,
                "destination": destination,
                "date_from": "2021-01-01",
                "date_to": "2021-01-31",
                "stats": "avg,p20,max,count",
                "min_count": 3,
                **({} if version is None else {"version": version}),
            },
        )
        assert line == alone.json()
        assert line["version"] == (version or 4)


def test_a_route_that_cannot_be_answered_says_so_in_its_line(shared, held):
    routes = [("CNSGH", "NLRTM"), ("XXXXX", "NLRTM"), ("CNSGH", 'a"b'), ("CNNGB", "NLRTM")]
    got = lines(ask(shared, routes, stats="p50"))
    assert ["rates" in line for line in got] == [True, False, False, True]
    assert all(set(line) == {"version", "origin", "destination", "problem"} for line in got[1:3])
    assert got[1]["problem"]["type"] == "/problems/unknown-place" and got[1]["problem"]["status"] == 404
    assert got[2]["destination"] == 'a"b'
    assert got[3]["rates"]


def test_what_is_wrong_with_a_question_is_said_all_at_once(shared, held):
    def errors(answer, status=422, kind="invalid-query"):
        problem = assert_problem(answer, status, kind)
        assert answer.headers["Ratebook-Version"]
        return {error["field"]: error["code"] for error in problem.get("errors", [])}

    wrong = {
        "routes": [{"origin": "", "destination": 3}, {"origin": "CNSGH", "x": 1}, 7],
        "date_from": "2021-02-30",
        "stats": ["avg", "avg"],
        "min_count": 0,
        "version": -1,
        "limit": 2,
    }
    assert errors(shared.post("/v1/rates/query", json=wrong)) == {
        "limit": "unknown-field",
        "routes[0].origin": "wrong-value",
        "routes[0].destination": "wrong-type",
        "routes[1].x": "unknown-field",
        "routes[1].destination": "missing-field",
        "routes[2]": "wrong-type",
        "date_from": "wrong-value",
        "date_to": "missing-field",
        "stats": "wrong-value",
        "min_count": "wrong-value",
        "version": "wrong-type",
    }
    assert errors(ask(shared, [])) == {"routes": "wrong-value"}
    assert len(lines(ask(shared, [("CNSGH", "NLRTM")] * 1000))) == 1000
    assert errors(ask(shared, [("CNSGH", "NLRTM")] * 1001)) == {"routes": "wrong-value"}
    assert errors(ask(shared, [("CNSGH", "NLRTM")], date_to="2020-12-31")) == {"date_to": "wrong-value"}
    assert errors(ask(shared, [("CNSGH", "NLRTM")], date_to="2041-01-31")) == {"date_to": "wrong-value"}
    assert len(lines(ask(shared, [("CNSGH", "NLRTM")] * 366, date_to="2023-09-27"))) == 366
    assert errors(ask(shared, [("CNSGH", "NLRTM")] * 367, date_to="2023-09-27")) == {"routes": "wrong-value"}
    assert_problem(
        shared.post("/v1/rates/query", content=b"{", headers={"Content-Type": "application/json"}),
        400,
        "malformed-body",
    )
    assert_problem(shared.post("/v1/rates/query", content=b"{}"), 415, "unsupported-media-type")
    assert_problem(shared.post("/v1/rates/query?x=1", json={}), 400, "bad-parameter")
    large = b'{"routes":[' + b" " * (1 << 20) + b"]}"
    assert_problem(
        shared.post("/v1/rates/query", content=large, headers={"Content-Type": "application/json"}), 413, "too-large"
    )
    assert_problem(ask(shared, [("CNSGH", "NLRTM")], version=99), 404, "unknown-version")
    assert_problem(
        ask(shared, [("CNSGH", "NLRTM")], headers={"Ratebook-Min-Version": "99"}), 503, "version-not-visible"
    )


def test_all_lines_are_of_one_version_whatever_is_committed_meanwhile(server):
    with server.client() as client, server.client() as sender:
        put_places(client, small_places())
        rows = [("CNSGH", "NLRTM", f"2021-{month:02}-{day:02}", 5) for month in range(1, 13) for day in range(1, 29)]
        post_batch(client, "a", prices(*rows))
        body = {
            "routes": [{"origin": "CNSGH", "destination": "NLRTM"}] * 1000,
            "date_from": "2021-01-01",
            "date_to": "2021-12-31",
            "stats": "avg,min,max,p10,p50,p90",
        }
        with client.stream("POST", "/v1/rates/query", json=body) as answer:
            got = []
            for line in answer.iter_lines():  # 30 MB: far more than stands in buffers
                if len(got) % 300 == 0:
                    assert post_batch(sender, "b", prices(*rows), key=f"k{len(got)}").status_code == 201
                got.append(line)
        assert len(got) == 1000 and set(got) == {got[0]}
        assert json.loads(got[0])["version"] == 2
        assert client.get("/v1/places").headers["Ratebook-Version"] == "6"


def test_all_prices_of_each_version(shared, held):
    def rows(version, form):
        answer = shared.get(
            "/v1/prices", params={} if version is None else {"version": version}, headers={"Accept": form}
        )
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith(form)
        if form == "text/csv":
            head, *rest = answer.text.splitlines()
            assert head == "orig_code,dest_code,day,price"
            items = [tuple(line.split(",")) for line in rest]
        else:
            items = [tuple(map(str, json.loads(line).values())) for line in answer.text.splitlines()]
        return [(*item[:3], float(item[3])) for item in items]

    def sent(*batches):
        return [collections.Counter(tuple(item.values()) for item in batch) for batch in batches]

    for version, batches in ((0, []), (1, []), (2, held[:1]), (3, held), (4, held[1:]), (None, held[1:])):
        got = rows(version, "text/csv")
        assert got == rows(version, "application/x-ndjson") == rows(version, "text/csv")
        for batch in sent(*batches):  # one after the other, in the order of their versions
            count = batch.total()
            assert collections.Counter(got[:count]) == batch
            got = got[count:]
        assert got == []
    assert_problem(shared.get("/v1/prices?version=99"), 404, "unknown-version")
    assert_problem(shared.get("/v1/prices?version=x"), 400, "bad-parameter")
    assert_problem(shared.get("/v1/prices?from=1"), 400, "bad-parameter")


def test_an_export_is_of_its_version_while_the_server_goes_on(make_server):
    server = make_server()
    with server.client() as client, server.client() as sender:
        put_places(client, real_places())
        committed = post_real_prices(client).json()
        expected = collections.Counter((row["orig_code"], row["dest_code"], row["day"]) for row in real_prices())
        for number in range(4):  # more than the sockets' buffers hold
            assert post_batch(client, f"b{number}", real_prices(), Prefer="wait=60").status_code == 201
        got: collections.Counter = collections.Counter()
        with client.stream("GET", "/v1/prices", headers={"Accept": "application/x-ndjson"}) as answer:
            for number, line in enumerate(answer.iter_lines()):
                if number == 1000:
                    sender.post(f"/v1/batches/{committed['id']}/retraction", headers={"Prefer": "wait=60"})
                got[tuple(json.loads(line).values())[:3]] += 1
        assert got == collections.Counter({route: 5 * count for route, count in expected.items()})


def test_an_export_takes_bounded_memory(make_server, monkeypatch):
    keep_nothing_freed(monkeypatch)
    server = make_server()
    with server.client() as client:
        put_places(client, real_places())
        post_real_prices(client)
        for number in range(29):
            assert post_batch(client, f"b{number}", real_prices(), Prefer="wait=60").status_code == 201
        before = memory_peak(server)
        with client.stream("GET", "/v1/prices", headers={"Accept": "application/x-ndjson"}) as answer:
            exported = sum(len(piece) for piece in answer.iter_raw())
        assert exported > 120_000_000
        assert memory_peak(server) - before < exported / 4
