"""Parsing and embedding on other processes and machines, by Ray. The process that ingests stays the one writer.

Files go out as Ray Data datasets and come back parsed, in their order; chunks are embedded by actors that each hold the
model. A worker that dies is replaced and its work done again, a bounded number of times.

Example: `with open_cluster(settings) as cluster: sync(cluster.open_index(), ["corpus"], parse_all=cluster.parse)`
"""

from rag.cluster.engine import Cluster, open_cluster
from rag.errors import ClusterFailed

__all__ = ["Cluster", "ClusterFailed", "open_cluster"]
