"""./dev break: a workload on a cluster that is up, faults from a seed, then the proof. Ctrl-C ends the faults, not the
proof. Ends with 1 where anything is found that should not be."""

import argparse
import contextlib
import io
import pathlib
import random
import signal
import sys
import threading
import time
import traceback

from breaking.checker import check, show
from breaking.client import Client
from breaking.dump import dump, settle
from breaking.faults import FAULTS, SHORT, Stage, possible
from breaking.history import History, now, read
from breaking.measure import Measure
from breaking.workload import Workload
from cluster import faults as launcher
from cluster import state
from cluster.engines import engines_of
from cluster.layout import ROOT
from cluster.trouble import Trouble

WARM_SECONDS = 8
HEALTHY_SECONDS_MAX = 120
SETTLE_SECONDS_MAX = 120


def schedule(chance: random.Random, names: list[str]):
    """Each once, in an order of its own, again and again."""
    while True:
        round_of = list(names)
        chance.shuffle(round_of)
        yield from round_of


def mend(name: str) -> str:
    """Heals all; what it could not, in words."""
    ends = time.monotonic() + HEALTHY_SECONDS_MAX
    while True:
        try:
            with state.locked(name), contextlib.redirect_stdout(io.StringIO()):
                launcher.heal(state.load(name), "", True)
            return ""
        except (Trouble, OSError) as trouble:
            if time.monotonic() > ends:
                return str(trouble)


def break_once(stage: Stage, fault: str, history: History, measure: Measure) -> list[str]:
    """What went wrong with breaking or mending, which is a finding, too."""
    wrong = []
    stage.broken = []
    stage.is_caught = None
    began = now()
    history.add("fault", name=fault, step="begin", began=began, ended=began)
    try:
        FAULTS[fault](stage)
    except Exception as error:
        # What was done until then is proven all the same.
        wrong.append(f"{fault} could not be done: {error!r}")
    mended = now()
    told = {"targets": stage.broken, "caught": stage.is_caught}
    history.add("fault", name=fault, step="mend", **told, began=mended, ended=mended)
    lack = mend(stage.name)
    if lack:
        wrong.append(f"{fault} ({', '.join(stage.broken)}): not healthy within {HEALTHY_SECONDS_MAX} s: {lack}")
    healthy = now()
    history.add("fault", name=fault, step="healthy", began=healthy, ended=healthy)
    time.sleep(1.5)
    gaps = measure.add(fault, ",".join(stage.broken), began, now(), healthy - mended, stage.is_caught)
    if gaps.failed_reads and fault != "restore":
        wrong.append(f"{fault} ({', '.join(stage.broken)}): {gaps.failed_reads} reads failed")
    print(gaps.line(), flush=True)
    for text in gaps.missed_goals():
        print(f"   goal missed: {text}", flush=True)
    for text in wrong:
        print(f"   {text}", flush=True)
    return wrong


def run(options: argparse.Namespace, names: list[str]) -> int:
    known = state.load(options.name)
    names = possible(known, names, bool(options.fault))
    nodes = {engine.name: engine.address for engine in engines_of(known.layout) if engine.kind in ("node", "front")}
    path = pathlib.Path(options.history or ROOT / "build" / f"break-{options.name}-{options.seed}.jsonl")
    history = History(path)
    measure = Measure()
    history.listeners.append(measure.hear)
    history.add("run", seed=options.seed, nodes=[name for name in nodes if name != "front"], began=now())
    print(f"seed {options.seed}, history {path}", flush=True)
    workload = Workload(history, options.seed, nodes)
    workload.put_first_places()
    stage = Stage(options.name, workload.shared, history)
    wrong: list[str] = []
    ends = time.monotonic() + 60 * options.minutes
    interrupted = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    workload.start()
    try:
        time.sleep(WARM_SECONDS)
        print(measure.add("nothing", "", now() - WARM_SECONDS / 2, now(), 0).line(), flush=True)
        for done, fault in enumerate(schedule(random.Random(options.seed), names)):
            if interrupted.is_set() or (done == len(names) if options.once else time.monotonic() > ends):
                break
            # Each fault's own: how often the one before asked for a number depends on how long it took.
            stage.random = random.Random(f"{options.seed} {done}")
            wrong += break_once(stage, fault, history, measure)
            stage.hold(1, 5)
    finally:
        mend(options.name)
        workload.stop(40)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    client = Client(history, "dump", nodes)
    lack = settle(client, workload.shared, SETTLE_SECONDS_MAX)
    if lack:
        wrong.append(f"not settled {SETTLE_SECONDS_MAX} s after the end: {lack}")
    try:
        dump(history, client, workload.shared)
    except Exception:
        wrong.append(f"no whole dump: {traceback.format_exc()}")
    history.close()
    violations = check(read(path))
    show(violations)
    wrong += workload.failures
    print(measure.table())
    print("\n".join(wrong))
    print(
        f"{measure.taken} batches accepted, {measure.newest} versions, {len(measure.reads)} reads, "
        f"{len(measure.all) - 1} faults; "
        f"{len(violations)} promises broken, {len(wrong)} other findings; seed {options.seed}, {path}"
    )
    return 1 if violations or wrong else 0


def main() -> None:
    top = argparse.ArgumentParser(prog="./dev break", description=__doc__)
    top.add_argument("--minutes", type=float, default=10, help="how long to go on with faults (10)")
    top.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same again")
    top.add_argument("--fault", action="append", choices=sorted(FAULTS), help="only this one; may be repeated")
    top.add_argument("--name", default="break", help="the cluster; an empty one is started where none is up (break)")
    top.add_argument("--history", help="where to (build/break-NAME-SEED.jsonl)")
    top.add_argument("--short", action="store_true", help=f"{', '.join(SHORT)}, each once")
    top.add_argument("--words-only", action="store_true", help=argparse.SUPPRESS)
    options = top.parse_args()
    if options.words_only:
        return
    options.once = options.short
    names = options.fault or (list(SHORT) if options.short else sorted(FAULTS))
    try:
        sys.exit(run(options, names))
    except Trouble as trouble:
        sys.exit(f"./dev break: {trouble}")


if __name__ == "__main__":
    main()
