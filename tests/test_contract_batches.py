"""POST, GET and list of /v1/batches, retraction: statuses, headers, bodies, and everything that can be wrong."""

import hashlib
import json
import re
import time

import pytest
from conftest import assert_problem, counts, post_batch, prices, put_places, small_places

DAY = "2021-01-05"
ONE = ("CNSGH", "NLRTM", DAY, 100)
FIELDS = [
    "id",
    "source",
    "idempotency_key",
    "status",
    "price_count",
    "digest",
    "accepted_at",
    "committed_at",
    "version",
    "retracted_version",
]


def post_csv(client, text: str | bytes, source: str | None = "csv", **query):
    query = {"source": source, **query} if source else query
    content = text.encode() if isinstance(text, str) else text
    return client.post("/v1/batches", params=query, content=content, headers={"Content-Type": "text/csv"})


def post_text(client, text: str | bytes, **query):
    content = text.encode() if isinstance(text, str) else text
    return client.post("/v1/batches", params=query, content=content, headers={"Content-Type": "application/json"})


def retract(client, batch_id: str):
    return client.post(f"/v1/batches/{batch_id}/retraction")


def digest_of(items: list[dict], replaces: str = "") -> str:
    lines = [replaces]
    for item in items:
        cents = round(float(item["price"]) * 100)
        lines.append(f"{item['orig_code']},{item['dest_code']},{item['day']},{cents}")
    return hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()


def errors_of(answer, status: int = 422, kind: str = "invalid-batch") -> list[tuple]:
    problem = assert_problem(answer, status, kind)
    assert problem["error_count"] >= len(problem["errors"]) > 0
    assert all(error["message"] for error in problem["errors"])
    return [(error["index"], error["line"], error["field"], error["code"]) for error in problem["errors"]]


def test_a_batch_reads_the_same_everywhere_and_is_named_by_its_content(shared):
    items = prices(ONE, ("CNNGB", "DEHAM", "2021-01-06", "12.5"))
    answer = post_batch(shared, "named", items, key="key 1")
    assert answer.status_code == 201, answer.text
    batch = answer.json()
    assert list(batch) == FIELDS
    digest = digest_of(items)
    assert batch["digest"] == digest
    assert batch["id"] == hashlib.sha256(b"named\0key 1\0" + bytes.fromhex(digest)).hexdigest()[:32]
    assert (batch["source"], batch["idempotency_key"], batch["status"]) == ("named", "key 1", "committed")
    assert (batch["price_count"], batch["retracted_version"]) == (2, None)
    assert str(batch["version"]) == answer.headers["Ratebook-Version"]
    for name in ("accepted_at", "committed_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", batch[name])
    assert batch["accepted_at"] <= batch["committed_at"]
    assert answer.headers["Location"] == f"/v1/batches/{batch['id']}"
    assert answer.headers["Idempotency-Key"] == "key 1"
    assert shared.get(answer.headers["Location"]).json() == batch
    assert shared.get("/v1/batches", params={"source": "named"}).json()["batches"] == [batch]


def test_without_a_key_a_fresh_one_is_made_and_told(shared):
    answers = [post_batch(shared, "keyless", prices(ONE)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.headers["Idempotency-Key"] for answer in answers}) == 2
    again = post_batch(shared, "keyless", prices(ONE), key=answers[0].headers["Idempotency-Key"])
    assert (again.status_code, again.json()) == (200, answers[0].json())


def test_a_repeat_is_200_whatever_the_format_and_a_conflict_409(shared):
    first = post_batch(shared, "repeat", prices(ONE), key="k")
    assert first.status_code == 201
    lines = f"price,day,dest_code,orig_code\r\n100.00,{DAY},NLRTM,CNSGH\r\n"
    as_csv = shared.post(
        "/v1/batches",
        params={"source": "repeat"},
        content=lines.encode(),
        headers={"Content-Type": "text/csv; charset=utf-8", "Idempotency-Key": "k"},
    )
    assert (as_csv.status_code, as_csv.json()) == (200, first.json())
    assert_problem(post_batch(shared, "repeat", prices(ONE, ONE), key="k"), 409, "key-conflict")
    assert retract(shared, first.json()["id"]).status_code == 200
    again = post_batch(shared, "repeat", prices(ONE), key="k")  # retracted is decided, too
    assert (again.status_code, again.json()["status"]) == (200, "retracted")


def test_dry_run_checks_everything_and_stores_nothing(shared):
    before = shared.get("/v1/places").headers["Ratebook-Version"]
    answer = post_batch(shared, "dry", prices(ONE), key="k", query={"dry_run": "true"})
    assert answer.status_code == 200
    assert answer.json()["price_count"] == 1
    assert answer.json()["digest"] == digest_of(prices(ONE))
    wrong = post_batch(shared, "dry", [{}], query={"dry_run": "true"})
    assert len(errors_of(wrong)) == 4
    assert shared.get("/v1/batches", params={"source": "dry"}).json()["batches"] == []
    assert shared.get("/v1/places").headers["Ratebook-Version"] == before
    assert post_batch(shared, "dry", prices(ONE), key="k", query={"dry_run": "false"}).status_code == 201


def test_prefer_wait(shared):
    for wait in ("wait=0", "respond-async, wait=0", 'wait="0"'):
        answer = post_batch(shared, "waiting", prices(*[ONE] * 2000), Prefer=wait)
        assert answer.status_code in (201, 202)
        assert answer.headers["Location"].startswith(f"/v1/batches/{answer.json()['id']}")
        assert answer.json()["status"] == ("committed" if answer.status_code == 201 else "accepted")
        while (batch := shared.get(answer.headers["Location"]).json())["status"] == "accepted":
            time.sleep(0.01)
        assert batch["status"] == "committed"
    assert post_batch(shared, "waiting", prices(ONE), Prefer="wait=soon").status_code == 201


def test_retraction_takes_it_out_as_a_version_and_keeps_the_record(client, places):
    batch = post_batch(client, "a", prices(ONE, ONE)).json()
    post_batch(client, "b", prices(ONE))
    answer = retract(client, batch["id"])
    assert answer.status_code == 200
    expected = {**batch, "status": "retracted", "retracted_version": 4}
    assert answer.json() == expected
    assert answer.headers["Ratebook-Version"] == "4"
    assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 1}
    again = retract(client, batch["id"])
    assert (again.status_code, again.json(), again.headers["Ratebook-Version"]) == (200, expected, "4")
    assert client.get(f"/v1/batches/{batch['id']}").json() == expected
    for unknown in ("0" * 32, "x", "0" * 31):
        assert_problem(retract(client, unknown), 404, "unknown-batch")
        assert_problem(client.get(f"/v1/batches/{unknown}"), 404, "unknown-batch")


def test_replaces_is_one_version_and_of_the_same_source(client, places):
    first = post_batch(client, "a", prices(ONE, ONE)).json()
    answer = post_batch(client, "a", prices(ONE), key="new", query={"replaces": first["id"]})
    assert answer.status_code == 201, answer.text
    assert answer.json()["version"] == 3
    assert answer.json()["digest"] == digest_of(prices(ONE), first["id"])
    old = client.get(f"/v1/batches/{first['id']}").json()
    assert (old["status"], old["retracted_version"]) == ("retracted", 3)
    assert counts(client, "CNSGH", "NLRTM", DAY, version=2) == {DAY: 2}
    assert counts(client, "CNSGH", "NLRTM", DAY) == {DAY: 1}
    same = post_batch(client, "a", prices(ONE), key="new", query={"replaces": first["id"]})
    assert (same.status_code, same.json()) == (200, answer.json())
    assert_problem(post_batch(client, "a", prices(ONE), key="new"), 409, "key-conflict")  # replaces is content
    for source, key, replaced in (("a", "x", first["id"]), ("a", "y", "0" * 32), ("b", "z", answer.json()["id"])):
        refused = post_batch(client, source, prices(ONE), key=key, query={"replaces": replaced})
        assert_problem(refused, 409, "replaces-conflict")
        assert_problem(
            post_batch(client, source, prices(ONE), key=key, query={"replaces": replaced}), 409, "replaces-conflict"
        )
    assert client.get("/v1/places").headers["Ratebook-Version"] == "3"
    rejected = client.get("/v1/batches", params={"status": "rejected"}).json()["batches"]
    assert len(rejected) == 3
    for batch in rejected:
        assert batch["version"] is None
        assert batch["problem"]["type"] == "/problems/replaces-conflict"
        assert_problem(retract(client, batch["id"]), 409, "not-committed")
    assert_problem(post_batch(client, "a", prices(ONE), query={"replaces": "x"}), 400, "bad-parameter")


def test_list_by_source_and_status_in_pages_newest_first(client, places):
    made = [post_batch(client, f"s-{number % 3}", prices(ONE)).json() for number in range(12)]
    for batch in made[:4]:
        retract(client, batch["id"])
    ids = [batch["id"] for batch in made[::-1]]

    def pages(**query) -> list[list[str]]:
        found, cursor = [], {}
        while True:
            page = client.get("/v1/batches", params={**query, **cursor}).json()
            found.append([batch["id"] for batch in page["batches"]])
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def ids_of(**query) -> list[str]:
        return [one for page in pages(**query) for one in page]

    assert pages() == [ids]
    for limit in (1, 5, 12, 13):
        paged = pages(limit=limit)
        assert [one for page in paged for one in page] == ids
        assert all(len(page) <= limit for page in paged)
    assert ids_of(source="s-1", limit=2) == [batch["id"] for batch in made[::-1] if batch["source"] == "s-1"]
    assert ids_of(status="retracted", limit=3) == ids[8:]
    assert ids_of(status="committed", limit=3) == ids[:8]
    assert ids_of(status="accepted") == ids_of(status="rejected") == ids_of(source="nobody") == []
    for wrong in ({"status": "lost"}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "-1"}, {"source": "A"}, {"more": 1}):
        assert_problem(client.get("/v1/batches", params=wrong), 400, "bad-parameter")


@pytest.mark.parametrize(
    "text",
    [
        "orig_code,dest_code,day,price\nCNSGH,NLRTM,2023-01-01,1.5\nCNNGB,DEHAM,2023-01-01,7\n",
        "orig_code,dest_code,day,price\r\nCNSGH,NLRTM,2023-01-01,1.5\r\nCNNGB,DEHAM,2023-01-01,7\r\n",
        "orig_code,dest_code,day,price\nCNSGH,NLRTM,2023-01-01,1.5\nCNNGB,DEHAM,2023-01-01,7",
        "\ufefforig_code,dest_code,day,price\nCNSGH,NLRTM,2023-01-01,1.5\nCNNGB,DEHAM,2023-01-01,7.0\n",
        "price,day,dest_code,orig_code\n1.50,2023-01-01,NLRTM,CNSGH\n7,2023-01-01,DEHAM,CNNGB\n",
        '"orig_code",dest_code,"day",price\n"CNSGH","NLRTM","2023-01-01","1.5"\nCNNGB,"DEHAM",2023-01-01,"7.00"\n',
        "orig_code,dest_code,day,price\n\nCNSGH,NLRTM,2023-01-01,1.5\n\n\nCNNGB,DEHAM,2023-01-01,7\n\n",
    ],
)
def test_csv_of_any_dialect_is_the_same_batch(shared, text):
    expected = digest_of(prices(("CNSGH", "NLRTM", "2023-01-01", 1.5), ("CNNGB", "DEHAM", "2023-01-01", 7)))
    answer = post_csv(shared, text, dry_run="true")
    assert answer.status_code == 200, answer.text
    assert answer.json()["digest"] == expected
    stored = post_csv(shared, text)
    assert (stored.status_code, stored.json()["digest"], stored.json()["source"]) == (201, expected, "csv")


def test_json_of_any_shape_is_the_same_batch(shared):
    expected = digest_of(prices(("CNSGH", "NLRTM", "2023-01-01", 1.5)))
    for text in (
        '{"source":"j","prices":[{"orig_code":"CNSGH","dest_code":"NLRTM","day":"2023-01-01","price":1.5}]}',
        '{"prices":[{"price":"1.50","day":"2023-01-01","dest_code":"NLRTM","orig_code":"CNSGH"}],"source":"j"}',
        '\n{ "source" : "\\u006a" ,\t"prices" : [ {"orig_code":"CN\\u0053GH","dest_code":"NLRTM",\r\n'
        '"day":"2023-01-01" , "price": 1.50 } ] }\n',
    ):
        answer = post_text(shared, text, dry_run="true")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["digest"], answer.json()["source"]) == (expected, "j")


WRONG_ITEMS = [
    ({"orig_code": None}, "orig_code", "missing"),
    ({"dest_code": 5}, "dest_code", "wrong-type"),
    ({"day": ["x"]}, "day", "wrong-type"),
    ({"price": True}, "price", "wrong-type"),
    ({"orig_code": "XXXXX"}, "orig_code", "unknown-port"),
    ({"dest_code": "nlrtm"}, "dest_code", "unknown-port"),
    ({"dest_code": ""}, "dest_code", "unknown-port"),
    ({"dest_code": "CNSGH"}, "dest_code", "same-port"),
    ({"day": "2021-1-5"}, "day", "bad-day"),
    ({"day": "2021-01-05T00:00"}, "day", "bad-day"),
    ({"day": "2021-02-29"}, "day", "no-such-day"),
    ({"day": "1969-12-31"}, "day", "day-out-of-range"),
    ({"day": "2150-01-01"}, "day", "day-out-of-range"),
    ({"price": "12a"}, "price", "not-a-number"),
    ({"price": "1,000"}, "price", "not-a-number"),
    ({"price": "+5"}, "price", "not-a-number"),
    ({"price": "1e3"}, "price", "exponent"),
    ({"price": 0.001}, "price", "too-many-decimals"),
    ({"price": "1.000"}, "price", "too-many-decimals"),
    ({"price": 0}, "price", "not-positive"),
    ({"price": -5}, "price", "not-positive"),
    ({"price": "20000000.01"}, "price", "too-large"),
    ({"price": 99999999999999999999999}, "price", "too-large"),
    ({"currency": "USD"}, "currency", "unknown-field"),
]


@pytest.mark.parametrize(("change", "field", "code"), WRONG_ITEMS)
def test_each_wrong_item_of_json_is_named_with_its_place(shared, change, field, code):
    good = prices(ONE)[0]
    bad = {name: value for name, value in {**good, **change}.items() if value is not None}
    answer = post_batch(shared, "wrong", [good, bad, good])
    found = errors_of(answer)
    assert [(index, name, kind) for index, _, name, kind in found] == [(1, field, code)]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        (change, field, "missing" if set(change.values()) & {None, ""} else code)
        for change, field, code in WRONG_ITEMS
        if code not in ("wrong-type", "unknown-field")
    ],
)
def test_each_wrong_line_of_csv_is_named_with_its_place(shared, change, field, code):
    good = prices(ONE)[0]
    bad = {name: "" if value is None else value for name, value in {**good, **change}.items()}
    lines = ["orig_code,dest_code,day,price"] + [
        ",".join(f'"{item[name]}"' for name in good) for item in (good, bad, good)
    ]
    assert errors_of(post_csv(shared, "\n".join(lines))) == [(1, 3, field, code)]


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        ("orig_code,dest_code,day\n", 422, (None, 1, "price", "missing-column")),
        ("orig_code,dest_code,day,price,more\n", 422, (None, 1, "more", "unknown-column")),
        ("orig_code,dest_code,day,price,day\n", 422, (None, 1, "day", "repeated-column")),
        ("orig_code,dest_code,day,price\nCNSGH,NLRTM,2021-01-05\n", 422, (0, 2, "", "wrong-field-count")),
        ('orig_code,dest_code,day,price\nCN"SGH,NLRTM,2021-01-05,1\n', 422, (0, 2, "", "bad-quote")),
        ('orig_code,dest_code,day,price\n"CNSGH"x,NLRTM,2021-01-05,1\n', 422, (0, 2, "", "bad-quote")),
        ('orig_code,dest_code,day,price\n"CNSGH,NLRTM,2021-01-05,1\n', 422, (0, 2, "", "bad-quote")),
        (b"orig_code,dest_code,day,price\nCN\xffGH,NLRTM,2021-01-05,1\n", 422, (0, 2, "orig_code", "bad-utf8")),
        ('orig_code,"dest_code,day,price\n', 400, (None, 1, "", "bad-quote")),
        ("orig_code,dest_code,day,price\n", 422, (None, None, "prices", "empty")),
    ],
)
def test_csv_that_cannot_be_read(shared, text, status, expected):
    found = errors_of(post_csv(shared, text), status, "malformed-body" if status == 400 else "invalid-batch")
    assert expected in found


def test_csv_goes_on_after_a_bad_line(shared):
    good = f"CNSGH,NLRTM,{DAY},1\n"
    lines = "orig_code,dest_code,day,price\n" + good + "a,b\n" + good + 'CNSGH,NL"RTM,x,1\n' + good * 3 + "X,Y,Z,0\n"
    found = errors_of(post_csv(shared, lines))
    assert [(index, line) for index, line, _, _ in found][:2] == [(1, 3), (3, 5)]
    assert {(index, line) for index, line, _, _ in found[2:]} == {(7, 9)}
    assert {field for _, _, field, _ in found[2:]} == {"orig_code", "dest_code", "day", "price"}


def test_the_first_100_errors_are_listed_and_all_are_counted(shared):
    problem = assert_problem(
        post_batch(shared, "wrong", prices(*[("CNSGH", "NLRTM", DAY, 0)] * 1234)), 422, "invalid-batch"
    )
    assert [error["index"] for error in problem["errors"]] == list(range(100))
    assert problem["error_count"] == 1234


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]]",
        '{"source":"a","prices":[{"orig_code":"CNSGH",}]}',
        "nonsense",
        '{"source":"a","prices":[]} x',
        '{"source":"a","prices":[1.]}',
    ],
)
def test_json_that_cannot_be_read(shared, text):
    assert_problem(post_text(shared, text), 400, "malformed-body")


def test_a_syntax_error_in_json_ends_the_check_and_keeps_what_was_found(shared):
    items = json.dumps(prices(("XXXXX", "NLRTM", DAY, 1)))[:-1]
    answer = post_text(shared, '{"source":"a","prices":' + items + ", {]}")
    problem = assert_problem(answer, 400, "malformed-body")
    assert [(error["index"], error["code"]) for error in problem["errors"]] == [(0, "unknown-port")]


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        ('{"prices":[]}', "source", "missing"),
        ('{"source":"a"}', "prices", "empty"),
        ('{"source":"a","prices":[]}', "prices", "empty"),
        ('{"source":"a","prices":{}}', "prices", "wrong-type"),
        ('{"source":"A b","prices":[]}', "source", "bad-source"),
        ('{"source":5,"prices":[]}', "source", "wrong-type"),
        ('{"source":"a","more":1,"prices":[]}', "more", "unknown-field"),
        ('{"source":"a","source":"a","prices":[]}', "source", "repeated-field"),
        ('{"source":"a","prices":[5]}', "", "wrong-type"),
        ('{"source":"a","prices":[{"day":"2021-01-05","day":"2021-01-05"}]}', "day", "repeated-field"),
    ],
)
def test_json_that_is_wrong_as_a_whole(shared, text, field, code):
    found = {(name, kind) for _, _, name, kind in errors_of(post_text(shared, text))}
    assert (field, code) in found


def test_source_in_query_and_body(shared):
    text = json.dumps({"prices": prices(ONE)})
    assert post_text(shared, text, source="in-query").json()["source"] == "in-query"
    both = json.dumps({"source": "both", "prices": prices(ONE)})
    assert post_text(shared, both, source="both").status_code == 201
    found = errors_of(post_text(shared, both, source="other"))
    assert [code for _, _, _, code in found] == ["source-conflict"]
    assert_problem(post_csv(shared, "orig_code,dest_code,day,price\n", source=None), 400, "bad-parameter")
    assert_problem(post_csv(shared, "orig_code,dest_code,day,price\n", source="No"), 400, "bad-parameter")


def test_types_encodings_and_parameters(shared):
    body = json.dumps({"source": "a", "prices": prices(ONE)}).encode()
    for kind in ("text/plain", "application/xml", ""):
        answer = shared.post("/v1/batches", content=body, headers={"Content-Type": kind} if kind else {})
        assert_problem(answer, 415, "unsupported-media-type")
    headers = {"Content-Type": "application/json", "Content-Encoding": "br"}
    assert_problem(shared.post("/v1/batches", content=body, headers=headers), 415, "unsupported-encoding")
    assert_problem(post_text(shared, body, dry_run="yes"), 400, "bad-parameter")
    assert_problem(post_text(shared, body, sorce="a"), 400, "bad-parameter")


def test_closed_ports_take_no_prices_and_still_answer(client):
    put_places(client, small_places())
    post_batch(client, "a", prices(ONE, ("CNSGH", "DEHAM", DAY, 5)))
    fewer = small_places()
    fewer["ports"] = [port for port in fewer["ports"] if port["code"] != "DEHAM"]
    put_places(client, fewer, client.get("/v1/places").headers["ETag"])
    found = errors_of(post_batch(client, "a", prices(ONE, ("CNSGH", "DEHAM", DAY, 5))))
    assert [(index, field, code) for index, _, field, code in found] == [(1, "dest_code", "closed-port")]
    assert counts(client, "CNSGH", "DEHAM", DAY) == {DAY: 1}
    assert counts(client, "CNSGH", "europe", DAY) == {DAY: 1}
    put_places(client, small_places(), client.get("/v1/places").headers["ETag"])
    assert counts(client, "CNSGH", "europe", DAY) == {DAY: 2}
    assert post_batch(client, "a", prices(("CNSGH", "DEHAM", DAY, 5))).status_code == 201
