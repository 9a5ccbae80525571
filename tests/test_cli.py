"""The words of the command line against the real server, as a person or a script uses them."""

import csv
import io
import json
import os
import subprocess

import pytest
from conftest import DATA, binary, counts, post_real_prices, put_places, real_places


@pytest.fixture
def ratebook(server):
    def run(*words: str, code: int = 0, given: str = "", url: str | None = None) -> subprocess.CompletedProcess:
        ended = subprocess.run(
            [binary(), *words],
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "RATEBOOK_SERVER": url or server.url, "NO_COLOR": "1"},
        )
        assert ended.returncode == code, (words, ended.stdout[-2000:], ended.stderr[-2000:])
        return ended

    return run


@pytest.fixture
def loaded(ratebook, server):
    with server.client() as client:
        put_places(client, real_places())
        assert post_real_prices(client).status_code == 201
        yield client


def test_from_nothing_to_a_rate(ratebook, server):
    ratebook("places", "put", "--sample")
    made = ratebook("generate", "--prices", "5000", "--seed", "3")
    assert made.stdout == ratebook("generate", "--prices", "5000", "--seed", "3").stdout
    rows = list(csv.DictReader(io.StringIO(made.stdout)))
    assert len(rows) == 5000
    pushed = ratebook("push", "-", "--source", "carrier-a", given=made.stdout)
    assert "5,000" in pushed.stdout + pushed.stderr or "5000" in pushed.stdout + pushed.stderr
    with server.client() as client:
        batches = client.get("/v1/batches").json()["batches"]
        assert [(batch["price_count"], batch["status"], batch["source"]) for batch in batches] == [
            (5000, "committed", "carrier-a")
        ]
    row = rows[0]
    table = ratebook("rates", row["orig_code"], row["dest_code"], "--from", row["day"], "--to", row["day"]).stdout
    assert row["day"] in table


def test_push_of_any_format_and_compression_is_the_same_batch(ratebook, server, tmp_path):
    ratebook("places", "put", "--sample")
    batches = set()
    for form in ("csv", "ndjson", "json"):
        text = ratebook("generate", "--prices", "3000", "--format", form).stdout
        for ending, compress in (("", None), (".gz", ["gzip", "-kf"]), (".zst", ["zstd", "-qf"])):
            file = tmp_path / f"prices.{form}"
            file.write_text(text)
            if compress:
                subprocess.run([*compress, file], check=True)
            batches.add(ratebook("push", f"{file}{ending}", "--source", "generated", "--key", "k", "--json").stdout)
    assert len(batches) == 1
    assert json.loads(batches.pop())["price_count"] == 3000


def test_push_says_file_and_line_whatever_the_format(ratebook, server, tmp_path):
    with server.client() as client:
        put_places(client, real_places())
    good = '{"orig_code":"CNSGH","dest_code":"NLRTM","day":"2021-01-05","price":10}'
    file = tmp_path / "prices.jsonl"
    file.write_text(f"{good}\n\n{good[:-1]}\n{good.replace('10', '0')}\n")
    subprocess.run(["gzip", "-k", file], check=True)
    for name in (str(file), f"{file}.gz"):
        wrong = ratebook("push", name, "--source", "a", code=1).stderr
        assert f"{name}:3: the line ends where" in wrong
        assert f"{name}:4: price: '0' is not above 0" in wrong
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes((tmp_path / "prices.jsonl.gz").read_bytes()[:-4])
    assert (
        f"{cut}: the compressed body ends in its middle" in ratebook("push", str(cut), "--source", "a", code=1).stderr
    )


def test_push_repeats_conflicts_and_refusals(ratebook, server, tmp_path):
    with server.client() as client:
        put_places(client, real_places())
        file = tmp_path / "prices.csv"
        file.write_text("orig_code,dest_code,day,price\nCNSGH,NLRTM,2021-01-05,10\n")
        words = ("push", str(file), "--source", "a", "--key", "k")
        ratebook(*words, "--dry-run")
        assert client.get("/v1/batches").json()["batches"] == []
        ratebook(*words)
        ratebook(*words)
        assert len(client.get("/v1/batches").json()["batches"]) == 1
        file.write_text("orig_code,dest_code,day,price\nCNSGH,NLRTM,2021-01-05,11\n")
        ratebook(*words, code=1)
        file.write_text("orig_code,dest_code,day,price\nCNSGH,XXXXX,2021-01-05,11\n")
        refused = ratebook("push", str(file), "--source", "a", code=1)
        assert f"{file}:2: dest_code" in refused.stderr and "XXXXX" in refused.stderr
        ratebook("push", str(tmp_path / "none.csv"), "--source", "a", code=2)
        ratebook("push", str(file), code=2)
        old = client.get("/v1/batches").json()["batches"][0]["id"]
        as_json = tmp_path / "prices.json"
        item = {"orig_code": "CNSGH", "dest_code": "NLRTM", "day": "2021-01-05", "price": 12}
        as_json.write_text(json.dumps({"source": "a", "prices": [item, item]}))
        ratebook("push", str(as_json), "--replaces", old)
        assert counts(client, "CNSGH", "NLRTM", "2021-01-05") == {"2021-01-05": 2}
        as_json.write_text(
            '{"source": "a", "prices": [\n' + json.dumps(item) + ",\n" + json.dumps({**item, "price": 0}) + "]}"
        )
        refused = ratebook("push", str(as_json), code=1)
        assert f"{as_json}:3: prices[1].price: " in refused.stderr, refused.stderr


def test_rates_as_json_and_csv_are_the_servers(ratebook, loaded):
    query = {
        "origin": "china_main",
        "destination": "north_europe_main",
        "date_from": "2021-01-01",
        "date_to": "2021-01-31",
        "stats": "avg,p50",
    }
    words = (
        "rates",
        "china_main",
        "north_europe_main",
        "--from",
        "2021-01-01",
        "--to",
        "2021-01-31",
        "--stats",
        "avg,p50",
    )
    answer = loaded.get("/v1/rates", params=query).json()
    assert len(answer["rates"]) > 20
    assert json.loads(ratebook(*words, "--json").stdout) == answer
    rows = list(csv.DictReader(io.StringIO(ratebook(*words, "--csv").stdout)))
    assert [
        {"day": row["day"], "count": int(row["count"]), "avg": float(row["avg"]), "p50": float(row["p50"])}
        for row in rows
    ] == answer["rates"]
    table = ratebook(*words).stdout
    assert all(rate["day"] in table for rate in answer["rates"])
    newest = ratebook("rates", "china_main", "north_europe_main").stdout
    assert answer["rates"][-1]["day"] in newest
    assert "XXXXX" in ratebook("rates", "XXXXX", "NLRTM", code=1).stderr


def test_batches_and_retract(ratebook, loaded):
    batch = loaded.get("/v1/batches").json()["batches"][0]
    listed = ratebook("batches").stdout
    assert batch["id"] in listed and "committed" in listed
    assert batch["id"] in ratebook("batches", batch["id"]).stdout
    assert batch["id"] not in ratebook("batches", "--source", "nobody").stdout
    ratebook("retract", batch["id"])
    ratebook("retract", batch["id"])  # as often as one likes
    assert loaded.get(f"/v1/batches/{batch['id']}").json()["status"] == "retracted"
    assert batch["id"] in ratebook("batches", "--status", "retracted").stdout
    assert "0" * 32 in ratebook("retract", "0" * 32, code=1).stderr


def test_places(ratebook, server, tmp_path):
    ratebook("places", "put", "--regions", str(DATA / "regions.csv"), "--ports", str(DATA / "ports.csv"))
    with server.client() as client:
        read = client.get("/v1/places").json()
        assert sorted(port["code"] for port in read["ports"]) == sorted(port["code"] for port in real_places()["ports"])
        document = ratebook("places", "get", "--json").stdout
        assert json.loads(document) == read
        tree = ratebook("places").stdout
        assert all(port["code"] in tree for port in read["ports"])
        changed = json.loads(document)
        changed["ports"][0]["name"] = "Renamed"
        file = tmp_path / "places.json"
        file.write_text(json.dumps(changed))
        ratebook("places", "put", str(file))
        assert client.get("/v1/places").json()["ports"][0]["name"] == "Renamed"
        changed["ports"][0]["parent_slug"] = "nowhere"
        file.write_text(json.dumps(changed))
        assert "nowhere" in ratebook("places", "put", str(file), code=1).stderr


def test_no_server_and_wrong_words(ratebook):
    nobody = "http://127.0.0.1:9"
    assert "127.0.0.1:9" in ratebook("batches", code=3, url=nobody).stderr
    assert ratebook("rats", "CNSGH", "NLRTM", code=2).stdout == ""
    ratebook("rates", "CNSGH", code=2)
    assert "push" in ratebook("--help").stdout
