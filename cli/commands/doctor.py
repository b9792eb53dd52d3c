import argparse

from ..diagnosis import Finding, diagnose
from ..errors import FAILED
from ..parsing import add_json_option
from ..settings import read_settings
from ..terminal import paint, say, show, show_json, symbol

SUMMARY = "Check what a sign-in needs: address, proxy, TLS, clock, port, browser and files."
EXAMPLES = """
insighta doctor
INSIGHTA_API=https://api.example.com insighta doctor
insighta doctor --json
"""
COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Warnings do not fail, because nothing is broken by them."""
    findings = []
    for finding in diagnose(read_settings()):
        findings.append(finding)
        if not arguments.json:
            _show(finding)
    if arguments.json:
        show_json([finding._asdict() for finding in findings])
    else:
        say(_conclude(findings))
    return FAILED if any(finding.level == "failed" for finding in findings) else 0


def _show(finding: Finding) -> None:
    show(f"{paint(f'{symbol(finding.level):<2}', COLOURS[finding.level])} {finding.name:<8}  {finding.text}")
    if finding.level != "ok":
        for line in filter(None, finding.fix.split("\n")):
            show(f"   {'':<8}  {paint(line, 'dim')}")


def _conclude(findings: list[Finding]) -> str:
    failed = sum(finding.level == "failed" for finding in findings)
    if failed:
        return f"\n{failed} thing{'' if failed == 1 else 's'} to repair before signing in works."
    return "\nSigning in works from here."
