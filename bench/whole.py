"""A whole server with 10 million prices: memory while they come in, and how soon it is back after kill -9. With --large
the same start at 100 million."""

import json
import signal
import sys
import time

from common import Line, note, ratebook, remove
from data import generated, put_places

TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
COUNT = 10_000_000


def post(server, form, seed, wait):
    """The answer's status and document; the body is sent from the file, piece by piece."""
    path = generated(COUNT, form, seed)
    headers = {"Content-Type": TYPES[form], "Prefer": f"wait={wait}", "Content-Length": str(path.stat().st_size)}
    with path.open("rb") as body:
        status, answer = server.call("POST", f"/v1/batches?source=bench-{seed}", body, headers)
    if status not in (201, 202):
        sys.exit(f"10 million prices were answered with {status}: {answer[:500]!r}")
    return json.loads(answer)


def wait_until_committed(server, batch):
    deadline = time.monotonic() + 600
    while json.loads(server.call("GET", f"/v1/batches/{batch['id']}")[1])["status"] != "committed":
        if time.monotonic() > deadline:
            sys.exit("10 million prices were not committed within 10 minutes")
        time.sleep(0.2)


def memory(options):
    for form in TYPES:
        peaks = []
        for number in range(options.rounds):
            with ratebook(file="memory.sqlite") as server:
                put_places(server)
                server.forget_peak()
                idle = server.memory_kib("VmRSS")
                batch = post(server, form, 1, 0)
                peaks.append((server.memory_kib("VmHWM") - idle) / 1024)
                if batch["version"]:
                    sys.exit("the batch was committed before its 202")
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
            note(f"10 million as {form}, round {number + 1} of {options.rounds}: {peaks[-1]:.1f} MiB")
        yield Line(f"memory over idle, 10 million as {form.upper()}, until accepted", "MiB", peaks, "≤", 64.0)


def restart(options):
    loaded = 0
    for count, bound in [(COUNT, 2.0)] + ([(10 * COUNT, 10.0)] if options.large else []):
        with ratebook(file="restart.sqlite", keep=loaded > 0) as server:
            if loaded == 0:
                put_places(server)
            while loaded < count:
                loaded += COUNT
                wait_until_committed(server, post(server, "csv", loaded // COUNT, 60))
                note(f"{loaded // 1_000_000} million are in")
        times = []
        for number in range(options.rounds + 1):
            began = time.perf_counter()
            with ratebook(file="restart.sqlite", keep=True) as server:
                times.append(time.perf_counter() - began)
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
            note(f"start {number} of {options.rounds}: {times[-1]:.2f} s")
        yield Line(f"kill -9, start to ready, {count // 1_000_000} million prices", "s", times[1:], "≤", bound)
    remove("restart.sqlite")
