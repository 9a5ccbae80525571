"""Runs a program beside a Kafka broker: tests/engines/kafka.py PROGRAM [ARGUMENT…], and ends as it does.

The broker is one of ./dev cluster, alone, on an address of loopback, with its data in a temporary folder. It is started
again whenever it ends, so that tests may kill it. The program finds its address in RATEBOOK_TEST_KAFKA, and in
RATEBOOK_TEST_KAFKA_PID_FILE the file that names its process; in RATEBOOK_TEST_KAFKA_SASL_SSL an address for the user
`ratebook` with a password, in RATEBOOK_TEST_KAFKA_SSL one for holders of a certificate, both over TLS, and in
RATEBOOK_TEST_KAFKA_SECRETS the folder with authority.pem, node.pem, node.key and password.
"""

import contextlib
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.extend(str(pathlib.Path(__file__).resolve().parents[level]) for level in (1, 2))

from certificates import make_certificate

from cluster import kafka_jars
from cluster.engines.kafka import properties
from cluster.layout import Zone

START_SECONDS_MAX = 60
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Broker:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        # Of its own, so that the ports of a zone are free there.
        self.address = f"127.214.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
        zone = Zone("x", 1, self.address, self.address)
        self.sasl_port, self.ssl_port = free_ports(2)
        self.pid_file = folder / "pid"
        self.password = secrets.token_hex(16)
        self.ending = threading.Event()
        self.process: subprocess.Popen | None = None
        kafka_jars.prepare(properties)
        self.settings = folder / "server.properties"
        # What stands later counts: members that end are missed sooner.
        self.settings.write_text(
            f"{properties((zone,), zone, folder / 'data')}group.min.session.timeout.ms=500\n{self.secured()}"
        )
        self.format()
        self.keeper = threading.Thread(target=self.keep_running)
        self.keeper.start()

    def secured(self) -> str:
        """Settings of two more listeners: one that asks for a password, one for a certificate."""
        for name in ("broker", "node"):
            make_certificate(self.folder, name)
        identity = self.folder / "broker-identity.pem"
        identity.write_text("".join((self.folder / f"broker.{part}").read_text() for part in ("key", "pem")))
        (self.folder / "password").write_text(f"{self.password}\n")
        plain = [f"{name}://{self.address}:{port}" for name, port in (("CLIENT", 9092), ("PEER", 9094))]
        over_tls = [f"PASSWORD://localhost:{self.sasl_port}", f"CERTIFICATE://localhost:{self.ssl_port}"]
        settings = {
            "listeners": ",".join([*plain, f"CONTROLLER://{self.address}:9093", *over_tls]),
            "advertised.listeners": ",".join([*plain, *over_tls]),
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,PEER:PLAINTEXT,"
            "PASSWORD:SASL_SSL,CERTIFICATE:SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": identity,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.folder / "authority.pem",
            "listener.name.certificate.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": ",".join(("PLAIN", *SCRAM)),
            "listener.name.password.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule "
            f'required user_ratebook="{self.password}";',
        }
        for mechanism in SCRAM:
            settings[f"listener.name.password.{mechanism.lower()}.sasl.jaas.config"] = (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            )
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def format(self) -> None:
        """By Kafka's own tool, which alone can put users for SCRAM into an empty broker."""
        user = f"[name=ratebook,password={self.password}]"
        words = ["format", "-t", kafka_jars.uuid_text(bytes(16)), "-c", str(self.settings)]
        words += [word for mechanism in SCRAM for word in ("--add-scram", f"{mechanism}={user}")]
        command = kafka_jars.java(256, "kafka.tools.StorageTool", *words, archive="")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

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
                "RATEBOOK_TEST_KAFKA_SASL_SSL": f"localhost:{broker.sasl_port}",
                "RATEBOOK_TEST_KAFKA_SSL": f"localhost:{broker.ssl_port}",
                "RATEBOOK_TEST_KAFKA_SECRETS": folder,
            }
            return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
        finally:
            broker.end()


if __name__ == "__main__":
    sys.exit(main())
