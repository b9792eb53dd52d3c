"""Each check fails on a planted violation with its reason and its fix, and passes on the tree as it is."""

import tomllib
from typing import Any

import pytest

from tests.architecture import planted_violations
from tests.architecture.checks import CHECKS, ROOT
from tests.architecture.conftest import Outcome, run_checks, squeeze
from tests.architecture.planted_violations import Violation
from tests.architecture.rules import RULES

CONTRACTS: dict[str, dict[str, Any]] = {
    contract["id"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}


def _name(violation: Violation) -> str:
    return f"{violation.rule}:{violation.path}"


def test_every_rule_has_a_planted_violation() -> None:
    assert set(CONTRACTS) == {violation.rule for violation in planted_violations.IMPORTS}
    assert {rule.name for rule in RULES} == {violation.rule for violation in planted_violations.RULES}
    assert {check.name for check in CHECKS} - {"imports", "rules"} == {
        violation.rule for violation in planted_violations.TOOLS
    }


def test_planted_violations_fail_the_command(planted: Outcome) -> None:
    assert planted.code == 1
    assert [check.name for check in CHECKS if f"{check.name}: FAILED" in planted.text] == [c.name for c in CHECKS]


@pytest.mark.parametrize("violation", planted_violations.IMPORTS, ids=_name)
def test_import_contract_is_broken_with_reason_and_fix(violation: Violation, planted: Outcome) -> None:
    contract = CONTRACTS[violation.rule]
    section = _contract_section(contract["name"], planted)
    guidance = squeeze(contract["broken_contract_guidance"])
    assert violation.shows in section
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


@pytest.mark.parametrize("violation", planted_violations.RULES, ids=_name)
def test_rule_is_broken_with_reason_and_fix(violation: Violation, planted: Outcome) -> None:
    rule = next(rule for rule in RULES if rule.name == violation.rule)
    _, _, rest = planted.of_check("rules").partition(f"{rule.name} ")
    places, _, advice = rest.partition(" why: ")
    assert violation.shows in places
    assert advice.startswith(squeeze(f"{rule.why} fix: {rule.fix}"))


@pytest.mark.parametrize("violation", planted_violations.TOOLS, ids=_name)
def test_tool_fails_with_reason_and_fix(violation: Violation, planted: Outcome) -> None:
    check = next(check for check in CHECKS if check.name == violation.rule)
    section = planted.of_check(check.name)
    assert violation.shows in section
    assert section.endswith(squeeze(f"why: {check.why} fix: {check.fix}"))


@pytest.mark.parametrize("path", planted_violations.INNOCENT)
def test_what_only_looks_like_a_violation_is_left_alone(path: str, planted: Outcome) -> None:
    assert path not in planted.of_check("rules")
    assert path.removesuffix(".py").replace("/", ".") not in planted.of_check("imports")


def test_unknown_check_is_wrong_usage() -> None:
    outcome = run_checks(ROOT, "speling")
    assert outcome.code == 2
    assert "No such check: speling. The checks are: lint, format, types" in outcome.text
