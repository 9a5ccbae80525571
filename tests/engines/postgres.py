"""Runs a program beside a PostgreSQL: tests/engines/postgres.py PROGRAM [ARGUMENT…], and ends as it does.

The server has its data in a temporary folder and listens on a socket in there. The program finds it in
RATEBOOK_TEST_POSTGRES, a connection string; in RATEBOOK_TEST_POSTGRES_TLS one over TLS, whose password stands in
RATEBOOK_TEST_POSTGRES_PASSWORD_FILE.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))

from existing_service import PASSWORD, Postgres


def main() -> int:
    # pytest's and timeout's way to end a program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    postgres = Postgres(tls_port=port)
    try:
        environment = os.environ | {
            "RATEBOOK_TEST_POSTGRES": f"host={postgres.folder} port={port} user=owner",
            "RATEBOOK_TEST_POSTGRES_TLS": f"host=localhost hostaddr=127.0.0.1 port={port} user=owner "
            f"sslmode=verify-full sslrootcert={postgres.folder}/authority.pem",
            "RATEBOOK_TEST_POSTGRES_PASSWORD_FILE": f"{postgres.folder}/password",
            "PGPASSWORD": PASSWORD,
            # Each try of a property makes a database.
            "RC_PARAMS": "max_success=20",
        }
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
    finally:
        postgres.close()


if __name__ == "__main__":
    sys.exit(main())
