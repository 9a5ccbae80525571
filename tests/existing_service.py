"""The existing service, small and real: its tables in a PostgreSQL of its own, and its GET /rates answered by SQL."""

import contextlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse

from certificates import make_certificate
from conftest import DATA

PASSWORD = "pa55'w\\ord@not/shown"

RATES = (DATA / "existing_rates.sql").read_text(encoding="ascii")


def programs() -> pathlib.Path:
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise RuntimeError("no PostgreSQL here: ./dev test installs Debian's package postgresql")
    return found[-1].parent


def folder_for_sockets(prefix: str) -> pathlib.Path:
    """A new one, not below pytest's: a socket's path has at most 107 bytes, and TMPDIR may be long, too. A connection
    string that names it has no blanks."""
    folder = tempfile.gettempdir()
    if len(folder) > 60 or " " in folder:
        folder = "/tmp"  # noqa: S108
    return pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=folder))


class Postgres:
    """A cluster in a folder of its own, on a Unix socket, with a password; one database a name. With `tls_port` it
    listens on loopback, too, with a certificate of `authority.pem` in its folder."""

    def __init__(self, tls_port: int | None = None):
        self.folder = folder_for_sockets("ratebook-postgres-")
        # It refuses root.
        self.as_user = []
        if os.geteuid() == 0:
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(self.folder, "postgres", "postgres")
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="ascii")
        password.chmod(0o644)
        self.run(
            str(programs() / "initdb"),
            "-D",
            str(self.folder / "data"),
            "-U",
            "owner",
            "-E",
            "UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "--no-sync",
        )
        listening = ["-c", "listen_addresses="]
        if tls_port is not None:
            make_certificate(self.folder, "server")
            if self.as_user:
                for name in ("server.pem", "server.key"):
                    shutil.chown(self.folder / name, "postgres", "postgres")
            listening = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={tls_port}", "-c", "ssl=on"]
            listening += [
                "-c",
                f"ssl_cert_file={self.folder}/server.pem",
                "-c",
                f"ssl_key_file={self.folder}/server.key",
            ]
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [
                    *self.as_user,
                    str(programs() / "postgres"),
                    "-D",
                    str(self.folder / "data"),
                    "-k",
                    str(self.folder),
                    *listening,
                    "-c",
                    "fsync=off",
                ],
                stdout=log,
                stderr=log,
                cwd="/",
            )
        self.port = tls_port or 5432
        self.environment = {
            **os.environ,
            "PGPORT": str(self.port),
            "PGHOST": str(self.folder),
            "PGUSER": "owner",
            "PGPASSWORD": PASSWORD,
        }
        deadline = time.monotonic() + 60
        while subprocess.run(
            [str(programs() / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)], check=False
        ).returncode:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def run(self, *command: str) -> None:
        subprocess.run([*self.as_user, *command], check=True, capture_output=True, cwd="/")

    def sql(self, database: str, text: str, **variables: str) -> str:
        set_variables = [f"--set={name}={value}" for name, value in variables.items()]
        return subprocess.run(
            [str(programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *set_variables, database],
            input=text,
            capture_output=True,
            text=True,
            check=True,
            cwd=DATA,
            env=self.environment,
        ).stdout

    def make_existing(self, database: str) -> str:
        """The existing service's tables with its data."""
        self.sql("postgres", f"CREATE DATABASE {database}")
        tables = (DATA / "existing.sql").read_text(encoding="utf-8")
        copies = "".join(
            f"\\copy {table} FROM '{table}.csv' WITH (FORMAT csv, HEADER)\n" for table in ("regions", "ports", "prices")
        )
        self.sql(database, f"{tables}\n{copies}ANALYZE;")
        return database

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.folder)


@contextlib.contextmanager
def existing_service(postgres: Postgres, database: str, plant=lambda rates: rates):
    """Its URL. `plant` may change what it answers."""

    def answer(query: dict) -> tuple[int, dict]:
        try:
            asked = {
                name: query[f"{name}_code" if name in ("orig", "dest") else f"date_{name}"]
                for name in ("from", "to", "orig", "dest")
            }
        except KeyError as missing:
            return 400, {"error": f"{missing} is missing"}
        if not all(re.fullmatch(r"\d{4}-\d{2}-\d{2}", asked[name]) for name in ("from", "to")):
            return 400, {"error": "a date is malformed"}
        try:
            return 200, {"rates": plant(json.loads(postgres.sql(database, RATES, **asked)))}
        except subprocess.CalledProcessError:
            return 400, {"error": "there is no such day"}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            status, body = answer(dict(urllib.parse.parse_qsl(url.query))) if url.path == "/rates" else (404, {})
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
