"""A database that is restored from a backup while the node runs: what the log has beyond it is decided once more."""

import re

import httpx
from conftest import counts, events, post_batch, prices, put_places, small_places, until
from launched import NAME, nothing_is_left, well  # noqa: F401 (a fixture)

from cluster import backup, state

ROUTE = ("CNSGH", "NLRTM")
QUERY = {"origin": "CNSGH", "destination": "NLRTM", "date_from": "2021-01-01", "date_to": "2021-01-31"}
COUNTS = {f"2021-01-{number:02}": number for number in range(1, 6)}


def send(client: httpx.Client, number: int) -> dict:
    """On a day of its own, as many prices as its number says."""
    rows = prices(*((*ROUTE, f"2021-01-{number:02}", 100 + price) for price in range(number)))
    answer = post_batch(client, f"source-{number % 2}", rows, Prefer="wait=60")
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_what_the_log_has_beyond_the_backup_is_committed_again(nothing_is_left, tmp_path):  # noqa: F811
    said = well("up", "--size", "small")
    url = re.search(r"^node-a (\S+)$", said, re.M)[1]
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        put_places(client, small_places())
        sent = [send(client, number) for number in (1, 2)]
        backup.back_up(state.load(NAME).layout, tmp_path / "backup")
        sent += [send(client, number) for number in (3, 4, 5)]
        tag = client.get("/v1/rates", params=QUERY).headers["ETag"].strip('"')
        assert tag.startswith(f"{sent[-1]['version']}-")

        well("fail", "postgres-1", "--how", "kill")
        assert counts(client, *ROUTE, "2021-01-01", "2021-01-31") == COUNTS, "reads stand alone"
        with state.locked(NAME):
            backup.restore(state.load(NAME), tmp_path / "backup")
        well("heal")

        def standing() -> list[dict]:
            return [client.get(f"/v1/batches/{batch['id']}").json() for batch in sent]

        until(lambda: all(batch.get("status") == "committed" for batch in standing()), 60)
        assert {batch["version"] for batch in standing()} == {batch["version"] for batch in sent}
        assert [batch["version"] for batch in standing()[:2]] == [batch["version"] for batch in sent[:2]]
        until(lambda: counts(client, *ROUTE, "2021-01-01", "2021-01-31") == COUNTS, 60)
        # Another history: what was remembered of the one before is not gone on with.
        assert next(events(client, tag))["event"] == "reset"
        assert client.get("/v1/rates", params=QUERY, headers={"If-None-Match": f'"{tag}"'}).status_code == 200
        assert send(client, 6)["version"] == sent[-1]["version"] + 1
