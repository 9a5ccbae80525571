"""Gaps are not made shorter by answers that tell nothing of when a batch was accepted."""

from breaking.measure import Measure


def answered(ended: float, status: int = 202, wait: int = 0) -> dict:
    return {"what": "send", "ended": ended, "status": status, "wait": wait, "source": "small-0", "id": str(ended)}


def accepting(*lines: dict) -> float:
    measure = Measure()
    for line in lines:
        measure.hear(line)
    return measure.add("some", "", 1, 10, 0).accepting


def test_a_gap_goes_from_one_acceptance_to_the_next():
    assert accepting(answered(1), answered(3), answered(8), answered(9.5)) == 5


def test_a_gap_goes_on_until_the_end():
    assert accepting(answered(1), answered(3)) == 7


def test_waits_repeats_and_refusals_end_no_gap():
    between = [answered(4, wait=2), answered(5, status=201, wait=10), answered(6, status=200), answered(7, status=503)]
    assert accepting(answered(1), answered(3), *between, answered(8), answered(9.5)) == 5


def test_what_a_batch_waited_before_the_fault_is_not_counted():
    measure = Measure()
    probe = answered(1) | {"source": "probe-0", "id": "a"}
    for line in (probe, {"what": "event", "number": 1, "batch_id": "a", "ended": 8}):
        measure.hear(line)
    assert measure.add("some", "", 6, 10, 0).slowest_commit == 2
