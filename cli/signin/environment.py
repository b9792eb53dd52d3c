"""Which way of signing in can work where this terminal runs. Nothing here asks the person."""

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .browser import find_command

CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")
CONTAINER_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST", "CODESPACES", "REMOTE_CONTAINERS")
SSH_VARIABLES = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")


class Way(NamedTuple):
    """`method` is `browser`, `device` or `token`; `reason` completes "… because"."""

    method: str
    reason: str


def choose_way(
    environment: Mapping[str, str],
    *,
    platform: str,
    is_interactive: bool,
    exists: Callable[[str], bool] = os.path.exists,
    which: Callable[[str], str | None] | None = None,
) -> Way:
    """The way that can finish here. `platform` is `sys.platform`; `is_interactive` whether a person can be asked."""
    if environment.get("CI") and not is_interactive:
        return Way("token", "this is a CI job")
    if environment.get("BROWSER"):
        return Way("browser", "BROWSER is set")
    if any(environment.get(name) for name in SSH_VARIABLES):
        return Way("device", "this is an SSH session")
    if find_command(environment, platform=platform, which=which) is not None:
        return Way("browser", "there is a browser here")
    return Way("device", _explain_missing_browser(environment, exists))


def _explain_missing_browser(environment: Mapping[str, str], exists: Callable[[str], bool]) -> str:
    if environment.get("WSL_DISTRO_NAME"):
        return "WSL has no browser here"
    in_container = any(environment.get(name) for name in CONTAINER_VARIABLES) or any(map(exists, CONTAINER_MARKS))
    if in_container:
        return "this is a container"
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return "there is no display"
    return "there is no browser here"
