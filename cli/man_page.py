"""What is made from the catalogue and the parsers, as the help is.

`python -m cli.man_page > cli/share/insighta.1`, `python -m cli.man_page words > cli/share/words.tsv`
"""

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module

from .catalog import COMMANDS, GROUPS, name_module
from .help import ENVIRONMENT, EXAMPLES, EXIT_CODES
from .parsing import make_parser


def format_man_page() -> str:
    """In roff, with the macros of man(7)."""
    return "\n".join(_lines()) + "\n"


def format_words() -> str:
    """A line for each argument of each command: see words.py."""
    rows = [
        [name, action.dest, " ".join(action.option_strings), "value" * (action.nargs != 0), *_describe_values(action)]
        for name in COMMANDS
        for action in _list_arguments(name)
    ]
    return "".join("\t".join(row) + "\n" for row in rows)


def _describe_values(action: argparse.Action) -> tuple[str, str]:
    return " ".join(map(str, action.choices or ())), action.help or ""


def _list_arguments(name: str) -> list[argparse.Action]:
    return make_parser(name, import_module(f".commands.{name_module(name)}", __package__))._actions


def _lines() -> Iterator[str]:
    yield '.TH INSIGHTA 1 "" "Insighta" "User Commands"'
    yield from (".SH NAME", r"insighta \- sign in, book and cancel from a terminal")
    yield from (".SH SYNOPSIS", r".B insighta", r".I command", "[options]")
    yield from (".SH EXAMPLES", ".nf", *map(_escape, EXAMPLES.split("\n")), ".fi")
    for title, commands in GROUPS.items():
        yield f".SH {title.upper()}"
        for name in commands:
            yield from _describe(name)
    yield from (".SH ENVIRONMENT", ".nf", *map(_escape, ENVIRONMENT.split("\n")), ".fi")
    yield from (".SH EXIT STATUS", _escape(EXIT_CODES.strip()))
    yield from (".SH FILES", ".TP", r".I ~/.insighta/credentials.json", "the sign-ins of every backend, mode 0600")


def _describe(name: str) -> Iterator[str]:
    module = import_module(f".commands.{name_module(name)}", __package__)
    parser = make_parser(name, module)
    yield from (f".SS insighta {name}", _escape(parser.summary))
    for action in parser._actions:
        if action.option_strings != ["-h", "--help"]:
            yield from (".TP", rf"\fB{_escape(_name(action))}\fR", _escape(action.help or ""))


def _name(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    words = ", ".join(action.option_strings) or (action.metavar if isinstance(action.metavar, str) else action.dest)
    return f"{words} {value}" if action.option_strings and action.nargs != 0 else words


def _escape(text: str) -> str:
    """A backslash, a hyphen that people copy, and a line that would be a request."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("…", "...")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write(format_words() if sys.argv[1:] == ["words"] else format_man_page())
