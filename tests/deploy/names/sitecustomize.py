"""Loaded by Python in every process of a cluster: its host names lead to this machine, its authority is trusted.

Stands in for DNS and for a public certificate authority, neither of which a test can use.
"""

import os
import socket
from typing import Any

import certifi

_resolve = socket.getaddrinfo


def _resolve_here(host: Any, *arguments: Any, **options: Any) -> Any:
    is_ours = isinstance(host, str) and host.endswith(".insighta.test")
    return _resolve("127.0.0.1" if is_ours else host, *arguments, **options)


socket.getaddrinfo = _resolve_here
certifi.where = lambda: os.environ["CLUSTER_AUTHORITY"]
