"""The files of `deploy/` as the tests read them: compose services, environment files, templates."""

import re
from pathlib import Path
from string import Template
from typing import Any

import yaml

from tests.processes import ROOT

DEPLOY = ROOT / "deploy"


def fill(path: Path, values: dict[str, str]) -> str:
    """The template at `path` as envsubst fills it in. Raises KeyError for a variable that has no value."""
    return Template(path.read_text()).safe_substitute({name: values[name] for name in variables(path)})


def variables(path: Path) -> set[str]:
    """The names that the template at `path` asks for."""
    return set(re.findall(r"\$\{([A-Z0-9_]+)\}", path.read_text()))


def environment_file(path: Path) -> dict[str, str]:
    return read_environment(path.read_text())


def read_environment(text: str) -> dict[str, str]:
    """Lines of NAME=value as Docker and systemd read them."""
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def services() -> dict[str, dict[str, Any]]:
    """The services of the compose file, by name."""
    services: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return services


def service_environment(service: dict[str, Any], *, secrets: Path) -> dict[str, str]:
    """What compose gives the service's process; files of `secrets/` are read from the directory `secrets`."""
    found: dict[str, str] = dict(service.get("environment", {}))
    files: dict[str, str] = {}
    for name in service.get("env_file", []):
        kind, _, file = name.rpartition("/")
        files |= environment_file((secrets if kind == "secrets" else DEPLOY / kind) / file)
    return files | found


def image_contents() -> list[str]:
    """The files and directories of the repository that the product's image holds."""
    text = (DEPLOY / "Containerfile").read_text()
    return re.findall(r"^COPY (\S+) \1$", text.partition(" AS product\n")[2], re.MULTILINE)
