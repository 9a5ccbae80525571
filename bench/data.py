"""Prices to measure with: 100 by 100 ports and a year, from a seed, by `ratebook generate`; and the real ones."""

import csv
import json
import subprocess

from common import BINARY, DATA, FOLDER

LETTERS = "ABCDEFGHIJ"
# A root over ten regions of ten ports.
CODES = [f"XX{a}{b}A" for a in LETTERS for b in LETTERS]
FIRST_DAY = "2025-01-01"
DAYS = 365


def regions():
    return [{"slug": "world", "name": "World", "parent_slug": None}] + [
        {"slug": f"region_{a.lower()}", "name": "Region", "parent_slug": "world"} for a in LETTERS
    ]


def ports():
    return [{"code": code, "name": "Port", "parent_slug": f"region_{code[2].lower()}"} for code in CODES]


def real_places():
    tree = [{**row, "parent_slug": row["parent_slug"] or None} for row in real_rows("regions.csv")]
    return tree, real_rows("ports.csv")


def put_places(server, more=((), ())):
    """Those of generated prices, and more: regions, and ports."""
    put(server, [*regions(), *more[0]], [*ports(), *more[1]])


def put(server, tree, leaves):
    body = json.dumps({"regions": tree, "ports": leaves})
    server.must((200, 201), "PUT", "/v1/places", body, {"Content-Type": "application/json"})


def generated(count, form, seed=1):
    """A file of so many prices as csv, ndjson or json; made once a run."""
    path = FOLDER / f"prices-{count}-{seed}.{form}"
    if not path.exists():
        names = FOLDER / "ports.csv"
        if not names.exists():
            rows = [f"{port['code']},{port['name']},{port['parent_slug']}\n" for port in ports()]
            names.write_text("code,name,parent_slug\n" + "".join(rows))
        command = [BINARY, "generate", "--prices", str(count), "--seed", str(seed), "--ports", names, "--format", form]
        command += ["--from", FIRST_DAY, "--days", str(DAYS), "--source", "bench"]
        with path.open("wb") as out:
            subprocess.run(command, stdout=out, check=True)
    return path


def real_rows(name):
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


def load_real(server):
    """The real places and prices; the queries of all their routes, over all their days."""
    put(server, *real_places())
    return load_real_prices(server)


def load_real_prices(server):
    """Where the real places are; the same queries."""
    headers = {"Content-Type": "text/csv", "Prefer": "wait=60"}
    server.must((201,), "POST", "/v1/batches?source=bench", (DATA / "prices.csv").read_bytes(), headers)
    pairs = sorted({(row["orig_code"], row["dest_code"]) for row in real_rows("prices.csv")})
    dates = "date_from=2021-01-01&date_to=2021-01-31"
    return [f"{dates}&orig_code={origin}&dest_code={destination}" for origin, destination in pairs]
