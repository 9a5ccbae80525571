"""How lines 1, 3, 7 and 9 of the report grow with the prices held, from 100,000 to 100 million; with --large alone.
Leaves growth.md and growth.svg in the folder `build`, for docs/internals/performance.md."""

import math
import signal
import statistics
import sys
import time

from common import ROOT, note, ratebook, remove
from data import CODES, generated, put_places
from rates import TARGETS, run_wrk

from book import book_bench

MILLIONS = (0.1, 1, 10, 100)
BATCH = 10_000_000
FILE = "growth.sqlite"


def served(millions, options):
    """Requests/s of /rates over all routes, then the median of three starts after kill -9, in s."""
    with ratebook(core=0, file=FILE) as server:
        put_places(server)
        left = round(millions * 1e6)
        while left > 0:
            path = generated(min(left, BATCH), "csv", left // BATCH)
            headers = {"Content-Type": "text/csv", "Prefer": "wait=60", "Content-Length": str(path.stat().st_size)}
            with path.open("rb") as body:
                batch = server.must((201, 202), "POST", "/v1/batches?source=bench", body, headers)
            while server.must((200,), "GET", f"/v1/batches/{batch['id']}")["status"] != "committed":
                time.sleep(0.1)
            path.unlink()
            left -= BATCH
        dates = "date_from=2025-01-01&date_to=2025-01-31"
        pairs = [(a, b) for a in CODES for b in CODES if a != b]
        TARGETS.write_text("".join(f"/rates?{dates}&orig_code={a}&dest_code={b}\n" for a, b in pairs))
        rounds = range(options.rounds + 1)
        speeds = [run_wrk(server, 16, options.seconds, number)["requests_per_s"] for number in rounds]
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    starts = []
    for _ in range(4):
        began = time.perf_counter()
        with ratebook(file=FILE, keep=True) as server:
            starts.append(time.perf_counter() - began)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
    remove(FILE)
    return statistics.median(speeds[1:]), statistics.median(starts[1:])


def measured(millions, options):
    runs = book_bench(millions, "^(publish/50000|all to all, 31 days: (average|p20 p50 p80))$", options.rounds)

    def median(part):
        return statistics.median(run["real_time"] for run in runs if part in run["name"])

    speed, start = served(millions, options)
    note(f"{millions} million: done")
    return {
        "`/rates`, requests/s": speed,
        "average of all to all, µs": median("average"),
        "its percentiles, µs": median("p20"),
        "publish 50,000, ms": median("publish"),
        "start to ready, s": start,
    }


def growth(options):
    if not options.large:
        note("growth: with --large alone")
        return
    columns = {millions: measured(millions, options) for millions in MILLIONS}
    rows = {name: [columns[millions][name] for millions in MILLIONS] for name in columns[10]}
    (ROOT / "build" / "growth.md").write_text(table(rows))
    (ROOT / "build" / "growth.svg").write_text(picture(rows))
    print(table(rows), file=sys.stderr)
    yield from ()


def short(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(rows):
    head = f"| prices, million | {' | '.join(map(str, MILLIONS))} |\n" + "|---" * (len(MILLIONS) + 1) + "|\n"
    return head + "".join(f"| {name} | " + " | ".join(map(short, values)) + " |\n" for name, values in rows.items())


def picture(rows):
    """Each line as a multiple of its value at 100,000 prices; both axes logarithmic."""
    width, height, left, top = 640, 320, 60, 20
    decades = 4  # 0.1 … 1000 times

    def place(index, ratio):
        return left + index * (width - left - 220) / 3, top + (3 - math.log10(ratio)) * (height - top - 40) / decades

    colours = ["#0b6e99", "#b5482a", "#3b7d3b", "#7a4fa3", "#8a6d00"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12"><rect width="100%" height="100%" fill="white"/>'
    ]
    for power in range(-1, 4):
        _, y = place(0, 10**power)
        parts.append(f'<path d="M{left} {y:.1f}H{place(3, 1)[0]:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g} ×</text>')
    for index, millions in enumerate(MILLIONS):
        x, _ = place(index, 1)
        parts.append(f'<text x="{x:.1f}" y="{height - 12}" text-anchor="middle">{millions} million</text>')
    ends = sorted(range(len(rows)), key=lambda row: -list(rows.values())[row][-1] / list(rows.values())[row][0])
    y_label = -math.inf
    for row in ends:
        name, values = list(rows.items())[row]
        points = [place(index, value / values[0]) for index, value in enumerate(values)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colours[row]}" stroke-width="2"/>')
        y_label = max(points[-1][1], y_label + 15)
        label = name.replace("`", "")
        parts.append(f'<text x="{points[-1][0] + 8:.1f}" y="{y_label + 4:.1f}" fill="{colours[row]}">{label}</text>')
    return "\n".join([*parts, "</svg>\n"])
