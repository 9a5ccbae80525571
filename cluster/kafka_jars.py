"""Kafka's jars, and what is made from them once: an archive of loaded classes, with which a broker starts in half the
time, and the files of an empty broker, so that no JVM has to be started to format each one's folder."""

import base64
import fcntl
import functools
import hashlib
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import time

from cluster.layout import ROOT, Zone
from cluster.trouble import Trouble

JARS = ROOT / "build" / "kafka" / "jars"
SETTINGS = ROOT / "cluster" / "kafka"
START_SECONDS_MAX = 90


def version() -> str:
    return re.search(r"kafka-clients-([\d.]+)\.jar", (SETTINGS / "jars.sha256").read_text())[1]


def uuid_text(value: bytes) -> str:
    """As Kafka writes it; one that began with a dash would be taken for an option."""
    return base64.urlsafe_b64encode(b"\x01" + value[1:]).decode().rstrip("=")


@functools.cache
def prepared() -> pathlib.Path:
    """The folder of what is made once; another Java or other jars have another."""
    java_version = subprocess.run(["java", "-version"], capture_output=True, check=True).stderr
    listed = (SETTINGS / "jars.sha256").read_bytes()
    return JARS.parent / hashlib.sha256(java_version + listed + str(JARS).encode()).hexdigest()[:16]


def java(heap_mib: int, *words: str, archive: str = "-XX:SharedArchiveFile=") -> list[str]:
    jars = ":".join(str(path) for path in sorted(JARS.glob("*.jar")))
    return [
        "java",
        f"-Xmx{heap_mib}m",
        "-Xss512k",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:ReservedCodeCacheSize=48m",
        *([f"{archive}{prepared() / 'classes.jsa'}"] if archive else []),
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
        f"-Dlog4j2.configurationFile={SETTINGS / 'log4j2.properties'}",
        "-cp",
        jars,
        *words,
    ]


def prepare(properties_of) -> bool:
    """Makes what is not there yet; `properties_of(zones, zone, data)` are a broker's settings. Whether there was
    anything to do."""
    folder = prepared()
    if (folder / "done").exists():
        return False
    with open(JARS.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "done").exists():
            return False
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        # Far from the addresses of any cluster, and of another tree that does the same now.
        address = f"127.214.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        zone = Zone("x", 1, address, address)
        settings = folder / "server.properties"
        settings.write_text(properties_of((zone,), zone, folder / "template"))
        log = folder / "log"
        with open(log, "wb") as out:
            words = ("kafka.tools.StorageTool", "format", "-t", uuid_text(bytes(16)), "-c", str(settings))
            formatted = subprocess.run(java(256, *words, archive=""), stdout=out, stderr=out)
        if formatted.returncode != 0:
            raise Trouble(f"Kafka could not format a folder: {log}\n{log.read_text()[-2000:]}")
        shutil.copytree(folder / "template", folder / "empty")
        run_once(java(256, "kafka.Kafka", str(settings), archive="-XX:ArchiveClassesAtExit="), log)
        shutil.rmtree(folder / "template")
        (folder / "done").touch()
    return True


def run_once(command: list[str], log: pathlib.Path) -> None:
    """A broker that is started and ended in good order: when it ends, it writes the classes that it has loaded."""
    # It belongs to no cluster that `down` could end: it ends with us.
    words = ["setpriv", "--pdeathsig", "KILL", *command]
    with open(log, "ab") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS_MAX
        while "Kafka Server started" not in log.read_text():
            if time.monotonic() > deadline or process.poll() is not None:
                raise Trouble(f"a Kafka broker did not start: {log}\n{log.read_text()[-4000:]}")
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        raise Trouble(f"a Kafka broker did not end within {START_SECONDS_MAX} s of being told to: {log}") from None
    finally:
        process.kill()
        process.wait()


def format_folder(data: pathlib.Path, cluster_id: str, node: int) -> None:
    """What `kafka-storage format` would leave there."""
    shutil.copytree(prepared() / "empty", data)
    own = {"cluster.id": cluster_id, "node.id": str(node), "directory.id": uuid_text(secrets.token_bytes(16))}
    file = data / "meta.properties"
    lines = [line for line in file.read_text().splitlines() if line.partition("=")[0] not in own]
    file.write_text("".join(f"{line}\n" for line in [*lines, *(f"{name}={value}" for name, value in own.items())]))
