"""What a web page can make a browser send to a server without tokens: by a name that was made to point at it (DNS
rebinding), or from another origin."""

import httpx
import pytest
from conftest import assert_problem, post_batch, prices, put_places, small_places
from test_access import make_token

DAY = "2021-01-05"
ROW = prices(("CNSGH", "NLRTM", DAY, 5))
READS = (
    f"/rates?date_from={DAY}&date_to={DAY}&orig_code=CNSGH&dest_code=NLRTM",
    f"/v1/rates?origin=CNSGH&destination=NLRTM&date_from={DAY}&date_to={DAY}",
    "/v1/prices",
    "/v1/batches",
    "/v1/places",
    "/v1/events",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/nothing",
)
OURS = ("localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:1", "127.8.9.1:8080", "[::1]:8080", "192.168.1.5:8080")
NOT_OURS = ("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "a", "")


@pytest.mark.parametrize("path", READS)
def test_by_a_name_that_is_not_its_own_nothing_is_told(server, path):
    with server.client() as client:
        for host in NOT_OURS:
            answer = client.get(path, headers={"Host": host})
            assert "http.hosts" in assert_problem(answer, 421, "wrong-host")["detail"]
        for host in OURS if path != "/v1/events" else ():
            assert client.get(path, headers={"Host": host}).status_code in (200, 404)


def test_by_a_name_that_is_not_its_own_nothing_is_changed(server):
    with server.client() as client:
        put_places(client, small_places())
        batch = post_batch(client, "a", ROW).json()["id"]
        for host in NOT_OURS:
            assert_problem(post_batch(client, "a", ROW, Host=host), 421, "wrong-host")
            answer = client.post(f"/v1/batches/{batch}/retraction", headers={"Host": host})
            assert_problem(answer, 421, "wrong-host")
        assert [one["status"] for one in client.get("/v1/batches").json()["batches"]] == ["committed"]


def test_names_are_allowed_by_a_setting(make_server):
    server = make_server("--http-hosts", "rates.example.com,ratebook")
    with server.client() as client:
        for host in ("rates.example.com", "Rates.Example.com:8443", "ratebook", "localhost", "10.0.0.1"):
            assert client.get("/v1/places", headers={"Host": host}).status_code == 200
        assert_problem(client.get("/v1/places", headers={"Host": "example.com"}), 421, "wrong-host")


def test_a_list_that_is_none_is_refused_at_the_start(tmp_path, make_server):
    ended = make_server().run("serve", "--data", str(tmp_path / "x.db"), "--http-hosts", "http://a")
    assert ended.returncode == 2 and "names such as rates.example.com" in ended.stderr
    ended = make_server().run("serve", "--data", str(tmp_path / "x.db"), "--http-origins", "pages.example.com")
    assert ended.returncode == 2 and "origins such as https://" in ended.stderr


def change_all(client: httpx.Client, batch: str, **headers: str) -> list[httpx.Response]:
    """Every call that changes something."""
    return [
        client.post(f"/v1/batches/{batch}/retraction", headers=headers),
        post_batch(client, "a", ROW, **headers),
        client.post("/v1/batches?source=a", content=b"orig_code", headers={"Content-Type": "text/plain", **headers}),
        client.put("/v1/places", json=small_places(), headers=headers),
        client.post("/v1/rates/query", json={}, headers=headers),
        client.delete("/v1/places", headers=headers),
    ]


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://localhost:1", "https://127.0.0.1", "x"])
def test_a_page_of_another_origin_changes_nothing(server, origin):
    with server.client() as client:
        put_places(client, small_places())
        batch = post_batch(client, "a", ROW).json()["id"]
        for answer in change_all(client, batch, Origin=origin):
            assert "http.origins" in assert_problem(answer, 403, "foreign-origin")["detail"]
        assert [one["status"] for one in client.get("/v1/batches").json()["batches"]] == ["committed"]
        # What reads is the browser's to keep from the page: there is no CORS header.
        answer = client.get("/v1/batches", headers={"Origin": origin})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert client.options("/v1/batches", headers={"Origin": origin}).status_code == 405


def test_a_page_of_its_own_origin_and_a_program_change_what_they_like(make_server):
    server = make_server("--http-origins", "https://pages.example.com")
    host = server.url.removeprefix("http://")
    with server.client() as client:
        put_places(client, small_places())
        for headers in ({}, {"Origin": server.url}, {"Origin": "https://pages.example.com"}):
            batch = post_batch(client, "a", ROW, **headers)
            assert batch.status_code == 201, batch.text
            answer = client.post(f"/v1/batches/{batch.json()['id']}/retraction", headers=headers)
            assert answer.status_code == 200, answer.text
        headers = {"Origin": f"http://{host}", "Host": "localhost"}
        assert_problem(post_batch(client, "a", ROW, **headers), 403, "foreign-origin")


def test_with_tokens_any_name_will_do_unless_told_otherwise(make_server, tmp_path):
    token = make_token(tmp_path / "tokens", "all", "operate")
    headers = {"Authorization": f"Bearer {token}", "Host": "rates.example.com"}
    with make_server("--tokens", str(tmp_path / "tokens")).client() as client:
        assert client.get("/v1/places", headers=headers).status_code == 200
        assert client.get("/readyz", headers={"Host": "whatever"}).status_code == 200
        foreign = client.put("/v1/places", json=small_places(), headers={**headers, "Origin": "http://evil.example"})
        assert_problem(foreign, 403, "foreign-origin")
