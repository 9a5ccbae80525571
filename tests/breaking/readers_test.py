"""Events are heard whole, also where a stream could not go on from where the one before broke off."""

import http.server
import json
import threading

import pytest

from breaking import readers
from breaking.history import History, read
from breaking.senders import Shared

BEGINNING = "0-00000000"
NEWEST = 3


def version(number: int) -> str:
    data = json.dumps({"version": number, "kind": "batch", "batch_id": f"batch-{number}"})
    return f"event: version\nid: {number}-0000abcd\ndata: {data}\n\n"


class Restored(http.server.BaseHTTPRequestHandler):
    """A node that knows nothing of what was heard before. After its `reset` it tells only what is new."""

    def do_GET(self):
        text = "".join(version(number) for number in range(1, NEWEST + 1))
        if self.headers["Last-Event-ID"] != BEGINNING:
            text = f"event: reset\nid: {NEWEST - 1}-0000abcd\ndata: {{}}\n\n{version(NEWEST)}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def node():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Restored)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_after_a_reset_every_version_is_heard_anew(node, tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "PORT", node.server_port)
    history = History(tmp_path / "history.jsonl")
    shared = Shared(1, ["node-a"], threading.Event())
    stream = readers.Stream(shared, history, "node-a", "127.0.0.1")
    stream.last = "9-0000ffff"
    # A connection each.
    stream.follow()
    stream.follow()
    history.close()
    heard = [(line["what"], line.get("number")) for line in read(history.path)]
    assert heard == [("reset", None), *(("event", number) for number in range(1, NEWEST + 1))]
