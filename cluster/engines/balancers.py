"""HAProxy, twice. In each zone one before the databases: a port for writing, which is the primary, and one for reading,
which is a replica. And the front before the nodes, outside the zones, where a cloud has a load balancer that is itself
spread over them: it is the one thing here that has no second."""

import json

from cluster.engine import Command, Engine, Status, ask

STATISTICS_PORT = 8404

COMMON = """global
  maxconn 4000
  no strict-limits
  nbthread 1
  log stdout format raw local0 warning
defaults
  log global
  option dontlognull
  timeout check 700ms
"""


def statistics(address: str) -> str:
    return f"""frontend statistics
  mode http
  bind {address}:{STATISTICS_PORT}
  timeout client 5s
  stats enable
  stats uri /
"""


def servers_up(address: str, backend: str) -> list[str]:
    """As its health checks see them."""
    lines = ask(address, STATISTICS_PORT, "/;csv").body.decode().splitlines()
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    mine = (row for row in rows if len(row) > 17 and row[0] == backend and row[1] != "BACKEND")
    return [row[1] for row in mine if row[17].startswith("UP")]


class Haproxy(Engine):
    def text(self) -> str:
        raise NotImplementedError

    def configure(self) -> None:
        (self.folder / "haproxy.cfg").write_text(self.text())

    def command(self) -> Command:
        return Command(["/usr/sbin/haproxy", "-db", "-f", "haproxy.cfg"])


DATABASES = """{statistics}listen primary
  mode tcp
  bind {address}:5000
  option httpchk OPTIONS /primary
{rules}{servers}frontend reading
  mode tcp
  bind {address}:5001
  timeout client 1h
  # A replica, or where there is none, the primary.
  use_backend replica if {{ nbsrv(replica) gt 0 }}
  default_backend any
backend replica
  mode tcp
  option httpchk OPTIONS /replica
{rules}{servers}backend any
  mode tcp
  option httpchk OPTIONS /primary
{rules}{servers}"""

# A connection to a server that is the primary no more is closed: its client is to find the new one.
DATABASE_RULES = """  balance roundrobin
  option tcpka
  http-check expect status 200
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  default-server inter 500ms fastinter 250ms downinter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
"""


class DatabaseBalancer(Haproxy):
    kind = "balancer"
    ports = (5000, 5001, STATISTICS_PORT)

    @property
    def name(self) -> str:
        return f"balancer-{self.zone.letter}"

    def text(self) -> str:
        servers = "".join(
            f"  server postgres-{zone.number} {zone.address}:5432 check port 8008 source {self.zone.client_address}\n"
            for zone in self.layout.zones
        )
        # `timeout client` has no place in a backend.
        rules = DATABASE_RULES
        text = DATABASES.format(statistics=statistics(self.address), address=self.address, rules="%", servers=servers)
        listen, *backends = text.split("%")
        return COMMON + listen + rules + rules.replace("  timeout client 1h\n", "").join(backends)

    def missing(self) -> str:
        servers_up(self.address, "primary")
        return ""

    def status(self) -> Status:
        writes = servers_up(self.address, "primary")
        reads = servers_up(self.address, "replica")
        return Status(f"writes to {', '.join(writes) or 'none'}; reads from {', '.join(reads) or 'the primary'}")


FRONT = """frontend ratebook
  mode http
  bind {address}:8080
  timeout client 75s
  timeout http-request 10s
  timeout http-keep-alive 75s
  option http-keep-alive
  acl is_read method GET HEAD
  acl is_question path /v1/rates/query
  acl is_stream path /v1/events
  acl is_rate path /rates /v1/rates
  acl is_past url_param(version) -m found
  acl waits req.hdr(Ratebook-Min-Version) -m found
  use_backend streams if is_read is_stream
  use_backend rates if is_read is_rate !is_past !waits
  use_backend waits if is_read is_rate !is_past
  use_backend reads if is_read or is_question
  default_backend sends
# Answers from memory: one that is not there soon is asked of another node, then of the third: after one silent node it
# comes within a second, after two within two.
backend rates
{rules}  timeout server 900ms
  retries 2
  option redispatch 1
  retry-on conn-failure empty-response junk-response response-timeout 502 503 504
{servers}# The same, where a node may wait a second for the version that is asked for.
backend waits
{rules}  timeout server 1600ms
  retries 1
  option redispatch 1
  retry-on conn-failure empty-response junk-response response-timeout 502 503 504
{servers}# Reads that may take their time: past versions, lists, many routes at once. Only the health check tells a dead
# node from a slow one.
backend reads
{rules}{closing}  timeout server 65s
  retries 2
  option redispatch 1
  retry-on conn-failure empty-response junk-response 502 503 504
{servers}# A node says something at least every 15 s.
backend streams
{rules}{closing}  timeout server 45s
  retries 2
  option redispatch 1
  retry-on conn-failure empty-response
{servers}# What changes something is sent again only where no node can have seen it: the connection failed. The client
# repeats with its key; so that this is never due to an old connection, each request has a new one.
backend sends
{rules}{closing}  timeout server 95s
  retries 2
  option redispatch 1
  retry-on conn-failure
  http-reuse never
  option http-server-close
{servers}"""

FRONT_RULES = """  mode http
  balance roundrobin
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
  http-check expect status 200
  timeout connect 300ms
  timeout queue 1s
{problems}  timeout check 500ms
  default-server inter 300ms fastinter 200ms downinter 250ms fall 2 rise 1
"""

# What waits for a node that is down by its health check gets an end.
CLOSING = "  default-server on-marked-down shutdown-sessions\n"

PROBLEMS = {
    502: ("A node broke off", "The node ended before it had answered; whether it did what was asked is not known."),
    503: ("No node is ready", "The load balancer reaches no node that is ready."),
    504: ("A node did not answer in time", "Whether the node did what was asked is not known."),
}


def problems() -> str:
    """What clients get where no node answers, in the nodes' own form."""
    lines = ""
    for status, (title, detail) in PROBLEMS.items():
        what = {"type": "/problems/unavailable", "title": title, "status": status}
        body = json.dumps(what | {"detail": f"{detail} Try again, a batch with the same Idempotency-Key."})
        lines += (
            f"  http-error status {status} content-type application/problem+json string '{body}' hdr Retry-After 1\n"
        )
    return lines


class Front(Haproxy):
    kind = "front"
    ports = (8080, STATISTICS_PORT)

    @property
    def name(self) -> str:
        return "front"

    def text(self) -> str:
        servers = "".join(f"  server node-{zone.letter} {zone.address}:8080 check\n" for zone in self.layout.zones)
        rules = FRONT_RULES.replace("{problems}", problems())
        return (
            COMMON
            + statistics(self.address)
            + FRONT.format(address=self.address, rules="%", closing=CLOSING, servers=servers).replace("%", rules)
        )

    def missing(self) -> str:
        up = servers_up(self.address, "rates")
        if len(up) < len(self.layout.zones):
            return f"it sees {', '.join(up) or 'no node'} as ready"
        return "" if ask(self.address, 8080, "/readyz").status == 200 else "it reaches no node"

    def status(self) -> Status:
        up = servers_up(self.address, "rates")
        return Status(f"to {', '.join(up) or 'none'}")
