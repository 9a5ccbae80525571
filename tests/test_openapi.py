"""schemathesis against the description that the server gives: no call breaks it, and every answer is described."""

import json

import pytest
import schemathesis
from conftest import ROOT, Server, post_batch, prices, put_places, small_places
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

DOCUMENT = json.loads((ROOT / "src" / "api" / "openapi.json").read_text(encoding="utf-8"))


@schemathesis.serializer("application/x-ndjson")
def as_lines(context, value) -> bytes:
    return (
        value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()
    )


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("openapi"))
    try:
        server.start()
        with server.client() as client:
            put_places(client, small_places())
            post_batch(client, "a", prices(("CNSGH", "NLRTM", "2021-01-05", 1)))
        yield server
        with server.client() as client:
            assert client.get("/readyz").status_code == 200
    finally:
        server.close()


# An event stream does not end; the contract's tests read it.
schema = schemathesis.openapi.from_dict(DOCUMENT).exclude(path="/v1/events")


def checks_that_say_nothing(case) -> list:
    """Of those checks that are about what a schema cannot describe."""
    wrong = {location for location, component in case.meta.components.items() if component.mode.is_negative}
    checks = []
    if case.method in ("POST", "PUT") or case.path in ("/rates", "/v1/rates"):
        # Which ports are known, which places stand there, how far two days are apart, that a statistic stands once.
        checks.append(positive_data_acceptance)
    if case.path == "/rates" or wrong <= {ParameterLocation.HEADER}:
        checks.append(negative_data_rejection)  # unknown headers are no error, nor are parameters there
    return checks


@schema.parametrize()
@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
def test_every_call_does_as_described(case, described):
    least = case.headers.get("Ratebook-Min-Version", "") if case.headers else ""
    if str(least).isdigit() and int(least) > 1:
        case.headers["Ratebook-Min-Version"] = "1"  # a later one is a 503, after a second
    case.call_and_validate(
        base_url=described.url, headers={"Prefer": "wait=1"}, timeout=60, excluded_checks=checks_that_say_nothing(case)
    )


def test_the_description_served_is_the_one_tested(described):
    with described.client() as client:
        assert client.get("/openapi.json").json() == DOCUMENT
