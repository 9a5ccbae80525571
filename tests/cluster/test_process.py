"""What the launcher starts, and what it may do on this machine; needs no cluster."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from conftest import until
from launched import ROOT

from cluster import process


def test_a_process_does_not_ignore_the_signals_that_its_launcher_ignores(tmp_path):
    """As of a launcher in the background of a script, or under nohup."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        started = process.start(["sleep", "60"], tmp_path, "sleeper", tmp_path, tmp_path / "log", {})
        until(lambda: os.readlink(f"/proc/{started.pid}/exe").endswith("/sleep"))
        status = pathlib.Path(f"/proc/{started.pid}/status").read_text()
        assert int(re.search(r"^SigIgn:\s+(\w+)", status, re.M)[1], 16) == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        assert process.kill(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
@pytest.mark.parametrize(
    ("lost", "asked"),
    [
        ("sys_admin", "network.default_kind() == 'loopback'"),
        ("net_admin", "network.default_kind() == 'loopback'"),
        ("sys_admin", "not disks.are_possible()"),
    ],
)
def test_what_this_machine_does_not_allow_is_known_before_it_is_begun(lost, asked):
    """As in a container."""
    program = f"from cluster import disks, network; assert {asked}"
    command = ["setpriv", f"--bounding-set=-{lost}", f"--inh-caps=-{lost}", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
