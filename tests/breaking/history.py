"""The history of a run: a JSON object a line, of what was asked, answered and broken, on one monotonic clock. Written
at once, so that a run that is broken off can be checked as far as it went."""

import json
import pathlib
import threading
import time
from collections.abc import Callable, Iterator


def now() -> float:
    return round(time.monotonic(), 4)


class History:
    def __init__(self, path: pathlib.Path):
        self.path = path
        self.lock = threading.Lock()
        # Called with each object, in the thread that adds it.
        self.listeners: list[Callable[[dict], None]] = []
        self.file = open(path, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 # closed by close()

    def add(self, what: str, **told: object) -> None:
        one = {"what": what, **told}
        line = json.dumps(one, separators=(",", ":"))
        with self.lock:
            for listener in self.listeners:
                listener(one)
            if not self.file.closed:
                self.file.write(line + "\n")

    def close(self) -> None:
        with self.lock:
            self.file.close()


def read(path: pathlib.Path) -> Iterator[dict]:
    """With `line`, the number of the line in the file. Only the last may be half."""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.endswith("\n"):
                yield {**json.loads(line), "line": number}
