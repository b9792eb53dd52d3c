"""Loaded by Python in every process of a cluster: the cluster's host names lead to this machine.

Stands in for DNS, which a test cannot use.
"""

import socket
from typing import Any

_resolve = socket.getaddrinfo


def _resolve_here(host: Any, *arguments: Any, **options: Any) -> Any:
    is_ours = isinstance(host, str) and host.endswith(".insighta.test")
    return _resolve("127.0.0.1" if is_ours else host, *arguments, **options)


socket.getaddrinfo = _resolve_here
