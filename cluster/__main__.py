"""The words of ./dev cluster."""

import argparse
import os
import re
import signal
import sys

from cluster import faults, load, state, status, up
from cluster.engines import engines_of
from cluster.layout import KINDS, ROOT, SIZES
from cluster.network import default_kind
from cluster.trouble import Trouble

PACE_MAX = 1000


def run_up(options: argparse.Namespace) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", options.name):
        raise Trouble("a name is made of a-z, 0-9 and -, and has at most 31 of them")
    kind = options.zones or default_kind()
    if kind == "netns" and default_kind() != "netns":
        raise Trouble(
            "zones as network namespaces need root with the right to make them, and a kernel that has them: "
            "--zones loopback"
        )
    with state.locked(options.name):
        up.up(options.name, options.size, kind)


def run_status(options: argparse.Namespace) -> None:
    status.show(state.load(options.name))


def run_fail(options: argparse.Namespace) -> None:
    how = options.how or "kill"
    if options.what[0] == "network":
        if len(options.what) != 2 or options.how not in (None, "cut"):
            raise Trouble("a network is cut, and it is a zone's: ./dev cluster fail network zone-a")
        how = "cut"
    elif len(options.what) != 1:
        raise Trouble("one thing at a time: ./dev cluster fail zone-b, kafka-1, primary, network zone-a")
    with state.locked(options.name):
        known = state.load(options.name)
        asked = options.what[-1]
        if options.what[0] == "network":
            asked = faults.zone_name(known.layout, asked)
        fault = faults.fail(known, asked, how)
    print(f"{fault.target}: {fault.how}; ./dev cluster heal {fault.target} undoes it")


def run_heal(options: argparse.Namespace) -> None:
    is_network = options.what[:1] == ["network"]
    if is_network and len(options.what) != 2:
        raise Trouble("a network is a zone's: ./dev cluster heal network zone-a")
    if len(options.what) > 1 and not is_network:
        raise Trouble("one thing at a time: ./dev cluster heal zone-b; without a name, all")
    with state.locked(options.name):
        known = state.load(options.name)
        asked = options.what[-1] if options.what else ""
        if is_network:
            asked = faults.zone_name(known.layout, asked)
        mended = faults.heal(known, asked, not options.no_wait)
    print(
        f"healed: {', '.join(f'{fault.target} ({fault.how})' for fault in mended) or 'nothing was broken on purpose'}"
    )


def run_load(options: argparse.Namespace) -> None:
    load.run(state.load(options.name).layout.front_address, options.batches, options.reads, options.seconds)


def run_logs(options: argparse.Namespace) -> None:
    known = state.load(options.name)
    engines = engines_of(known.layout)
    if not options.engine:
        for engine in engines:
            size = engine.log.stat().st_size if engine.log.exists() else 0
            print(f"{engine.name:12} {size >> 10:6} KiB  {engine.log.relative_to(ROOT)}")
        return
    engine = next((engine for engine in engines if engine.name == options.engine), None)
    if engine is None:
        raise Trouble(f"no {options.engine} is here; there are: {', '.join(engine.name for engine in engines)}")
    follow = ["-F"] if options.follow else []
    os.execvp("tail", ["tail", "-n", str(options.lines), *follow, str(engine.log)])  # noqa: S606


def run_down(options: argparse.Namespace) -> None:
    names = state.names() if options.all else [options.name]
    if not names:
        print("no cluster is up")
    troubles = []
    for name in names:
        try:
            with state.locked(name):
                up.down(name)
            print(f"the cluster {name} is down; nothing of it is left")
        except Trouble as trouble:
            troubles.append(str(trouble))
    if troubles:
        raise Trouble("\n".join(troubles))


def pace(text: str) -> float:
    value = float(text)
    if not 0 <= value <= PACE_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {PACE_MAX}")
    return value


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="./dev cluster",
        description="The whole of Ratebook over three zones of this machine: in each a node, a Kafka broker, "
        "PostgreSQL under Patroni, etcd; HAProxy in front.",
    )
    words = top.add_subparsers(metavar="WORD", required=True)

    def word(name: str, run, tells: str) -> argparse.ArgumentParser:
        made = words.add_parser(name, help=tells, description=tells)
        made.add_argument("--name", default="main", help="which cluster; several run side by side (main)")
        made.set_defaults(run=run)
        return made

    made = word("up", run_up, "start a cluster, and wait until all of it is healthy")
    made.add_argument("--size", choices=SIZES, default="full", help="small: one zone, 1 GiB in all (full)")
    made.add_argument("--zones", choices=KINDS, help="network namespaces as root, loopback addresses otherwise")
    word("status", run_status, "a table of zones and engines: state, role, version, lag, memory")
    made = word("fail", run_fail, "break something: a zone, an engine, what is the primary, a zone's network")
    made.add_argument(
        "what", nargs="+", help=f"zone-b, kafka-1, node-a, {', '.join(faults.ROLES)}, postmaster-1, network zone-a"
    )
    made.add_argument("--how", choices=faults.HOWS, help="kill; cut: from its peers, or of a zone from everything")
    made = word("heal", run_heal, "undo what `fail` did, and start what has ended")
    made.add_argument("what", nargs="*", help="as `fail` was told; all without it")
    made.add_argument("--no-wait", action="store_true", help="not until it is healthy")
    made = word("load", run_load, "send small batches and read rates, through the front, until Ctrl-C")
    made.add_argument("--batches", type=pace, default=5, help="a second, 0: none (5)")
    made.add_argument("--reads", type=pace, default=50, help="a second, 0: none (50)")
    made.add_argument("--seconds", type=float, help="not longer than that")
    made = word("logs", run_logs, "where the logs are, or the end of an engine's")
    made.add_argument("engine", nargs="?", help="such as kafka-1, node-a, front")
    made.add_argument("--lines", type=int, default=100)
    made.add_argument("--follow", "-f", action="store_true", help="go on showing what is added")
    made = word("down", run_down, "end a cluster and remove all of it, data and logs")
    made.add_argument("--all", action="store_true", help="every cluster of this tree")
    return top


def end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    options = parser().parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Under nohup it goes on without its terminal.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
    try:
        options.run(options)
    except Trouble as trouble:
        sys.exit(f"./dev cluster: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
