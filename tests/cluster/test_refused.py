"""What the launcher and ./dev break refuse or leave out; needs no cluster."""

import pytest
from breaking.faults import SHORT, possible
from launched import dev

from cluster import faults
from cluster.layout import Layout
from cluster.state import Fault, State
from cluster.trouble import Trouble


def test_faults_that_loopback_zones_cannot_have_are_left_out(capsys):
    known = State(Layout("here", "full", "loopback", 1))
    assert possible(known, [*SHORT, "disk-full-kafka"], False) == [name for name in SHORT if name != "cut-zone"]
    told = capsys.readouterr().out
    assert "cut-zone: left out, zones are loopback addresses" in told
    assert "disk-full-kafka: left out" in told


def test_a_fault_that_was_asked_for_and_cannot_be_had_is_an_error():
    with pytest.raises(Trouble, match="cut-zone: zones are loopback addresses"):
        possible(State(Layout("here", "full", "loopback", 1)), ["cut-zone"], True)


def test_namespaces_and_disks_have_every_fault():
    known = State(Layout("here", "full", "netns", 1), has_disks=True)
    assert possible(known, [*SHORT, "disk-full-kafka"], True) == [*SHORT, "disk-full-kafka"]


def test_what_has_no_peers_is_not_cut_and_no_fault_is_kept():
    known = State(Layout("here", "small", "netns", 1))
    with pytest.raises(Trouble, match="no peers in other zones"):
        faults.fail(known, "postgres-1", "cut")
    assert known.faults == []
    faults.check(known, Fault("zone-a", "zone-a", "cut"))
    faults.check(State(Layout("here", "full", "netns", 1)), Fault("postgres-1", "postgres-1", "cut"))


@pytest.mark.parametrize(
    ("words", "told"),
    [(["zone-a", "zone-b"], "one thing at a time"), (["network"], "a network is a zone's")],
)
def test_heal_takes_one_thing(words, told):
    refused = dev("heal", *words)
    assert refused.returncode == 1
    assert told in refused.stderr
