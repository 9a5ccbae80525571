"""DuckDB in a process of its own: `duckdb_client.py ROWS FIRST_DAY` holds the rows sorted by day, in memory, for one
thread; each line of the standard input is an aggregate, asked of 31 days from FIRST_DAY on. Answers with days, prices
counted, all that was answered summed up, and the median of ten runs in µs. Runs with the Python that has DuckDB."""

import statistics
import sys
import time

import duckdb

COLUMNS = "{'orig': 'INTEGER', 'dest': 'INTEGER', 'day': 'INTEGER', 'cents': 'INTEGER'}"


def main():
    rows, first_day = sys.argv[1], int(sys.argv[2])
    database = duckdb.connect()
    database.execute("SET threads = 1")
    read = f"read_csv('{rows}', header = false, columns = {COLUMNS})"
    database.execute(f"CREATE TABLE prices AS SELECT * FROM {read} ORDER BY day")
    days = f"day BETWEEN {first_day} AND {first_day + 30}"
    for aggregate in sys.stdin:
        took = []
        for _ in range(10):
            began = time.perf_counter()
            found = database.execute(
                f"SELECT day, count(*), {aggregate} FROM prices WHERE {days} GROUP BY day"
            ).fetchall()
            took.append(time.perf_counter() - began)
        answers = sum(sum(row[2]) if isinstance(row[2], list) else row[2] for row in found)
        print(len(found), sum(row[1] for row in found), answers, statistics.median(took) * 1e6, flush=True)


if __name__ == "__main__":
    main()
