"""Each check fails on a planted violation with its reason and its fix, and passes on the tree as it is."""

import tomllib
from typing import Any

import pytest

from tests.architecture import plants
from tests.architecture.checks import CHECKS, ROOT
from tests.architecture.conftest import Outcome, run_checks, squeeze
from tests.architecture.rules import RULES

CONTRACTS: dict[str, dict[str, Any]] = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def _name(plant: plants.Plant) -> str:
    return f"{plant.rule}:{plant.path}"


def test_the_tree_passes_every_check() -> None:
    outcome = run_checks(ROOT)
    assert outcome.code == 0, outcome.output


def test_every_rule_has_a_planted_violation() -> None:
    assert set(CONTRACTS) == {plant.rule for plant in plants.IMPORTS}
    assert {rule.name for rule in RULES} == {plant.rule for plant in plants.RULES}
    assert {check.name for check in CHECKS} - {"imports", "rules"} == {plant.rule for plant in plants.TOOLS}


def test_planted_violations_fail_the_command(planted: Outcome) -> None:
    assert planted.code == 1
    assert [check.name for check in CHECKS if f"{check.name}: FAILED" in planted.text] == [c.name for c in CHECKS]


@pytest.mark.parametrize("plant", plants.IMPORTS, ids=_name)
def test_import_contract_is_broken_with_reason_and_fix(plant: plants.Plant, planted: Outcome) -> None:
    contract = CONTRACTS[plant.rule]
    section = _contract_section(contract["name"], planted)
    guidance = squeeze(contract["broken_contract_guidance"])
    assert plant.shows in section
    assert guidance.startswith("Why: ")
    assert " Fix: " in guidance
    assert guidance in section


def _contract_section(name: str, planted: Outcome) -> str:
    """What import-linter says about one broken contract."""
    _, _, broken = planted.of_check("imports").partition("Broken contracts ---")
    _, _, rest = broken.partition(f"{name} ---")
    ends = [
        rest.find(f"{contract['name']} ---") for contract in CONTRACTS.values() if f"{contract['name']} ---" in rest
    ]
    return rest[: min(ends, default=len(rest))]


@pytest.mark.parametrize("plant", plants.RULES, ids=_name)
def test_rule_is_broken_with_reason_and_fix(plant: plants.Plant, planted: Outcome) -> None:
    rule = next(rule for rule in RULES if rule.name == plant.rule)
    _, _, rest = planted.of_check("rules").partition(f"{rule.name} ")
    places, _, advice = rest.partition(" why: ")
    assert plant.shows in places
    assert advice.startswith(squeeze(f"{rule.why} fix: {rule.fix}"))


@pytest.mark.parametrize("plant", plants.TOOLS, ids=_name)
def test_tool_fails_with_reason_and_fix(plant: plants.Plant, planted: Outcome) -> None:
    check = next(check for check in CHECKS if check.name == plant.rule)
    section = planted.of_check(check.name)
    assert plant.shows in section
    assert section.endswith(squeeze(f"why: {check.why} fix: {check.fix}"))


@pytest.mark.parametrize("path", plants.INNOCENT)
def test_what_only_looks_like_a_violation_is_left_alone(path: str, planted: Outcome) -> None:
    assert path not in planted.of_check("rules")
    assert path.removesuffix(".py").replace("/", ".") not in planted.of_check("imports")


def test_unknown_check_is_wrong_usage() -> None:
    outcome = run_checks(ROOT, "speling")
    assert outcome.code == 2
    assert "No such check: speling. The checks are: lint, format, types" in outcome.text
