"""Certificates for tests of TLS."""

import subprocess


def make_certificate(folder, name: str, authority: str = "authority") -> None:
    """name.pem and name.key for 127.0.0.1 and localhost, signed by authority.pem, which is made where there is none."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    if not (folder / f"{authority}.pem").exists():
        openssl(
            "req", "-x509", *key, "-subj", f"/CN={authority}", "-keyout", f"{authority}.key", "-out", f"{authority}.pem"
        )
    openssl(
        "req",
        "-x509",
        *key,
        "-subj",
        f"/CN={name}",
        "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-CA",
        f"{authority}.pem",
        "-CAkey",
        f"{authority}.key",
        "-keyout",
        f"{name}.key",
        "-out",
        f"{name}.pem",
    )
