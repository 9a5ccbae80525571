"""Short commands of the system, such as ip and mount: their words are told where they fail."""

import os
import subprocess

from cluster.trouble import Trouble


def run(*words: object, feed: str | None = None, environment: dict[str, str] | None = None, seconds: float = 60) -> str:
    """What it says; `environment` stands above ours."""
    command = [str(word) for word in words]
    try:
        done = subprocess.run(
            command, input=feed, env=os.environ | (environment or {}), capture_output=True, text=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        raise Trouble(f"`{' '.join(command)}` did not end within {seconds:.0f} s") from None
    except FileNotFoundError:
        raise Trouble(f"{command[0]} is not installed: ./dev cluster up installs it") from None
    if done.returncode != 0:
        raise Trouble(f"`{' '.join(command)}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def works(*words: object) -> bool:
    """Whether it ends well; what it says is of no interest."""
    try:
        return subprocess.run([str(word) for word in words], capture_output=True, timeout=60).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
