import argparse
import sys

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
    add_json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Warnings do not fail, because nothing is broken by them."""
    findings = []
    for finding in diagnose(read_settings(arguments)):
        findings.append(finding)
        if not arguments.json:
            _show(finding)
    failed = sum(finding.level == "failed" for finding in findings)
    if arguments.json:
        show_json([finding._asdict() for finding in findings])
    elif failed:
        say("", f"{failed} thing{'' if failed == 1 else 's'} to repair before signing in works.")
    else:
        say("", "Signing in works from here.")
    return FAILED if failed else 0


def _show(finding: Finding) -> None:
    sign = paint(f"{symbol(finding.level, sys.stdout):<2}", COLOURS[finding.level])
    show(f"{sign} {finding.name:<8}  {finding.text}")
    if finding.level != "ok":
        show(*(f"   {'':<8}  {paint(line, 'dim')}" for line in finding.fix.split("\n") if line))
