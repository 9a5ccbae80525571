"""A cluster over three zones on this machine, beside `psql \\copy` into the existing service's indexed table in it:
through the same balancer, and with the same standby waiting."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time
import tomllib
import urllib.parse

from common import BINARY, DATA, FOLDER, ROOT, Line, Server, free_port, in_turns, note, remove
from data import generated, load_real_prices, ports, put_places, real_places, regions
from rates import TARGETS, run_wrk

sys.path.append(str(ROOT))

from cluster import state
from cluster.network import network_of

NAME = "bench"
CLUSTER = ROOT / "build" / "cluster" / NAME
SMALL = 1_000


def rows_of(count, seed):
    """In whole dollars, which is all that the existing table holds."""
    path = FOLDER / f"whole-{count}-{seed}.csv"
    if not path.exists():
        made = generated(count, "csv", seed)
        with made.open() as lines, path.open("w") as out:
            out.writelines(f"{line.rstrip().split('.')[0]}\n" for line in lines)
        made.unlink()
    return path


class Node:
    """What answers HTTP at an address: a node, or the front of all."""

    def __init__(self, url):
        self.address = urllib.parse.urlsplit(url)
        self.host, self.port = self.address.hostname, self.address.port

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=1800)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer, answer.read()

    def call(self, method, path, body=None, headers=None):
        answer, read = self.ask(method, path, body, headers)
        return answer.status, read

    must = Server.must

    def post(self, rows, source, wait):
        """Seconds to the answer; the batch as it stands then, and where every node can say how it stands later."""
        headers = {"Content-Type": "text/csv", "Prefer": f"wait={wait}", "Content-Length": str(rows.stat().st_size)}
        with rows.open("rb") as body:
            began = time.perf_counter()
            answer, read = self.ask("POST", f"/v1/batches?source={source}", body, headers)
            took = time.perf_counter() - began
        if answer.status not in (201, 202):
            sys.exit(f"a batch was answered with {answer.status}: {read[:500]!r}")
        return took, json.loads(read), answer.getheader("Location")

    def wait_for(self, batch, location):
        while batch["status"] != "committed":
            time.sleep(0.005)
            batch = self.must((200,), "GET", location)


def dev(*words):
    done = subprocess.run(
        [ROOT / "dev", "cluster", *words, "--name", NAME], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"./dev cluster {' '.join(words)} failed: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


@contextlib.contextmanager
def cluster():
    """The front, and a node by itself."""
    said = dev("up")
    try:
        front = Node(re.search(r"^ready on (\S+)$", said, re.M)[1])
        yield front, Node(re.search(r"^node-a (\S+)$", said, re.M)[1])
    finally:
        dev("down")


def settings_of_node():
    return tomllib.loads((CLUSTER / "node-a" / "ratebook.toml").read_text())


def psql(script):
    """Seconds that it takes, as the user whom the nodes are, by the way that they take."""
    environment = {**os.environ, "PGPASSWORD": (CLUSTER / "secrets" / "ratebook").read_text().strip()}
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", settings_of_node()["postgres"]["primary"]]
    began = time.perf_counter()
    done = subprocess.run(command, input=script, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"psql failed: {done.stderr}")
    return time.perf_counter() - began


def make_peer():
    """The existing service's tables with their index, empty but for the places, in a schema of their own."""
    rows = [("regions", (each["slug"], each["name"], each["parent_slug"] or "")) for each in regions()]
    rows += [("ports", (each["code"], each["name"], each["parent_slug"])) for each in ports()]
    inserts = "".join(
        f"INSERT INTO {table} VALUES ({', '.join(f'nullif($${value}$$, $$$$)' for value in row)});\n"
        for table, row in rows
    )
    tables = (DATA / "existing.sql").read_text()
    psql(f"CREATE SCHEMA existing; SET search_path = existing;\n{tables}\n{inserts}")


def copy(count, number):
    path = rows_of(count, number)
    return psql(f"SET search_path = existing;\n\\copy prices FROM '{path}' WITH (FORMAT csv, HEADER)\n")


class Supplier:
    """Another source, which sends a small batch each second for as long as the block lasts."""

    def __init__(self, front):
        self.front, self.seconds, self.ended = front, [], threading.Event()
        self.thread = threading.Thread(target=self.send)

    def send(self):
        for number in range(10_000):
            took, batch, _ = self.front.post(rows_of(SMALL, 500 + number % 50), "supplier", 60)
            if batch["status"] != "committed":
                sys.exit("a small batch waited for longer than a minute")
            self.seconds.append(took)
            if self.ended.wait(1):
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def batches(front, options):
    def accepted(number):
        took, *standing = front.post(rows_of(50_000, number), "bench", 0)
        front.wait_for(*standing)
        return took

    turns = {
        "202": accepted,
        "201": lambda number: front.post(rows_of(50_000, 30 + number), "bench", 60)[0],
        "copy": lambda number: copy(50_000, number),
    }
    samples = in_turns(options.rounds, "cluster: 50000 prices", turns)
    peer = "psql \\copy, indexed"
    yield Line("cluster: batch of 50000, request to 202", "s", samples["202"], "≤", 0.3, peer, samples["copy"])
    yield Line("cluster: batch of 50000, request to 201", "s", samples["201"], "≤", 1.25, peer, samples["copy"])


def large_batches(front, count, rounds):
    for number in range(50):
        rows_of(SMALL, 500 + number)
    with Supplier(front) as quiet:
        time.sleep(12)
    ours, theirs, beside, slowest = [], [], [], []
    for number in range(rounds):
        rows = rows_of(count, 60 + number)
        with Supplier(front) as supplier:
            began = time.perf_counter()
            _, *standing = front.post(rows, "bench", 60)
            front.wait_for(*standing)
            ours.append(time.perf_counter() - began)
        slowest.append(max(supplier.seconds))
        beside += supplier.seconds
        theirs.append(copy(count, 60 + number))
        note(f"cluster: {count} prices: round {number + 1} of {rounds}")
    what = f"cluster: batch of {count}, request to 201"
    yield Line(what, "s", ours, "≤", 1.0, "psql \\copy, indexed", theirs)
    peer, median = "the median when it is quiet", statistics.median(quiet.seconds)
    what = f"cluster: batches of {SMALL} of another source beside it"
    yield Line(what, "s", beside, "≤", 5.0, peer, [median] * len(beside))
    yield Line(f"{what}, the slowest", "s", slowest, "≤", 5.0, peer, [median] * len(slowest))


def pin(pid, cores):
    subprocess.run(["taskset", "-a", "-c", "-p", cores, str(pid)], check=True, capture_output=True)


class PinnedNode(Node):
    """A node as the load sees a server; its process on core 0."""

    def __init__(self, node):
        super().__init__(node.address.geturl())
        self.name = "node-a"
        pid = state.load(NAME).processes["node-a"].pid
        self.process = next(each for each in family(pid) if "serve" in command_of(each))
        pin(self.process, "0")

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def command_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def family(pid):
    yield pid
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from family(int(child))


def embedded_beside():
    """An embedded node in the zone of node-a: the way to both is the same."""
    layout = state.load(NAME).layout
    zone = layout.zones[0]
    remove("beside-cluster.sqlite")
    command = [*network_of(layout).inside(zone), str(BINARY), "serve", "--data", str(FOLDER / "beside-cluster.sqlite")]
    server = Server("ratebook-beside", [*command, "--listen", f"{zone.address}:8090", "--open-to-everyone"], 8090)
    server.host = zone.address
    return server


def reads(node, options):
    """The same book behind both, before anything else: the real data."""
    pinned_node = PinnedNode(node)
    with embedded_beside() as embedded:
        pin(embedded.process.pid, "0")
        put_places(embedded, real_places())
        load_real_prices(embedded)
        queries = load_real_prices(pinned_node)
        TARGETS.write_text("".join(f"/rates?{query}\n" for query in queries))
        turns = {
            server.name: lambda number, server=server: run_wrk(server, 16, options.seconds, number)["requests_per_s"]
            for server in (pinned_node, embedded)
        }
        samples = in_turns(options.rounds, "cluster: /rates on a node", turns)
    pin(pinned_node.process, f"0-{os.cpu_count() - 1}")
    speed, beside = samples[pinned_node.name], samples[embedded.name]
    yield Line("cluster: GET /rates on a node", "requests/s", speed, "≥", 0.95, "an embedded node beside it", beside)


def start(node_settings, _number):
    """Another node, which holds what the store holds and goes again."""
    port = free_port()
    command = [BINARY, "serve", "--config", node_settings, "--listen", f"127.0.0.1:{port}"]
    began = time.perf_counter()
    with Server("ratebook-another", [str(word) for word in command], port):
        return time.perf_counter() - began


def restart(options):
    """With what the store holds: every row that was staged and committed."""
    select = "SELECT orig, dest, day, cents FROM ratebook.price"
    turns = {
        "start": lambda number: start(CLUSTER / "node-a" / "ratebook.toml", number),
        "copy": lambda _: psql(f"\\copy ({select}) TO '/dev/null' WITH (FORMAT binary)\n"),
    }
    samples = in_turns(options.rounds, "cluster: start to ready", turns)
    what = "cluster: start to ready, with all that came before in the store"
    yield Line(what, "s", samples["start"], "≤", 2.0, "psql \\copy … to /dev/null, binary", samples["copy"])


def budgets(options):
    """All of them against one cluster."""
    with cluster() as (front, node):
        put_places(front, real_places())
        make_peer()
        yield from reads(node, options)
        yield from batches(front, options)
        yield from large_batches(front, 1_000_000, min(options.rounds, 3))
        yield from large_batches(front, 10_000_000, 1)
        yield from restart(options)
