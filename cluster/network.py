"""The zones' network. As root each zone is a network namespace with addresses of its own, joined to the others by a
bridge, and can be cut off; otherwise zones are loopback addresses, and nothing can be cut."""

import json
import os
import pathlib
import tempfile

from cluster.command import run, works
from cluster.engine import Engine
from cluster.layout import Layout, Zone
from cluster.state import exists
from cluster.trouble import Trouble

NUMBERS = range(1, 250)


# Of the kernel, which waits for hours: what has no deadline of its own, as pg_rewind, leaves a peer that was cut off.
TCP_LIMITS = {"tcp_keepalive_time": 5, "tcp_keepalive_intvl": 1, "tcp_keepalive_probes": 5, "tcp_retries2": 6}


class Namespaces:
    """Bridge rbN with the front's address; for each zone the namespace rbN-a, reached by the pair rbN-a, eth0."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self.bridge = f"rb{layout.number}"

    @staticmethod
    def claim(number: int, name: str) -> bool:
        """Takes the number, unless its addresses or its bridge belong to something else already."""
        routes = json.loads(run("ip", "-json", "route", "show", "table", "all"))
        if any(str(route.get("dst", "")).startswith(f"10.213.{number}.") for route in routes):
            return False
        bridge = pathlib.Path(f"/sys/class/net/rb{number}")
        try:
            if not bridge.exists():
                run("ip", "link", "add", "name", bridge.name, "type", "bridge")
                return True
        except Trouble:
            # Another was faster; or this machine has no bridges, as the command says.
            if not bridge.exists():
                raise
        return False

    def namespace(self, zone: Zone) -> str:
        return f"{self.bridge}-{zone.letter}"

    def make(self) -> None:
        run("ip", "address", "add", f"{self.layout.front_address}/24", "dev", self.bridge)
        run("ip", "link", "set", self.bridge, "up")
        for zone in self.layout.zones:
            space = self.namespace(zone)
            run("ip", "netns", "add", space)
            run("ip", "link", "add", space, "type", "veth", "peer", "name", "eth0", "netns", space)
            for address in (zone.address, zone.client_address):
                run("ip", "-n", space, "address", "add", f"{address}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                run("ip", "-n", space, "link", "set", link, "up")
            run("ip", "link", "set", space, "master", self.bridge, "up")
            for name, value in TCP_LIMITS.items():
                run(*self.inside(zone), "sh", "-c", f"echo {value} > /proc/sys/net/ipv4/{name}")

    def remove(self) -> None:
        """What is there of it; its processes have ended."""
        for zone in self.layout.zones:
            if pathlib.Path("/run/netns", self.namespace(zone)).exists():
                run("ip", "netns", "delete", self.namespace(zone))
            works("ip", "link", "delete", self.namespace(zone))
        if pathlib.Path("/sys/class/net", self.bridge).exists():
            run("ip", "link", "delete", self.bridge)

    def inside(self, zone: Zone | None) -> list[str]:
        """What a command begins with to run in the zone."""
        return ["nsenter", f"--net=/run/netns/{self.namespace(zone)}", "--"] if zone else []

    # A zone that is cut off hears nothing but silence: no refusal, no link that is down.
    def cut_zone(self, zone: Zone) -> None:
        run("ip", "link", "set", self.namespace(zone), "nomaster")

    def join_zone(self, zone: Zone) -> None:
        run("ip", "link", "set", self.namespace(zone), "master", self.bridge)

    def cut_engine(self, engine: Engine) -> None:
        """Between the engine and the engines of the other zones; its clients still reach it."""
        others = ", ".join(zone.address for zone in self.layout.zones if zone != engine.zone)
        ports = ", ".join(str(port) for port in engine.peer_ports)
        # What it asks of its peers; and what they ask of it, where it is one of them.
        asked = (("input", "saddr", "sport"), ("output", "daddr", "dport"))
        served = (("input", "saddr", "dport"), ("output", "daddr", "sport")) if engine.serves_peers else ()
        rules = {
            hook: "".join(
                f"    ip {end} {{ {others} }} tcp {side} {{ {ports} }} drop\n"
                for of_hook, end, side in asked + served
                if of_hook == hook
            )
            for hook in ("input", "output")
        }
        chains = "\n".join(
            f"  chain {hook} {{\n    type filter hook {hook} priority 0\n{text}  }}" for hook, text in rules.items()
        )
        table = f"table inet {self.table(engine)} {{\n{chains}\n}}\n"
        run(*self.inside(engine.zone), "nft", "-f", "-", feed=table)

    def join_engine(self, engine: Engine) -> None:
        # Added first, so that one that is not there is no error.
        table = f"table inet {self.table(engine)}"
        run(*self.inside(engine.zone), "nft", "-f", "-", feed=f"add {table}\ndelete {table}\n")

    @staticmethod
    def table(engine: Engine) -> str:
        return "cut_" + engine.name.replace("-", "_")


class Loopback:
    """Zones are addresses of 127.0.0.0/8."""

    def __init__(self, layout: Layout):
        self.layout = layout

    @staticmethod
    def claim_file(number: int) -> pathlib.Path:
        return pathlib.Path(tempfile.gettempdir(), f"ratebook-cluster-127.213.{number}")

    @classmethod
    def claim(cls, number: int, name: str) -> bool:
        """By a file that names the folder of the cluster, for clusters of other trees to see."""
        file = cls.claim_file(number)
        folder = Layout(name, "small", "loopback", number).folder
        try:
            with open(file, "x") as claim:
                claim.write(f"{folder}\n")
            return True
        except FileExistsError:
            pass
        try:
            owner = pathlib.Path(file.read_text().strip())
            if owner != folder and (owner / "state.json").exists():
                return False
            file.write_text(f"{folder}\n")
            return owner != folder or not exists(name)
        except OSError:
            return False

    def make(self) -> None:
        pass

    def remove(self) -> None:
        self.claim_file(self.layout.number).unlink(missing_ok=True)

    def inside(self, zone: Zone | None) -> list[str]:
        return []

    def refuse(self, *_: object) -> None:
        raise Trouble("loopback zones cannot be cut off: start the cluster as root, with --zones netns")

    cut_zone = join_zone = cut_engine = join_engine = refuse


Network = Namespaces | Loopback


def network_of(layout: Layout) -> Network:
    return Namespaces(layout) if layout.kind == "netns" else Loopback(layout)


def default_kind() -> str:
    """Namespaces need root with the right to make them and their links, and a kernel that has all of it."""
    made = "ip link add name probe type bridge && ip link add name one type veth peer name other"
    is_possible = os.geteuid() == 0 and works("unshare", "--net", "sh", "-c", made)
    return "netns" if is_possible else "loopback"


def claim_number(kind: str, name: str) -> int:
    claim = Namespaces.claim if kind == "netns" else Loopback.claim
    for number in NUMBERS:
        if claim(number, name):
            return number
    raise Trouble(f"no number from 1 to {NUMBERS[-1]} is free for the addresses of another cluster")
