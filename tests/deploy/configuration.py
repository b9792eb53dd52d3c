"""The files of `deploy/` as the tests read them: compose services, environment files, templates."""

import re
from pathlib import Path
from typing import Any

import yaml

from deploy.render import VARIABLE, read_environment, render
from tests.processes import ROOT

DEPLOY = ROOT / "deploy"


def fill(path: Path, values: dict[str, str]) -> str:
    """The template at `path` with its variables replaced. Raises KeyError for one that has no value."""
    return render(path.read_text(), values)


def variables(path: Path) -> set[str]:
    """The names that the template at `path` asks for."""
    return set(VARIABLE.findall(path.read_text()))


def environment_file(path: Path) -> dict[str, str]:
    """The variables of an environment file."""
    return read_environment(path.read_text())


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
