"""What all lines of the benchmark share: processes pinned to cores, turns, and a line of the report."""

import dataclasses
import http.client
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"
FOLDER = ROOT / "build" / "bench"
RELEASE = ROOT / "build" / "release"
BINARY = RELEASE / "ratebook"


def note(text):
    print(f"   {text}", file=sys.stderr, flush=True)


@dataclasses.dataclass
class Line:
    """One row of the report. A sample a round; without a peer the budget is a bound on our own samples."""

    what: str
    unit: str
    ours: list
    budget: str  # "≤" or "≥"
    bound: float
    peer: str = ""
    theirs: list = dataclasses.field(default_factory=list)

    def value(self):
        ours = statistics.median(self.ours)
        return ours / statistics.median(self.theirs) if self.theirs else ours

    def spread(self):
        rounds = (
            [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)] if self.theirs else self.ours
        )
        return min(rounds), max(rounds)

    def is_in(self):
        return self.value() <= self.bound if self.budget == "≤" else self.value() >= self.bound

    def as_json(self):
        least, most = self.spread()
        return dataclasses.asdict(self) | {"value": self.value(), "min": least, "max": most, "in": self.is_in()}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core):
    """Words before a command that keep it on one core; none where there is only one, or for None."""
    return ["taskset", "-c", str(core)] if core is not None and (os.cpu_count() or 1) > 1 else []


class Server:
    """A process that listens on a port of loopback; ended with the block."""

    host = "127.0.0.1"

    def __init__(self, name, command, port):
        self.name, self.command, self.port = name, command, port
        self.log = FOLDER / f"{name}.log"

    def __enter__(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.ready():
                    return self
            except OSError:
                pass
            time.sleep(0.005)
        self.__exit__()
        sys.exit(f"{self.name} did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def ready(self):
        if self.name.startswith("ratebook"):
            return b"listening on" in self.log.read_bytes()
        socket.create_connection((self.host, self.port), 1).close()
        return True

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def cpu_seconds(self):
        """What the process and its direct children have used."""
        total = 0
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for process in [str(self.process.pid), *children]:
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / os.sysconf("SC_CLK_TCK")

    def memory_kib(self, field):
        """VmRSS, or VmHWM: the peak."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1])

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def call(self, method, path, body=None, headers=None, timeout=600):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def must(self, wanted, method, path, body=None, headers=None):
        status, answer = self.call(method, path, body, headers)
        if status not in wanted:
            sys.exit(f"{method} {path} was answered with {status}: {answer[:500]!r}")
        return json.loads(answer)


def remove(name):
    for file in FOLDER.glob(f"{name}*"):
        file.unlink()


def ratebook(core=None, file="ratebook.sqlite", keep=False):
    """Ours, empty, or with what the file holds from before."""
    if not keep:
        remove(file)
    port = free_port()
    command = [*pinned(core), str(BINARY), "serve", "--data", str(FOLDER / file), "--listen", f"127.0.0.1:{port}"]
    return Server(f"ratebook-{pathlib.Path(file).stem}", command, port)


def in_turns(rounds, what, turns):
    """Calls each of `turns` (name: function of the round) once a round, the first one another each time, after a round
    that warms up. Samples by name."""
    names = list(turns)
    samples = {name: [] for name in names}
    for number in range(rounds + 1):
        at = number % len(names)
        for name in names[at:] + names[:at]:
            sample = turns[name](number)
            if number > 0:
                samples[name].append(sample)
        note(f"{what}: {f'round {number} of {rounds}' if number else 'warm'}")
    return samples
