"""Runs a program beside a Kafka broker: tests/engines/kafka.py PROGRAM [ARGUMENT…], and ends as it does.

The broker is one process with its data in a temporary folder, on free ports. It is started again whenever it ends, so
that tests may kill it. The program finds its address in RATEBOOK_TEST_KAFKA, and in RATEBOOK_TEST_KAFKA_PID_FILE the
file that names its process.
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

ROOT = pathlib.Path(__file__).resolve().parents[2]
# ./dev test engines fetches them.
JARS = ROOT / "build" / "kafka" / "jars"
START_SECONDS_MAX = 60


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Broker:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.port, controller = free_ports(2)
        self.pid_file = folder / "pid"
        self.ending = threading.Event()
        self.process: subprocess.Popen | None = None
        self.environment = os.environ | {"CLASSPATH": f"{JARS}/*"}
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": folder / "data",
            "num.network.threads": 2,
            "num.io.threads": 2,
            "background.threads": 2,
            "log.cleaner.dedupe.buffer.size": 2097152,
            "log.cleaner.io.buffer.size": 65536,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # A broker that was killed is taken back when its session is over.
            "broker.heartbeat.interval.ms": 200,
            "broker.session.timeout.ms": 1500,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 500,
            "auto.create.topics.enable": "false",
        }
        self.settings = folder / "server.properties"
        self.settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        cluster = "AAAAAAAAAAAAAAAAAAAAAA"
        subprocess.run(
            self.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self.settings)),
            env=self.environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.keeper = threading.Thread(target=self.keep_running)
        self.keeper.start()

    @staticmethod
    def java(*arguments: str) -> list[str]:
        small = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k"]
        return ["java", *small, *arguments]

    def keep_running(self) -> None:
        with (self.folder / "log").open("w") as log:
            while not self.ending.is_set():
                self.process = subprocess.Popen(
                    self.java("kafka.Kafka", str(self.settings)),
                    env=self.environment,
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
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
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
                "RATEBOOK_TEST_KAFKA": f"127.0.0.1:{broker.port}",
                "RATEBOOK_TEST_KAFKA_PID_FILE": str(broker.pid_file),
            }
            return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
        finally:
            broker.end()


if __name__ == "__main__":
    sys.exit(main())
