"""The real server against a model of a few dozen lines, driven by hypothesis: batches, repeats, conflicts, retractions,
replacements, changes of places, questions at any version, stops and kills."""

import hashlib
import pathlib
import tempfile

import httpx
from conftest import Server, assert_problem, post_batch, prices, put_places
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

CODES = ["CNSGH", "CNNGB", "NLRTM", "DEHAM", "USLAX"]
REGIONS = ["a", "b", "c"]
DAYS = [f"2021-01-{day:02}" for day in range(1, 5)]
SOURCES = ["s", "t"]

one_price = st.tuples(
    st.sampled_from(CODES), st.sampled_from(CODES), st.sampled_from(DAYS), st.integers(1, 2_000_000_000)
).filter(lambda price: price[0] != price[1])


@st.composite
def some_places(draw):
    """Regions as a forest, every named port in one of them."""
    count = draw(st.integers(1, len(REGIONS)))
    regions = [
        {"slug": REGIONS[at], "name": "R", "parent_slug": draw(st.sampled_from([None, *REGIONS[:at]]))}
        for at in range(count)
    ]
    named = draw(st.lists(st.sampled_from(CODES), min_size=2, unique=True))
    ports = [{"code": code, "name": "P", "parent_slug": draw(st.sampled_from(REGIONS[:count]))} for code in named]
    return {"regions": regions, "ports": ports}


class Model(RuleBasedStateMachine):
    batches = Bundle("batches")

    @initialize(places=some_places())
    def begin(self, places):
        self.folder = tempfile.TemporaryDirectory()
        self.server = Server(pathlib.Path(self.folder.name)).start()
        self.client = self.server.client()
        self.held: dict[str, dict] = {}  # by id: source, key, replaces, prices, version, retracted
        self.places_at: list[tuple[dict, set]] = [({}, set())]  # by version: the document, all ports ever named
        self.tag = None
        self.change_places(places)

    def teardown(self):
        if not hasattr(self, "server"):
            return
        self.client.close()
        self.server.close()
        self.folder.cleanup()

    @property
    def version(self) -> int:
        return len(self.places_at) - 1

    def open_ports(self) -> set[str]:
        return {port["code"] for port in self.places_at[-1][0]["ports"]}

    def post(self, source, key, items, replaces=""):
        text = prices(*((*price[:3], f"{price[3] // 100}.{price[3] % 100:02}") for price in items))
        return post_batch(self.client, source, text, key=key, query={"replaces": replaces} if replaces else None)

    def identity(self, source, key, items, replaces="") -> str:
        lines = "".join(f"{line}\n" for line in [replaces, *(",".join(map(str, price)) for price in items)])
        digest = hashlib.sha256(lines.encode()).digest()
        return hashlib.sha256(source.encode() + b"\0" + key.encode() + b"\0" + digest).hexdigest()[:32]

    @rule(
        target=batches,
        source=st.sampled_from(SOURCES),
        items=st.lists(one_price, min_size=1, max_size=6),
        key=st.sampled_from(["k1", "k2", "k3", "k4", "k5"]),
    )
    def send(self, source, items, key):
        return self.sent(source, key, items, "")

    @rule(target=batches, old=batches, items=st.lists(one_price, min_size=1, max_size=6), same=st.booleans())
    def replace(self, old, items, same):
        source = old[0] if same else next(other for other in SOURCES if other != old[0])
        return self.sent(source, f"r{self.version}", items, self.identity(*old))

    def sent(self, source, key, items, replaces):
        answer = self.post(source, key, items, replaces)
        if not {code for price in items for code in price[:2]} <= self.open_ports():
            assert_problem(answer, 422, "invalid-batch")
            return multiple()
        name = self.identity(source, key, items, replaces)
        # A rejected batch does not keep its key.
        same_key = [
            one
            for one, held in self.held.items()
            if (held["source"], held["key"]) == (source, key) and held["version"] is not None
        ]
        if same_key and same_key != [name]:
            assert_problem(answer, 409, "key-conflict")
            return multiple()
        if name in self.held:
            if self.held[name]["version"] is None:
                assert_problem(answer, 409, "replaces-conflict")
            else:
                assert answer.status_code == 200, answer.text
                self.check_batch(answer, name)
            return multiple()
        self.held[name] = {"source": source, "key": key, "prices": items, "version": None, "retracted": None}
        old = self.held.get(replaces)
        if replaces and (old["source"] != source or old["version"] is None or old["retracted"] is not None):
            assert_problem(answer, 409, "replaces-conflict")
            return multiple()
        assert answer.status_code == 201, answer.text
        self.step()
        self.held[name]["version"] = self.version
        if replaces:
            old["retracted"] = self.version
        self.check_batch(answer, name)
        return source, key, items, replaces

    def step(self, places=None):
        document, named = self.places_at[-1]
        if places is not None:
            document, named = places, named | {port["code"] for port in places["ports"]}
        self.places_at.append((document, named))

    def check_batch(self, answer, name):
        held, batch = self.held[name], answer.json()
        status = "rejected" if held["version"] is None else "committed" if held["retracted"] is None else "retracted"
        assert (batch["id"], batch["status"], batch["version"], batch["retracted_version"], batch["price_count"]) == (
            name,
            status,
            held["version"],
            held["retracted"],
            len(held["prices"]),
        )

    @rule(batch=batches)
    def repeat(self, batch):
        name = self.identity(*batch)
        answer = self.post(*batch)
        if {code for price in batch[2] for code in price[:2]} <= self.open_ports():
            assert answer.status_code == 200, answer.text
            self.check_batch(answer, name)
        else:
            assert_problem(answer, 422, "invalid-batch")

    @rule(batch=batches)
    def retract(self, batch):
        name = self.identity(*batch)
        answer = self.client.post(f"/v1/batches/{name}/retraction")
        assert answer.status_code == 200, answer.text
        if self.held[name]["retracted"] is None:
            self.step()
            self.held[name]["retracted"] = self.version
        self.check_batch(answer, name)

    @rule(places=some_places())
    def change_places(self, places):
        self.tag = put_places(self.client, places, self.tag).headers["ETag"]
        self.step(places)

    @rule(places=some_places())
    def change_places_of_another_version(self, places):
        answer = self.client.put("/v1/places", json=places, headers={"If-Match": '"0-00000000"'})
        assert_problem(answer, 412, "places-changed")

    @rule(kill=st.booleans())
    def restart(self, kill):
        self.client.close()
        if kill:
            self.server.kill()
        else:
            assert self.server.stop() == 0
        self.server.start()
        self.client = self.server.client()

    def ports_of(self, place: str, version: int) -> set[str] | None:
        document = self.places_at[version][0]
        if place in CODES:
            # A port that came later is, at a past version, one without prices.
            return {place} if place in self.places_at[-1][1] and version > 0 else None
        parent = {region["slug"]: region["parent_slug"] for region in document.get("regions", [])}
        if place not in parent:
            return None

        def lies_in(region: str | None) -> bool:
            return region is not None and (region == place or lies_in(parent[region]))

        return {port["code"] for port in document["ports"] if lies_in(port["parent_slug"])}

    @rule(
        origin=st.sampled_from(CODES + REGIONS),
        destination=st.sampled_from(CODES + REGIONS),
        back=st.integers(0, 40),
        percent=st.sampled_from(["0", "20", "50", "99.9"]),
    )
    def ask(self, origin, destination, back, percent):
        version = max(0, self.version - back)
        query = {
            "origin": origin,
            "destination": destination,
            "date_from": DAYS[0],
            "date_to": DAYS[-1],
            "stats": f"avg,min,max,p{percent}",
        }
        if back:
            query["version"] = version
        answer = self.client.get("/v1/rates", params=query)
        origins, destinations = self.ports_of(origin, version), self.ports_of(destination, version)
        if origins is None or destinations is None:
            assert_problem(answer, 404, "unknown-place")
            return
        assert answer.status_code == 200, answer.text
        assert answer.json()["version"] == version
        expected = []
        for day in DAYS:
            cents = sorted(
                price[3]
                for held in self.held.values()
                if held["version"] is not None
                and held["version"] <= version
                and (held["retracted"] is None or held["retracted"] > version)
                for price in held["prices"]
                if price[0] in origins and price[1] in destinations and price[2] == day
            )
            if cents:
                expected.append((day, cents))
        rates = answer.json()["rates"]
        assert [(rate["day"], rate["count"]) for rate in rates] == [(day, len(cents)) for day, cents in expected]
        for rate, (_, cents) in zip(rates, expected, strict=True):
            assert (rate["min"], rate["max"]) == (cents[0] / 100, cents[-1] / 100)
            assert abs(rate["avg"] * 100 * len(cents) - sum(cents)) <= 1e-11 * sum(cents)
            place = float(percent) / 100 * (len(cents) - 1)
            low = int(place)
            high = min(low + 1, len(cents) - 1)
            exact = cents[low] + (place - low) * (cents[high] - cents[low])
            assert abs(rate[f"p{percent}"] * 100 - exact) <= 1e-6 * exact

    @rule(status=st.sampled_from([None, "committed", "retracted", "rejected"]), limit=st.integers(1, 5))
    def list_all(self, status, limit):
        found, query = [], {"limit": limit, **({"status": status} if status else {})}
        while True:
            page = self.client.get("/v1/batches", params=query).json()
            found += [batch["id"] for batch in page["batches"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        expected = [
            name
            for name, held in self.held.items()
            if status is None
            or status
            == ("rejected" if held["version"] is None else "committed" if held["retracted"] is None else "retracted")
        ]
        assert found == expected[::-1]

    @invariant()
    def shows_the_newest_version(self):
        if hasattr(self, "client"):
            answer: httpx.Response = self.client.get("/livez")
            assert answer.headers["Ratebook-Version"] == str(self.version)


Model.TestCase.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_the_server_is_the_model = Model.TestCase
