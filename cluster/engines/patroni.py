"""PostgreSQL under Patroni: one primary and its standbys, any of which makes a commit count; Patroni moves the primary
when it fails. The database `ratebook` and its owner are made when the first primary is."""

import json
import os
import pathlib
import shutil

from cluster.command import works
from cluster.engine import Command, Engine, Status, ask
from cluster.layout import ROOT
from cluster.trouble import Trouble

VENV = ROOT / "build" / "venv-cluster"
# Why PostgreSQL 15 never starts again once its disk was full as it received the first segment of a new timeline.
HALF_A_SEGMENT = "but previous recovered WAL file came from timeline"
MIB = 1 << 20


def programs() -> pathlib.Path:
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise Trouble("no PostgreSQL in /usr/lib/postgresql: ./dev cluster up installs it")
    return found[-1].parent


class Patroni(Engine):
    kind = "postgres"
    ports = (5432, 8008)
    # Clients come through the balancer of a zone, which speaks from an address of its own. With etcd's port a primary
    # that is cut off loses its leader key as it would with its zone.
    peer_ports = (5432, 8008, 2380)
    has_disk = True
    start_seconds_max = 120.0

    @property
    def config(self) -> pathlib.Path:
        """Of PostgreSQL. Not among its data: on a full disk Patroni leaves an empty file, and never writes it again."""
        return self.folder / "config"

    def configure(self) -> None:
        post_init = self.folder / "post_init.sql"
        password = self.layout.secret("ratebook").read_text().strip()
        # The standbys come later: nothing here can wait for them.
        post_init.write_text(
            "SET synchronous_commit TO local;\n"
            f"CREATE ROLE ratebook LOGIN PASSWORD '{password}';\n"
            "CREATE DATABASE ratebook OWNER ratebook TEMPLATE template0 ENCODING UTF8 LOCALE 'C';\n"
        )
        post_init.chmod(0o600)
        file = self.folder / "patroni.yaml"
        file.touch(mode=0o600)
        # JSON is YAML.
        file.write_text(json.dumps(self.configuration(), indent=1))
        self.config.mkdir(mode=0o700)
        (self.config / "base.conf").write_text("# Patroni sets all.\n")
        if os.geteuid() == 0:
            for path in (self.folder, self.disk, self.config, post_init, file):
                shutil.chown(path, "postgres", "postgres")

    def configuration(self) -> dict:
        def account(name: str, secret: str) -> dict:
            return {"username": name, "password": self.layout.secret(secret).read_text().strip()}

        network = f"{self.layout.network}.0/24" if self.layout.kind == "netns" else "127.0.0.0/8"
        replicated = self.layout.size.is_replicated
        return {
            "scope": "ratebook",
            "name": self.name,
            "restapi": {"listen": f"{self.address}:8008", "connect_address": f"{self.address}:8008"},
            # Its own zone's member only: one that cannot reach the others' majority must not hold the leader key.
            "etcd3": {"hosts": [f"{self.address}:2379"], "use_proxies": True},
            "watchdog": {"mode": "off"},
            "bootstrap": {
                "dcs": {
                    # The floor that Patroni supports: ttl ≥ 20, and ≥ loop_wait + 2 * retry_timeout.
                    "ttl": 20,
                    "loop_wait": 1,
                    "retry_timeout": 3,
                    # A commit counts with either standby, and the one that has most takes over. With one standby named
                    # the other may be ahead of it: then it is rewound before anything can be committed.
                    "synchronous_mode": "quorum" if replicated else False,
                    "synchronous_mode_strict": replicated,
                    # A primary that crashed is not waited for: its standby takes over at once.
                    "primary_start_timeout": 0 if replicated else 300,
                    "primary_stop_timeout": 5,
                    "postgresql": {
                        "use_pg_rewind": True,
                        # Replicas re-attach 2 s sooner after a promotion without slots.
                        "use_slots": False,
                        "remove_data_directory_on_rewind_failure": True,
                        "remove_data_directory_on_diverged_timelines": True,
                        "parameters": self.parameters(),
                    },
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
                "post_init": f"{programs()}/psql -X -q -v ON_ERROR_STOP=1 -f post_init.sql",
            },
            "postgresql": {
                "listen": f"{self.address}:5432",
                "connect_address": f"{self.address}:5432",
                "data_dir": str(self.disk / "data"),
                "config_dir": str(self.config),
                "custom_conf": str(self.config / "base.conf"),
                "bin_dir": str(programs()),
                "pgpass": str(self.folder / "pgpass"),
                "authentication": {
                    "superuser": account("postgres", "superuser"),
                    "replication": account("replicator", "replication"),
                },
                "basebackup": [{"checkpoint": "fast"}],
                "pg_hba": [
                    f"host replication replicator {network} scram-sha-256",
                    f"host all all {network} scram-sha-256",
                ],
            },
        }

    def parameters(self) -> dict:
        size = self.layout.size
        return {
            "max_connections": size.connections_max,
            "shared_buffers": f"{size.shared_buffers_mib}MB",
            "wal_keep_size": f"{size.wal_kept_mib}MB",
            "max_wal_size": f"{size.wal_kept_mib}MB",
            # Segments are used again: a new one is zeroed and synced while commits wait.
            "min_wal_size": f"{size.wal_kept_mib}MB",
            # On a disk that is a sparse file zeroing gains nothing, and commits wait for it.
            "wal_init_zero": "off",
            # What a large batch writes goes to the disk bit by bit, not all at a checkpoint, while commits wait.
            "backend_flush_after": "256kB",
            "password_encryption": "scram-sha-256",
            # A socket's path has at most 107 bytes: everything goes over TCP.
            "unix_socket_directories": "",
            # A peer that has died, or was cut off, is known to be gone within seconds.
            "wal_sender_timeout": "2s",
            "wal_receiver_timeout": "2s",
            "wal_retrieve_retry_interval": "200ms",
            "tcp_user_timeout": 3000,
            # What a standby's readers look at is not removed on the primary meanwhile: else they would hold its
            # replay up, and a promotion, until they are cancelled. Told every second, so that little piles up.
            "hot_standby_feedback": "on",
            "wal_receiver_status_interval": "1s",
            # What a client has given up does not run on.
            "client_connection_check_interval": "2s",
            "jit": "off",
            "log_checkpoints": "off",
        }

    def command(self) -> Command:
        return Command([*self.as_user(), str(VENV / "bin" / "python"), str(VENV / "bin" / "patroni"), "patroni.yaml"])

    def as_user(self) -> list[str]:
        """PostgreSQL refuses root. Where its user cannot reach the tree, it may pass through all folders."""
        if os.geteuid() != 0:
            return []
        words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        if works(*words, "test", "-r", VENV / "bin" / "patroni") and works(*words, "test", "-x", self.disk):
            return words
        return [*words, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]

    def missing(self) -> str:
        told = ask(self.address, 8008, "/patroni").json()
        if told.get("state") not in ("running", "streaming"):
            return f"PostgreSQL is {told.get('state', 'not there')}"
        if told["role"] not in ("primary", "master"):
            return "" if told.get("replication_state") == "streaming" else "it does not stream from the primary yet"
        if self.layout.size.is_replicated and not any(
            member["role"] == "quorum_standby" for member in self.members().values()
        ):
            return "no synchronous standby yet"
        if not self.is_primary():
            return "the database is being made"
        return ""

    def repair(self, log: str) -> str:
        """As `patronictl reinit` does."""
        if HALF_A_SEGMENT not in log:
            return ""
        if ask(self.address, 8008, "/reinitialize", "POST", {"force": True}, 10).status != 200:
            return ""
        return "PostgreSQL does not come past a segment that it received by half; copied anew from the primary"

    def is_primary(self) -> bool:
        """Not while post_init runs."""
        return ask(self.address, 8008, "/primary").status == 200

    def members(self) -> dict[str, dict]:
        """As Patroni has them in etcd."""
        return {member["name"]: member for member in ask(self.address, 8008, "/cluster").json()["members"]}

    def status(self) -> Status:
        told = ask(self.address, 8008, "/patroni").json()
        member = self.members().get(self.name, {})
        # Its own word counts: what etcd has of one that was cut off is old.
        role = "primary" if told.get("role") in ("primary", "master") else "replica"
        if role == "replica" and member.get("role") == "quorum_standby":
            role = "synchronous standby"
        if told.get("state") not in ("running", "streaming"):
            role = f"{role}, {told.get('state')}"
        version = str(told.get("server_version", ""))
        text = f"{version[:-4]}.{int(version[-4:])}, timeline {told.get('timeline', '?')}" if version else ""
        lag = member.get("lag", "") if role != "primary" else ""
        lag = f"{lag / MIB:.1f} MiB" if isinstance(lag, int) else str(lag)
        return Status(role, text, lag)
