"""etcd: a member in each zone; holds who is PostgreSQL's primary."""

from cluster.engine import Command, Engine, Status, ask


class Etcd(Engine):
    kind = "etcd"
    ports = (2379, 2380)
    peer_ports = (2380,)

    def command(self) -> Command:
        client = f"http://{self.address}:2379"
        peer = f"http://{self.address}:2380"
        members = ",".join(f"etcd-{zone.number}=http://{zone.address}:2380" for zone in self.layout.zones)
        options = {
            "name": self.name,
            "data-dir": self.folder / "data",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": members,
            "initial-cluster-token": f"ratebook-{self.layout.name}",
            "heartbeat-interval": 50,
            "election-timeout": 500,
            # Without it a member that was cut off unseats the leader when it is back.
            "pre-vote": "true",
            "auto-compaction-retention": "1h",
            "logger": "zap",
            "log-level": "warn",
        }
        return Command(["/usr/bin/etcd", *(f"--{name}={value}" for name, value in options.items())])

    def missing(self) -> str:
        # Patroni ends at once if it meets a cluster that has not agreed on its version yet.
        told = ask(self.address, 2379, "/version").json()
        if not told.get("etcdcluster", "").startswith("3."):
            return "its members have not agreed on a version"
        return "" if "leader" in self.member() else "no leader"

    def member(self) -> dict:
        return ask(self.address, 2379, "/v3/maintenance/status", "POST", {}).json()

    def status(self) -> Status:
        told = self.member()
        if "leader" not in told:
            return Status("no leader", told.get("version", ""))
        is_leader = told["leader"] == told["header"]["member_id"]
        behind = int(told.get("raftIndex", 0)) - int(told.get("raftAppliedIndex", 0))
        return Status("leader" if is_leader else "follower", told["version"], f"{behind} entries")
