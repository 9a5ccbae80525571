"""Short commands of the system, such as ip and mount: their words are told where they fail."""

import subprocess

from cluster.trouble import Trouble


def run(*words: object, feed: str | None = None) -> str:
    command = [str(word) for word in words]
    try:
        done = subprocess.run(command, input=feed, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        raise Trouble(f"{command[0]} is not installed: ./dev cluster up installs it") from None
    if done.returncode != 0:
        raise Trouble(f"`{' '.join(command)}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def works(*words: object) -> bool:
    """Whether it ends well; what it says is of no interest."""
    try:
        return subprocess.run([str(word) for word in words], capture_output=True, timeout=60).returncode == 0
    except FileNotFoundError:
        return False
