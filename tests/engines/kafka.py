"""Runs a program beside a Kafka broker: tests/engines/kafka.py PROGRAM [ARGUMENT…], and ends as it does.

The broker is one of ./dev cluster, alone, on an address of loopback, with its data in a temporary folder. It is started
again whenever it ends, so that tests may kill it. The program finds its address in RATEBOOK_TEST_KAFKA, and in
RATEBOOK_TEST_KAFKA_PID_FILE the file that names its process.
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from cluster import kafka_jars
from cluster.engines.kafka import properties
from cluster.layout import Zone

START_SECONDS_MAX = 60


class Broker:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        # Of its own, so that the ports of a zone are free there.
        self.address = f"127.214.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
        zone = Zone("x", 1, self.address, self.address)
        self.pid_file = folder / "pid"
        self.ending = threading.Event()
        self.process: subprocess.Popen | None = None
        kafka_jars.prepare(properties)
        kafka_jars.format_folder(folder / "data", kafka_jars.uuid_text(bytes(16)), zone.number)
        self.settings = folder / "server.properties"
        # What stands later counts: members that end are missed sooner.
        self.settings.write_text(f"{properties((zone,), zone, folder / 'data')}group.min.session.timeout.ms=500\n")
        self.keeper = threading.Thread(target=self.keep_running)
        self.keeper.start()

    def keep_running(self) -> None:
        with (self.folder / "log").open("w") as log:
            while not self.ending.is_set():
                self.process = subprocess.Popen(
                    kafka_jars.java(256, "kafka.Kafka", str(self.settings)),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
                fresh = self.pid_file.with_suffix(".new")
                fresh.write_text(f"{self.process.pid}\n")
                fresh.rename(self.pid_file)
                self.process.wait()

    def wait_until_ready(self) -> None:
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection((self.address, 9092), 1):
                return
            time.sleep(0.1)
        raise TimeoutError((self.folder / "log").read_text()[-4000:])

    def end(self) -> None:
        self.ending.set()
        while self.keeper.is_alive():
            if self.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    self.process.kill()
            self.keeper.join(0.2)


def main() -> int:
    # pytest's and timeout's way to end a program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="ratebook-kafka-") as folder:
        broker = Broker(pathlib.Path(folder))
        try:
            broker.wait_until_ready()
            environment = os.environ | {
                "RATEBOOK_TEST_KAFKA": f"{broker.address}:9092",
                "RATEBOOK_TEST_KAFKA_PID_FILE": str(broker.pid_file),
            }
            return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
        finally:
            broker.end()


if __name__ == "__main__":
    sys.exit(main())
