"""schemathesis against the description that the server itself gives: no call breaks it, and every answer is described."""

import httpx
import pytest
import schemathesis
from conftest import Server, post_batch, prices, put_places, small_places
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("openapi"))
    try:
        server.start()
        with server.client() as client:
            put_places(client, small_places())
            post_batch(client, "a", prices(("CNSGH", "NLRTM", "2021-01-05", 1)))
            document = client.get("/openapi.json").json()
        # An event stream does not end; its answer is checked in the contract's tests.
        del document["paths"]["/v1/events"]
        schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig())
        schema.config.update(base_url=server.url)
        yield schema
        with server.client() as client:
            assert client.get("/readyz").status_code == 200
    finally:
        server.close()


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck),
          phases=[Phase.explicit, Phase.generate])
def test_every_call_does_as_described(case):
    case.call_and_validate(headers={"Prefer": "wait=1"}, timeout=60)


def test_the_description_covers_the_event_stream(described):
    server_url = described.config.base_url
    with httpx.stream("GET", f"{server_url}/v1/events", trust_env=False) as answer:
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
