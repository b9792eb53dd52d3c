"""The files of `deploy/` as the tests read them: compose services, environment files, templates."""

import re
from pathlib import Path
from typing import Any

import yaml

from tests.processes import ROOT

DEPLOY = ROOT / "deploy"


# In braces and capitals only: nginx has variables of its own.
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def render(path: Path, values: dict[str, str]) -> str:
    """The template at `path` with its variables replaced. Raises KeyError for one that has no value."""
    return _VARIABLE.sub(lambda found: values[found[1]], path.read_text())


def variables(path: Path) -> set[str]:
    """The names that the template at `path` asks for."""
    return set(_VARIABLE.findall(path.read_text()))


def read_environment(path: Path) -> dict[str, str]:
    """A file of NAME=value lines, as Docker and systemd read it."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


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
        files |= read_environment((secrets if kind == "secrets" else DEPLOY / kind) / file)
    return files | found


def image_contents() -> list[str]:
    """The files and directories of the repository that the product's image holds."""
    text = (DEPLOY / "Containerfile").read_text()
    return re.findall(r"^COPY (\S+) \1$", text.partition(" AS product\n")[2], re.MULTILINE)
