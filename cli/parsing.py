from __future__ import annotations

import argparse
import os
from types import ModuleType

from . import TYPE_CHECKING
from .errors import UsageError
from .terminal import paint, show

if TYPE_CHECKING:
    from typing import Any, NoReturn

USUAL_WIDTH = 78
WITHOUT_ACCOUNT = frozenset({"login", "switch", "doctor", "completion", "open", "__complete"})
NARROWEST = 40


class Parser(argparse.ArgumentParser):
    """Help with examples first, and errors that name the option that may have been meant."""

    def __init__(self, command: str, summary: str, examples: str) -> None:
        super().__init__(
            prog=f"insighta {command}", add_help=False, allow_abbrev=False, formatter_class=_make_formatter
        )
        # Python 3.14 would color the help with sequences of its own.
        self.color = False
        self.command = command
        self.summary = summary
        self.examples = examples

    def format_help(self) -> str:
        from textwrap import dedent, indent

        # The usage's lines after the first are aligned with a heading that is not shown.
        usage = self.format_usage().rstrip().replace("\n" + " " * len("usage: "), "\n").removeprefix("usage: ")
        formatter = self._get_formatter()
        formatter.add_arguments(self._actions)
        options = dedent(formatter.format_help().rstrip())
        sections = {"Examples": self.examples.strip(), "Usage": usage, "Options": options}
        texts = (f"{paint(title, 'bold')}\n{indent(text, '  ')}" for title, text in sections.items())
        return "\n\n".join([self.summary, *texts])

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", self._suggest(message))

    def _suggest(self, message: str) -> str:
        from difflib import get_close_matches

        words = [word for word in message.split() if word.startswith("--")]
        known = [option for action in self._actions for option in action.option_strings]
        close = [match for word in words for match in get_close_matches(word, known, n=1)]
        if message.startswith("unrecognized") and close:
            return f"Did you mean: {' '.join(close)}"
        return f"See: insighta {self.command} --help"


def _make_formatter(prog: str) -> argparse.HelpFormatter:
    # Without a width it imports shutil for one, and every declared option makes a formatter.
    try:
        width = os.get_terminal_size().columns - 2
    except (OSError, ValueError, AttributeError):
        width = USUAL_WIDTH
    return argparse.HelpFormatter(prog, width=max(width, NARROWEST))


class _ShowHelp(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        show(*parser.format_help().split("\n"))
        parser.exit()


def make_parser(command: str, module: ModuleType) -> Parser:
    """The parser of a command module, which has SUMMARY, EXAMPLES and configure(parser)."""
    parser = Parser(command, module.SUMMARY, module.EXAMPLES)
    module.configure(parser)
    if command not in WITHOUT_ACCOUNT:
        parser.add_argument("--account", metavar="LOGIN", help="act as another person who is signed in here")
    parser.add_argument("-h", "--help", action=_ShowHelp, nargs=0, help="show this and stop")
    return parser


def add_json_option(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def add_yes_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def add_expect_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--expect", type=int, metavar="CREDITS", help="only if it costs that many credits")


def read_expected(arguments: argparse.Namespace) -> dict[str, int]:
    """The price that was given, for the API to compare; nothing where none was."""
    return {} if arguments.expect is None else {"expected_credits_charged": arguments.expect}
