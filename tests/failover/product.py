from pathlib import Path

from tests.failover.cluster import PatroniCluster
from tests.fault_injection.product import Product

WAYS = ("pgbouncer", "haproxy", "hosts", "hosts without a pool")
"""How backends reach the primary: through pgbouncer and HAProxy, through HAProxy, or by the addresses of all nodes."""


class FailoverProduct(Product):
    """The product over three nodes of PostgreSQL. Worker and commands never go through pgbouncer."""

    def __init__(self, cluster: PatroniCluster, directory: Path, way: str = WAYS[0]) -> None:
        self.nodes, self.way = cluster, way
        super().__init__(cluster, directory)  # type: ignore[arg-type]  # databases by name, as a Cluster has
        if way in {"pgbouncer", "hosts without a pool"}:
            self.environment["DATABASE_POOL_MAX"] = "0"

    def database_url(self) -> str:
        if self.way == "pgbouncer":
            return self.nodes.pooled_url(self.database)
        return self.direct_url()

    def direct_url(self) -> str:
        """What the worker and commands connect to."""
        return self.nodes.hosts_url(self.database) if self.way.startswith("hosts") else self.nodes.url(self.database)

    def manage(self, *arguments: str, **environment: str) -> str:
        return super().manage(*arguments, **{"DATABASE_URL": self.direct_url(), **environment})

    def _lead_to_database(self) -> None:
        self.processes["worker"].environment["DATABASE_URL"] = self.direct_url()
