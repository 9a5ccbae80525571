"""./dev cluster, for real: up, break, mend, down; whatever ends it, nothing is left. Takes minutes; part `cluster` of
./dev test runs it."""

import re
import signal
import subprocess
import time

import pytest
from launched import NAME, ROOT, dev, get, left, nothing_is_left, ready_url, remember, well  # noqa: F401 (a fixture)


def row(engine: str) -> str:
    return next(line for line in well("status").splitlines() if f" {engine} " in line)


def test_a_full_cluster_survives_what_is_broken_and_leaves_nothing(nothing_is_left):  # noqa: F811
    front = ready_url(well("up"))
    assert get(front, "/readyz").status_code == 200
    table = well("status")
    for engine in ("etcd", "kafka", "postgres", "node", "balancer"):
        assert len(re.findall(rf"^zone-. +{engine}-", table, re.M)) == 3, table
    assert " primary " in table and "synchronous standby" in table and "controller" in table

    well("fail", "node-a")
    assert "dead" in row("node-a")
    for _ in range(20):
        assert get(front, "/rates?date_from=2021-01-01&date_to=2021-01-02&orig_code=AAAAA&dest_code=BBBBB").is_success
    well("heal", "node-a")
    assert "alive" in row("node-a")
    # One that is silent is only left after a while: until then its answers come from another.
    well("fail", "node-a", "--how", "pause")
    for _ in range(6):
        assert get(front, "/rates?date_from=2021-01-01&date_to=2021-01-02&orig_code=AAAAA&dest_code=BBBBB").is_success
    well("heal", "node-a")

    assert re.search(r"accepted [1-9].*committed [1-9].*reads [1-9]", well("load", "--seconds", "3"))
    assert re.search(r"version [1-9]\d* +\d+\.\d s", row("node-a"))
    assert "listening on" in well("logs", "node-a")

    failed = well("fail", "primary").split(":")[0]
    assert "dead" in row(failed)
    deadline = time.monotonic() + 60
    while " primary  " not in well("status"):
        assert time.monotonic() < deadline, "no standby took over"
        time.sleep(1)
    well("heal", "primary")
    assert "alive" in row(failed)

    well("fail", "kafka-2", "--how", "pause")
    assert "paused" in row("kafka-2")
    well("heal")
    assert "fault:" not in well("status")
    well("down")
    assert left() == []


def test_the_small_size_of_loopback_zones_keeps_within_its_memory(nothing_is_left):  # noqa: F811
    front = ready_url(well("up", "--size", "small", "--zones", "loopback"))
    assert get(front, "/readyz").status_code == 200
    assert "namespaces need root" in dev("fail", "network", "zone-a").stderr
    total = next(line for line in well("status").splitlines() if line.startswith("cluster "))
    assert int(total.split()[-2]) < 1024, total


def start_up() -> subprocess.Popen:
    """`up`, as from a terminal, with something started: these tests may run in the background of a script, which
    ignores signals, and so would it."""
    command = ["env", "--default-signal", "./dev", "cluster", "up", "--name", NAME]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while not (line := process.stdout.readline()).startswith("== cluster"):
        assert process.poll() is None
    remember(line)
    return process


@pytest.mark.parametrize(("seconds", "number"), [(1, signal.SIGINT), (4, signal.SIGINT), (2, signal.SIGHUP)])
def test_an_interrupted_start_leaves_nothing(nothing_is_left, seconds, number):  # noqa: F811
    process = start_up()
    time.sleep(seconds)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert left() == []


def test_a_start_that_nobody_listens_to_any_more_leaves_nothing(nothing_is_left):  # noqa: F811
    """As of `up | head -1`, or of a terminal that is closed."""
    process = start_up()
    process.stdout.close()
    assert process.wait(60) != 0
    assert left() == []


def test_a_start_that_was_killed_is_removed_by_down(nothing_is_left):  # noqa: F811
    process = start_up()
    time.sleep(3)
    process.kill()
    process.communicate(timeout=60)
    assert left() != []
    well("down")
    assert left() == []


def test_two_clusters_stand_side_by_side(nothing_is_left):  # noqa: F811
    other = f"{NAME}-other"
    try:
        fronts = {ready_url(well("up", "--size", "small")), ready_url(well("up", "--size", "small", name=other))}
        assert len(fronts) == 2
        well("fail", "zone-a")
        assert [get(front, "/readyz").status_code for front in fronts].count(200) == 1
    finally:
        dev("down", name=other)
    assert left(other) == []


def test_what_is_not_there_is_named():
    refused = dev("status")
    assert refused.returncode == 1
    assert f"no cluster {NAME} is up" in refused.stderr
