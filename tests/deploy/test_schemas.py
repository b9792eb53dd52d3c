"""The compose file and the manifests, validated with the schemas that compose and Kubernetes publish."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.configuration import DEPLOY
from tests.processes import ROOT

PROGRAMS = ROOT / ".local" / "schemas" / "bin"
COMPOSE = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")
KUBERNETES = ("kubernetes-validate", "--strict", "--quiet")
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


def validate(tool: tuple[str, ...], *files: Path) -> tuple[bool, str]:
    """Whether every file is valid, and what the validator says."""
    program = PROGRAMS / tool[0]
    assert program.exists(), "The validators are missing: make .local/schemas/installed"
    done = subprocess.run([program, *tool[1:], *files], capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("tool", "files"), [(COMPOSE, [DEPLOY / "compose.yaml"]), (KUBERNETES, MANIFESTS)], ids=["compose", "kubernetes"]
)
def test_every_file_is_valid(tool: tuple[str, ...], files: list[Path]) -> None:
    is_valid, said = validate(tool, *files)
    assert files
    assert is_valid, said


@pytest.mark.parametrize(
    ("tool", "file", "right", "wrong"),
    [
        (COMPOSE, "compose.yaml", "stop_grace_period: 60s", "stop_grace_periods: 60s"),
        (COMPOSE, "compose.yaml", "retries: 30", "retries: {}"),
        (KUBERNETES, "kubernetes/backend.yaml", "replicas: 2", "replicas: two"),
        (KUBERNETES, "kubernetes/backend.yaml", "envFrom:", "environmentFrom:"),
        (KUBERNETES, "kubernetes/network.yaml", "podSelector:", "podSelectors:"),
    ],
)
def test_a_field_of_another_name_or_type_is_refused(
    tool: tuple[str, ...], file: str, right: str, wrong: str, tmp_path: Path
) -> None:
    text = (DEPLOY / file).read_text()
    assert right in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(right, wrong, 1))
    is_valid, said = validate(tool, broken)
    assert not is_valid, said
