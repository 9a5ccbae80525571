"""Clusters that the tests of this folder start, and what is left of them."""

import os
import pathlib
import re
import subprocess

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = f"test-{os.getpid()}"
# Of the clusters that were started here: in the names of their networks. Other trees may have clusters, too.
NUMBERS: set[str] = set()


def dev(*words: str, name: str = NAME, seconds: float = 300) -> subprocess.CompletedProcess:
    command = ["./dev", "cluster", words[0], "--name", name, *words[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    remember(done.stdout)
    return done


def remember(said: str) -> None:
    NUMBERS.update(re.findall(r"\b10\.213\.(\d+)\.", said))


def well(*words: str, name: str = NAME) -> str:
    done = dev(*words, name=name)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def left(name: str = NAME) -> list[str]:
    """What of a cluster is still there: processes, mounts, loop devices, files."""
    folder = str(ROOT / "build" / "cluster" / name)
    found = [folder] if pathlib.Path(folder).exists() else []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if folder.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    for device in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        found += [str(device)] if folder in device.read_text() else []
    return found + [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if folder in line]


def networks() -> list[str]:
    paths = [*pathlib.Path("/sys/class/net").iterdir(), *pathlib.Path("/run/netns").glob("*")]
    return [path.name for path in paths if re.sub(r"^rb(\d+).*", r"\1", path.name) in NUMBERS]


def get(url: str, path: str) -> httpx.Response:
    return httpx.get(url + path, trust_env=False, timeout=10)


@pytest.fixture
def nothing_is_left():
    NUMBERS.clear()
    yield
    dev("down")
    assert left() == []
    assert networks() == []


def ready_url(said: str) -> str:
    return said.splitlines()[-1].removeprefix("ready on ")
