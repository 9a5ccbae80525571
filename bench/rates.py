"""GET /rates over HTTP: beside nginx with a file of the same size, at full speed and at half of it, and while batches
come in. Server on core 0, load on core 1."""

import contextlib
import json
import subprocess
import sys
import time

from common import FOLDER, RELEASE, ROOT, Line, in_turns, note, pinned, ratebook
from data import CODES, generated, load_real, put_places
from nginx import SHIPPED, TUNED, nginx

TARGETS = FOLDER / "targets"


def run_wrk(server, connections, seconds, seed):
    command = [*pinned(1), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(ROOT / "bench" / "rates.lua")]
    command += [f"http://{server.host}:{server.port}", "--", str(TARGETS), str(seed)]
    before = server.cpu_seconds()
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in output.stdout.splitlines() if line.startswith("{")]
    if output.returncode != 0 or not lines:
        sys.exit(f"wrk failed: {output.stdout}{output.stderr}")
    result = json.loads(lines[-1])
    if result["errors"]:
        sys.exit(f"{server.name} answered {result['errors']} of {result['requests']} requests with an error")
    busy = (server.cpu_seconds() - before) / result["seconds"]
    if busy < 0.8:
        note(f"{server.name} had its core only to {busy:.0%}: something else runs, or the load cannot keep up")
    return result | {"requests_per_s": result["requests"] / result["seconds"]}


def run_open(server, rate, seconds, seed, *beside, connections=64):
    """Open loop: requests come when they are due, whether or not the ones before are answered."""
    command = [*pinned(1), str(RELEASE / "bench" / "http_load"), "open", str(server.port), str(connections)]
    command += [str(rate), str(seconds), str(TARGETS), str(seed), *map(str, beside)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@contextlib.contextmanager
def beside_nginx():
    """Ours with the real data, and both nginx with the middle one of its answers."""
    with ratebook(core=0) as ours:
        queries = load_real(ours)
        answers = [ours.call("GET", f"/rates?{query}") for query in queries]
        if any(status != 200 or body.count(b'"day"') != 31 for status, body in answers):
            sys.exit("/rates did not answer with 31 days")
        body = sorted((body for _, body in answers), key=len)[len(answers) // 2]
        TARGETS.write_text("".join(f"/rates?{query}\n" for query in queries))
        with nginx("nginx", SHIPPED, body) as shipped, nginx("nginx-tuned", TUNED, body) as tuned:
            yield ours, shipped, tuned


def full_speed(options):
    with beside_nginx() as servers:
        for connections in (16, 256):
            yield from at_full_speed(servers, connections, options)


def run_closed(server, connections, seconds, seed):
    """Each connection's next request as soon as the one before is answered. As wrk does it, but without its own pauses:
    with 16 connections wrk tells a p99 of 0.3 to 1 ms of every server, where this tells 0.14 to 0.25."""
    command = [*pinned(1), str(RELEASE / "bench" / "http_load"), "closed", str(server.port), str(connections)]
    command += [str(seconds), str(TARGETS), str(seed)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def at_full_speed(servers, connections, options):
    seconds = max(1, options.seconds // 2)

    def load(server):
        def measure(number):
            speed = run_wrk(server, connections, seconds, number)["requests_per_s"]
            return speed, run_closed(server, connections, seconds, number)["p99_us"]

        return measure

    turns = {server.name: load(server) for server in servers}
    measured = in_turns(options.rounds, f"/rates over {connections} connections", turns)
    speed, late = ([[one[key] for one in measured[server.name]] for server in servers] for key in (0, 1))
    what = f"GET /rates, {connections} connections"
    yield Line(what, "requests/s", speed[0], "≥", 1.25, "nginx as shipped", speed[1])
    yield Line(f"{what}, p99", "µs", late[0], "≤", 1.0, "nginx as shipped", late[1])
    yield Line(what, "requests/s", speed[0], "≥", 1.0, "nginx tuned", speed[2])


def half_speed(options):
    with beside_nginx() as (ours, shipped, _):
        rate = run_wrk(ours, 64, options.seconds, 0)["requests_per_s"] / 2
        turns = {
            server.name: lambda number, server=server: run_open(server, rate, options.seconds, number)
            for server in (ours, shipped)
        }
        samples = in_turns(options.rounds, f"/rates, {rate:.0f} a second", turns)
        late = [[one["p999_us"] for one in samples[server.name]] for server in (ours, shipped)]
        yield Line(f"GET /rates, open loop, {rate:.0f}/s, p99.9", "µs", late[0], "≤", 1.2, "nginx as shipped", late[1])


def request_file(name, target, body=None):
    """A whole request, for http_load to send beside its load."""
    head = f"{'GET' if body is None else 'POST'} {target} HTTP/1.1\r\nHost: localhost\r\n"
    if body is not None:
        head += f"Content-Type: text/csv\r\nPrefer: wait=60\r\nContent-Length: {len(body)}\r\n"
    path = FOLDER / name
    path.write_bytes(f"{head}\r\n".encode() + (body or b""))
    return path


@contextlib.contextmanager
def with_generated(count):
    """Ours on core 0 with so many prices, and half of what it answers at full speed; the targets are all routes."""
    with ratebook(core=0) as ours:
        put_places(ours)
        path = generated(count, "csv")
        with path.open("rb") as body:
            headers = {"Content-Type": "text/csv", "Prefer": "wait=60", "Content-Length": str(path.stat().st_size)}
            ours.must((201, 202), "POST", "/v1/batches?source=bench", body, headers)
        while json.loads(ours.call("GET", "/v1/batches?limit=1")[1])["batches"][0]["status"] != "committed":
            time.sleep(0.2)
        dates = "date_from=2025-01-01&date_to=2025-01-31"
        pairs = [(a, b) for a in CODES for b in CODES if a != b]
        TARGETS.write_text("".join(f"/rates?{dates}&orig_code={a}&dest_code={b}\n" for a, b in pairs))
        yield ours, run_wrk(ours, 64, 5, 0)["requests_per_s"] / 2


def beside(ours, rate, what, interval, requests, options):
    """Ours against itself: the same load with and without `requests`, one each `interval` seconds or without pause.
    The server on core 0 does both; both come from one thread on core 1."""

    def with_them(number):
        result = run_open(ours, rate, options.seconds, number, interval, *requests)
        if result["beside"] < (options.seconds - 1 if interval else 1):
            sys.exit(f"only {result['beside']} answers within {options.seconds} s: {what}")
        return result["p99_us"]

    turns = {"with": with_them, "without": lambda number: run_open(ours, rate, options.seconds, number)["p99_us"]}
    samples = in_turns(options.rounds, f"/rates, {rate:.0f} a second, {what}", turns)
    what = f"GET /rates, open loop, {rate:.0f}/s, {what}, p99"
    yield Line(what, "µs", samples["with"], "≤", 2.0, "the same without", samples["without"])


def while_batches(options):
    with with_generated(1_000_000) as (ours, rate):
        bodies = [generated(50_000, "csv", seed).read_bytes() for seed in (11, 12, 13)]
        target = "/v1/batches?source=supplier"
        requests = [request_file(f"batch-{number}", target, body) for number, body in enumerate(bodies)]
        yield from beside(ours, rate, "a batch of 50,000 a second", 1, requests, options)


def while_wide(options):
    target = "/v1/rates?origin=world&destination=world&date_from=2025-03-01&date_to=2025-03-31&stats=p20,p50,p80"
    with with_generated(10_000_000) as (ours, rate):
        what = "while percentiles of all to all are asked"
        yield from beside(ours, rate, what, 0, [request_file("wide", target)], options)
