import os
import platform
from collections.abc import Callable, Mapping
from typing import NamedTuple

from .browser import find_command

CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")
CONTAINER_VARIABLES = ("container", "KUBERNETES_SERVICE_HOST", "CODESPACES", "REMOTE_CONTAINERS")
SSH_VARIABLES = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
LONGEST_LABEL = 100


class Method(NamedTuple):
    """`name` is `browser`, `device` or `token`; `reason` completes "… because"."""

    name: str
    reason: str


def choose_method(
    environment: Mapping[str, str],
    *,
    system: str,
    is_interactive: bool,
    exists: Callable[[str], bool] = os.path.exists,
    which: Callable[[str], str | None] | None = None,
) -> Method:
    """The way that can finish here, without asking. `system` is `sys.platform`; `is_interactive`: somebody could be."""
    if environment.get("CI") and not is_interactive:
        return Method("token", "this is a CI job")
    if environment.get("BROWSER"):
        return Method("browser", "BROWSER is set")
    if any(environment.get(name) for name in SSH_VARIABLES):
        return Method("device", "this is an SSH session")
    if find_command(environment, platform=system, which=which) is not None:
        return Method("browser", "there is a browser here")
    return Method("device", _explain_missing_browser(environment, exists))


def _explain_missing_browser(environment: Mapping[str, str], exists: Callable[[str], bool]) -> str:
    if environment.get("WSL_DISTRO_NAME"):
        return "WSL has no browser here"
    in_container = any(environment.get(name) for name in CONTAINER_VARIABLES) or any(map(exists, CONTAINER_MARKS))
    if in_container:
        return "this is a container"
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return "there is no display"
    return "there is no browser here"


def make_device_label() -> str:
    """What the person will recognise in their list of sessions."""
    return f"Insighta CLI on {platform.node() or 'a terminal'}"[:LONGEST_LABEL]
