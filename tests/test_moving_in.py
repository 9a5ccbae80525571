"""Moving in from the existing service: import from its PostgreSQL, compare with it, export and bring in again."""

import json
import os
import subprocess

import pytest
from conftest import binary, counts, post_batch, post_real_prices, prices, put_places, real_places
from existing_service import PASSWORD, Postgres, existing_service
from test_golden import assert_golden


@pytest.fixture(scope="module")
def postgres():
    made = Postgres()
    try:
        made.make_existing("existing")
        yield made
    finally:
        made.close()


@pytest.fixture
def ratebook(server, postgres):
    def run(
        *words: str, code: int = 0, url: str | None = None, database: str | None = "existing", **environment: str
    ) -> subprocess.CompletedProcess:
        named = {} if database is None else {**postgres.environment, "PGDATABASE": database}
        ended = subprocess.run(
            [binary(), *words],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, **named, "RATEBOOK_SERVER": url or server.url, "NO_COLOR": "1", **environment},
        )
        assert ended.returncode == code, (words, ended.stdout[-2000:], ended.stderr[-2000:])
        assert PASSWORD not in ended.stdout + ended.stderr
        return ended

    return run


def test_import_brings_the_golden_answers_and_counts_once(ratebook, client):
    found = json.loads(ratebook("import", "--dry-run", "--json").stdout)
    assert found == {"regions": 20, "ports": 143, "prices": 56689, "wrong_count": 0, "wrong": []}
    assert client.get("/v1/places").json() == {"regions": [], "ports": []}
    batch = json.loads(ratebook("import", "--json").stdout)
    assert (batch["price_count"], batch["source"], batch["status"]) == (56689, "existing", "committed")
    assert_golden(client)
    again = json.loads(ratebook("import", "--json").stdout)
    assert again["id"] == batch["id"]
    assert len(client.get("/v1/batches").json()["batches"]) == 1


def test_import_says_which_rows_cannot_come_in_and_why(ratebook, postgres, client):
    postgres.sql("postgres", "CREATE DATABASE loose")
    postgres.sql(
        "loose",
        """
        CREATE TABLE regions (slug text, name text, parent_slug text);
        CREATE TABLE ports (code text, name text, parent_slug text);
        CREATE TABLE prices (orig_code text, dest_code text, day date, price numeric(12, 4));
        INSERT INTO regions VALUES ('asia', 'Asia', NULL), ('europe', 'Europe', NULL), ('lost', 'Lost', 'nowhere'),
          ('Loud', 'Loud', NULL);
        INSERT INTO ports VALUES ('CNSGH', 'Shanghai', 'asia'), ('CNSGH', 'Shanghai again', 'asia'),
          ('NLRTM', 'Rotterdam', 'europe'), ('nlams', 'Amsterdam', 'europe'), ('DEHAM', 'Hamburg', 'lost');
        INSERT INTO prices VALUES ('CNSGH', 'NLRTM', '2021-01-05', 1154.5), ('CNSGH', 'NLRTM', '2021-01-05', 0),
          ('CNSGH', 'NLRTM', '2021-01-06', -3), ('CNSGH', 'nlams', '2021-01-06', 5), (NULL, 'NLRTM', '2021-01-06', 5),
          ('CNSGH', 'NLRTM', '1969-12-31', 5), ('CNSGH', 'NLRTM', '2021-01-07', 1.005),
          ('CNSGH', 'NLRTM', '2021-01-07', 30000000), ('CNSGH', 'CNSGH', '2021-01-07', 7),
          (E'a\\tb\\n', 'NLRTM', '2021-01-07', 7), ('CNSGH', 'NLRTM', '2021-01-08', 0.01), ('CNSGH', 'NLRTM', NULL, 1);
    """,
    )
    refused = ratebook("import", code=1, database="loose")
    for line in (
        "regions Loud: write 1 to 64",
        "regions lost: no region has the slug 'nowhere'",
        "ports CNSGH: the code 'CNSGH' stands twice",
        "ports nlams:",
        "ports DEHAM: no region has the slug 'lost'",
        "prices CNSGH,NLRTM,2021-01-05,0.0000: the price is not more than 0",
        "prices CNSGH,NLRTM,2021-01-06,-3.0000: the price is not more than 0",
        "prices CNSGH,nlams,2021-01-06,5.0000: dest_code: no port that comes in has this code",
        "prices NULL,NLRTM,2021-01-06,5.0000: orig_code is NULL",
        "prices CNSGH,NLRTM,1969-12-31,5.0000: the day does not lie between",
        "prices CNSGH,NLRTM,2021-01-07,1.0050: the price has more than two decimals",
        "prices CNSGH,NLRTM,2021-01-07,30000000.0000: the price is more than",
        "prices CNSGH,CNSGH,2021-01-07,7.0000: origin and destination are the same",
        "prices a?b?,NLRTM,2021-01-07,7.0000: orig_code: no port",
        "prices CNSGH,NLRTM,NULL,1.0000: the day is",
    ):
        assert line in refused.stderr, (line, refused.stderr)
    assert "2 prices; 15 rows cannot come in" in refused.stderr
    assert refused.stdout == "" and client.get("/v1/places").json()["ports"] == []
    found = json.loads(ratebook("import", "--dry-run", "--json", code=1, database="loose").stdout)
    assert (found["prices"], found["wrong_count"], len(found["wrong"])) == (2, 15, 15)
    ratebook("import", "--skip-wrong", database="loose")
    assert counts(client, "asia", "europe", "2021-01-01", "2021-01-31") == {"2021-01-05": 1, "2021-01-08": 1}
    postgres.sql("loose", "INSERT INTO prices VALUES ('CNSGH', 'NLRTM', '2021-01-09', 4)")
    assert "retract" in ratebook("import", "--skip-wrong", code=1, database="loose").stderr
    other = ratebook("import", code=1)  # the places of another service stand here
    assert "--replace-places" in other.stderr
    ratebook("import", "--replace-places", "--key", "second")
    assert {region["slug"] for region in client.get("/v1/places").json()["regions"]} == {
        region["slug"] for region in real_places()["regions"]
    }


def test_a_password_is_neither_taken_from_the_command_line_nor_shown(ratebook, postgres):
    quoted = "pa55\\'w\\\\ord@not/shown"
    for connection in (
        f"host={postgres.folder} user=owner password='{quoted}' dbname=existing",
        "postgresql://owner:secret@localhost/existing",
        "postgresql://owner:secret@@@/?x=1",
    ):
        refused = ratebook("import", connection, code=2, database=None)
        assert "secret" not in refused.stderr and "pa55" not in refused.stderr
    in_environment = f"host={postgres.folder} user=owner password='{quoted}' dbname=existing"
    ratebook("import", "--dry-run", database=None, RATEBOOK_IMPORT_FROM=in_environment)
    ratebook(
        "import", f"host={postgres.folder} user=owner dbname=existing", "--dry-run", database=None, PGPASSWORD=PASSWORD
    )
    wrong = ratebook(
        "import", f"host={postgres.folder} user=owner dbname=existing", code=2, database=None, PGPASSWORD="wrong"
    )
    assert "password authentication failed" in wrong.stderr
    missing = ratebook("import", code=2, database="postgres")
    assert 'relation "regions" does not exist' in missing.stderr
    away = ratebook("import", "host=/nowhere dbname=existing", code=2, database=None)
    assert "/nowhere" in away.stderr


def test_an_export_brought_into_an_empty_instance_gives_the_same_rates(ratebook, server, make_server, tmp_path):
    with server.client() as client:
        put_places(client, real_places())
        assert post_real_prices(client).status_code == 201
        extra = post_batch(client, "b", prices(("CNSGH", "NLRTM", "2021-01-05", 1)), Prefer="wait=60").json()
        client.post(f"/v1/batches/{extra['id']}/retraction", headers={"Prefer": "wait=60"})
        assert client.get("/v1/places").headers["Ratebook-Version"] == "4"
    other = make_server()
    file = tmp_path / "prices.csv"
    made = ratebook("export", "--output", str(file))
    assert made.stdout == "" and "56,689 prices of version 4" in made.stderr
    assert [path.name for path in tmp_path.glob("prices*")] == ["prices.csv"]
    assert file.read_text() == ratebook("export", "--version", "2").stdout
    assert ratebook("export", "--version", "3").stdout.count("\n") == 56691
    places = tmp_path / "places.json"
    places.write_text(ratebook("places", "get", "--json").stdout)
    ratebook("places", "put", str(places), url=other.url)
    ratebook("push", str(file), "--source", "moved", url=other.url)
    with other.client() as client:
        assert_golden(client)
    as_ndjson = ratebook("export", "--version", "2", "--format", "ndjson").stdout
    rows = [",".join(str(value) for value in json.loads(line).values()) for line in as_ndjson.splitlines()]
    assert rows == file.read_text().splitlines()[1:]
    refused = ratebook("export", "--version", "99", "--output", str(tmp_path / "none.csv"), code=1)
    assert refused.stdout == "" and "99" in refused.stderr
    ratebook("export", "--output", "/nowhere/prices.csv", code=5)
    ratebook("export", code=3, url="http://127.0.0.1:1")
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["places.json", "prices.csv"]


def test_compare_finds_nothing_where_nothing_differs_and_what_is_planted(ratebook, postgres):
    ratebook("import")
    with existing_service(postgres, "existing") as url:
        same = ratebook("compare", url, "--routes", "120", "--seed", "7")
        assert same.stdout == "" and "120 questions asked (seed 7), 0 answered differently" in same.stderr
        assert json.loads(ratebook("compare", url, "--routes", "5", "--json").stdout)["different"] == 0

    def dearer(rates: list[dict]) -> list[dict]:
        return [{**rate, "price": rate["price"] * (1 + 1e-9)} if rate["price"] else rate for rate in rates]

    def one_more(rates: list[dict]) -> list[dict]:
        return [{**rate, "count": rate["count"] + 1} if rate["count"] else rate for rate in rates]

    for plant, what in ((dearer, "price"), (one_more, "count"), (lambda rates: rates[1:], "day")):
        with existing_service(postgres, "existing", plant) as url:
            shown = ratebook("compare", url, "--routes", "40", "--seed", "7", code=1)
            assert f" {what}" in shown.stdout and "/rates?date_from=2021-01-" in shown.stdout
            found = json.loads(ratebook("compare", url, "--routes", "40", "--seed", "7", "--json", code=1).stdout)
            assert found["asked"] == 40 and found["seed"] == 7
            assert found["different"] == len(found["differences"]) == len(shown.stdout.splitlines())
    ratebook("compare", "http://127.0.0.1:1", code=3)
    ratebook("compare", url, "--from", "2021-02-01", "--to", "2021-01-01", code=2)
