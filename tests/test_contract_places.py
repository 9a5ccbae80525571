"""GET and PUT /v1/places, GET /v1/events."""

import threading

import pytest
from conftest import assert_problem, counts, events, post_batch, prices, put_places, real_places, small_places

DAY = "2021-01-05"


def put(client, places, **headers):
    return client.put("/v1/places", json=places, headers=headers)


def test_first_places_need_no_if_match_later_ones_do(client):
    assert client.get("/v1/places").headers["ETag"].startswith('"0-')
    answer = put(client, small_places())
    assert answer.status_code == 200, answer.text
    tag = answer.headers["ETag"]
    assert tag.startswith('"1-')
    assert client.get("/v1/places").headers["ETag"] == tag
    assert_problem(put(client, small_places()), 428, "if-match-missing")
    for other in ('"1-00000000"', '"2-' + tag[3:], f"W/{tag}"):
        assert_problem(put(client, small_places(), **{"If-Match": other}), 412, "places-changed")
    assert client.get("/v1/places").headers["Ratebook-Version"] == "1"
    # Batches do not change the places.
    post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 1)))
    assert client.get("/v1/places").headers["ETag"] == tag
    assert client.get("/v1/places", headers={"If-None-Match": tag}).status_code == 304
    second = put(client, small_places(), **{"If-Match": tag})
    assert (second.status_code, second.headers["Ratebook-Version"]) == (200, "3")
    assert_problem(put(client, small_places(), **{"If-Match": tag}), 412, "places-changed")


def test_of_two_changes_at_once_one_wins(server):
    with server.client() as client:
        tag = put_places(client, small_places()).headers["ETag"]
    answers = []

    def change() -> None:
        with server.client() as own:
            answers.append(put(own, small_places(), **{"If-Match": tag}).status_code)

    threads = [threading.Thread(target=change) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [412] * 7


def test_places_are_read_as_they_were_put(client):
    put_places(client, real_places())
    read = client.get("/v1/places").json()
    assert sorted(read["regions"], key=str) == sorted(real_places()["regions"], key=str)
    assert sorted(read["ports"], key=str) == sorted(real_places()["ports"], key=str)


def test_a_port_that_is_not_named_is_closed_until_it_is_named(client):
    put_places(client, small_places())
    fewer = small_places()
    gone = fewer["ports"].pop(0)
    answer = put_places(client, fewer, client.get("/v1/places").headers["ETag"])
    closed = [port for port in answer.json()["ports"] if port.get("closed")]
    assert closed == [{**gone, "parent_slug": None, "closed": True}]
    # What was read may be put again.
    same = put_places(client, answer.json(), answer.headers["ETag"])
    assert same.json() == answer.json()
    back = put_places(client, small_places(), same.headers["ETag"])
    assert not any(port.get("closed") for port in back.json()["ports"])


def test_moving_ports_and_regions_moves_their_prices(client):
    put_places(client, small_places())
    post_batch(client, "a", prices(*(("CNYTN", "NLRTM", DAY, 1),) * 2, ("CNSGH", "NLRTM", DAY, 1)))
    assert counts(client, "china", "europe", DAY) == {DAY: 3}
    assert counts(client, "china_east", "europe", DAY) == {DAY: 1}
    moved = small_places()
    moved["regions"][1]["parent_slug"] = None  # china_east is its own root
    put_places(client, moved, client.get("/v1/places").headers["ETag"])
    assert counts(client, "china", "europe", DAY) == {DAY: 2}
    assert counts(client, "china_east", "europe", DAY) == {DAY: 1}
    deep = {
        "regions": [{"slug": f"r{n}", "name": "R", "parent_slug": f"r{n - 1}" if n else None} for n in range(300)],
        "ports": [
            {"code": "CNYTN", "name": "Y", "parent_slug": "r299"},
            {"code": "NLRTM", "name": "R", "parent_slug": "r150"},
        ],
    }
    put_places(client, deep, client.get("/v1/places").headers["ETag"])
    assert counts(client, "r0", "r150", DAY) == {DAY: 2}
    assert counts(client, "r299", "NLRTM", DAY) == {DAY: 2}


def region(slug="china", name="China", parent_slug=None, **more) -> dict:
    return {"slug": slug, "name": name, "parent_slug": parent_slug, **more}


def port(code="CNSGH", name="Shanghai", parent_slug="china", **more) -> dict:
    return {"code": code, "name": name, "parent_slug": parent_slug, **more}


@pytest.mark.parametrize(
    ("regions", "ports", "field", "code"),
    [
        ([region(parent_slug="x")], [], "regions[0].parent_slug", "unknown-parent"),
        ([region(parent_slug="china")], [], "regions[0].parent_slug", "cycle"),
        ([region("a", parent_slug="b"), region("b", parent_slug="a")], [], "regions[0].parent_slug", "cycle"),
        ([region(), region()], [], "regions[1].slug", "repeated"),
        ([region("China")], [], "regions[0].slug", "bad-slug"),
        ([region(name="")], [], "regions[0].name", "bad-name"),
        ([region(name="a\tb")], [], "regions[0].name", "bad-name"),
        ([region()], [port(parent_slug="x")], "ports[0].parent_slug", "unknown-parent"),
        ([region()], [port(parent_slug=None)], "ports[0].parent_slug", "missing"),
        ([region()], [port("cnsgh")], "ports[0].code", "bad-code"),
        ([region()], [port(), port()], "ports[1].code", "repeated"),
        ([region()], [port(closed=True)], "ports[0].parent_slug", "closed-in-region"),
        ([region()], [port(more=1)], "ports[0].more", "unknown-field"),
        ([region()], [{"code": "CNSGH", "parent_slug": "china"}], "ports[0].name", "missing-field"),
        ([region()], [5], "ports[0]", "wrong-type"),
        ([region(slug=5)], [], "regions[0].slug", "wrong-type"),
        ({}, [], "regions", "wrong-type"),
    ],
)
def test_wrong_places_are_refused_with_reasons(client, regions, ports, field, code):
    problem = assert_problem(put(client, {"regions": regions, "ports": ports}), 422, "invalid-places")
    assert (field, code) in [(error["field"], error["code"]) for error in problem["errors"]], problem
    assert problem["error_count"] >= len(problem["errors"])
    assert client.get("/v1/places").headers["Ratebook-Version"] == "0"


def test_places_that_are_no_json(client):
    answer = client.put("/v1/places", content=b"{", headers={"Content-Type": "application/json"})
    assert_problem(answer, 400, "malformed-body")
    answer = client.put("/v1/places", content=b"a,b", headers={"Content-Type": "text/csv"})
    assert_problem(answer, 415, "unsupported-media-type")


def test_events_go_on_from_where_a_client_was(client, places):
    stream = events(client, "0-00000000")
    first = next(stream)
    assert (first["event"], first["data"]) == ("version", {"version": 1, "kind": "places", "batch_id": None})
    batch = post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 1))).json()
    second = next(stream)
    assert second["data"] == {"version": 2, "kind": "batch", "batch_id": batch["id"]}
    client.post(f"/v1/batches/{batch['id']}/retraction")
    third = next(stream)
    assert third["data"] == {"version": 3, "kind": "retraction", "batch_id": batch["id"]}
    stream.close()
    assert [next(events(client, first["id"])), next(events(client, second["id"]))] == [second, third]
    tag = client.get(f"/v1/rates?origin=CNSGH&destination=NLRTM&date_from={DAY}&date_to={DAY}").headers["ETag"]
    assert tag == f'"{third["id"]}"'  # the same tag names the same state everywhere


@pytest.mark.parametrize("unknown", ["1-00000000", "99-9f3a01c2", "nonsense", "1", "-1-00000000"])
def test_events_are_reset_where_the_last_one_is_of_another_history(client, places, unknown):
    stream = events(client, unknown)
    reset = next(stream)
    assert (reset["event"], reset["data"]) == ("reset", {"version": 1})
    batch = post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 1))).json()
    assert next(stream)["data"] == {"version": 2, "kind": "batch", "batch_id": batch["id"]}
    stream.close()


def test_events_without_a_last_one_begin_now(client, places, server):
    got = []
    ready = threading.Event()

    def listen() -> None:
        with server.client() as own, own.stream("GET", "/v1/events") as answer:
            ready.set()
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    got.append(line)
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert ready.wait(30)
    # The headers are there before the listener is: it sees one of these, and never version 1.
    while thread.is_alive():
        post_batch(client, "a", prices(("CNSGH", "NLRTM", DAY, 1)))
        thread.join(0.05)
    assert len(got) == 1 and not got[0].startswith("id: 1-")
