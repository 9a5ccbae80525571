"""`ratebook move`: a data file's history in a cluster, from where it goes on as if nothing had happened."""

import subprocess

import httpx
from conftest import DATA, ROOT, Server, golden, post_real_prices, put_places, real_places, until
from launched import NAME, nothing_is_left, ready_url, well  # noqa: F401 (a fixture)

SETTINGS = ROOT / "build" / "cluster" / NAME / "node-a" / "ratebook.toml"
QUESTION = ("date_from", "date_to", "orig_code", "dest_code")


def move(file) -> subprocess.CompletedProcess:
    return Server.run("move", str(file), "--config", str(SETTINGS))


def test_moves_places_batches_with_their_keys_and_versions(nothing_is_left, make_server):  # noqa: F811
    embedded = make_server()
    with embedded.client() as client:
        put_places(client, real_places())
        sent = post_real_prices(client)
        taken_back = client.post(
            "/v1/batches",
            params={"source": "carrier-b"},
            content=(DATA / "prices.csv").read_bytes(),
            headers={"Content-Type": "text/csv", "Prefer": "wait=60"},
        )
        answer = client.post(f"/v1/batches/{taken_back.json()['id']}/retraction", headers={"Prefer": "wait=60"})
        assert answer.status_code == 200, answer.text
        batches = client.get("/v1/batches").json()
    embedded.stop()

    url = ready_url(well("up", "--size", "small"))
    moved = move(embedded.data)
    assert moved.returncode == 0, moved.stderr
    assert moved.stdout.startswith("version 4 ("), moved.stdout

    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        until(lambda: client.get("/v1/batches").headers["Ratebook-Version"] == "4")
        assert client.get("/v1/batches").json() == batches
        for asked in golden():
            query = {name: asked[name] for name in QUESTION}
            assert client.get("/rates", params=query).json()["rates"] == asked["rates"], query
        again = client.post(
            "/v1/batches",
            params={"source": "carrier-a"},
            content=(DATA / "prices.csv").read_bytes(),
            headers={"Content-Type": "text/csv", "Idempotency-Key": sent.json()["idempotency_key"]},
        )
        assert again.status_code == 200, again.text
        assert again.json()["version"] == sent.json()["version"]

    twice = move(embedded.data)
    assert twice.returncode == 2
    assert "holds this history already" in twice.stderr
