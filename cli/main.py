from __future__ import annotations

import os
import sys
from importlib import import_module

from . import __version__
from .catalog import COMMANDS, list_members
from .errors import FAILED, USAGE, CliError, UnexpectedAnswer
from .terminal import paint, say, show

TYPE_CHECKING = False  # Importing it from typing would cost a fifth of the start.
if TYPE_CHECKING:
    import argparse
    from types import ModuleType

HELP_FLAGS = frozenset({"-h", "--help"})


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        code = run(words)
        sys.stdout.flush()
    except CliError as error:
        code = report(error)
    except KeyboardInterrupt:
        say("\nStopped.")
        code = USAGE
    except BrokenPipeError:  # The reader (head, a pager) has seen enough.
        _discard_output()
        code = 0
    except OSError as error:
        _discard_output()
        say(f"insighta: {error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}.")
        code = FAILED
    return code


def _discard_output() -> None:
    """What could not be written must not fail a second time in the interpreter's own flush at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(words: list[str]) -> int:
    """Find the command in `words` and run it. Raises CliError."""
    if not words or words[0] in HELP_FLAGS or words == ["help"]:
        from .overview import format_overview

        show(format_overview())
        return 0 if words else USAGE
    if words[0] in {"--version", "-V", "version"}:
        show(f"insighta {__version__}")
        return 0
    return _run_command(words)


def _run_command(words: list[str]) -> int:
    from .parsing import make_parser

    if words[0] == "help":
        words = [*words[1:], "--help"]
    if _names_only_a_group(words):
        words = [words[0], "list", *words[1:]]
    for length in (2, 1):
        entry = COMMANDS.get(" ".join(words[:length]))
        if entry and len(words) >= length:
            module = import_module(f".commands.{entry.module}", __package__)
            try:
                parsed = make_parser(entry.name, module).parse_args(words[length:])
            except SystemExit:  # The parser has shown its help.
                return 0
            return _run_module(module, parsed)
    if list_members(words[0]):
        return _run_group(words)
    from .overview import unknown_command

    raise unknown_command(words)


def _names_only_a_group(words: list[str]) -> bool:
    """`slots` and `slots --host grace` mean `slots list`; `slots --help` shows what the group has."""
    has_verb = len(words) > 1 and (words[1] in HELP_FLAGS or not words[1].startswith("-"))
    return f"{words[0]} list" in COMMANDS and not has_verb


def _run_module(module: ModuleType, parsed: argparse.Namespace) -> int:
    try:
        code: int = module.run(parsed)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        from traceback import extract_tb

        last = extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} in {os.path.basename(last.filename)}, line {last.lineno}"
        raise UnexpectedAnswer(
            f"Something in the answer cannot be understood ({place}).",
            "Upgrade insighta; if that does not help, report this line.",
        ) from error
    return code


def _run_group(words: list[str]) -> int:
    from .overview import format_group, unknown_command

    if len(words) > 1 and words[1] in HELP_FLAGS:
        show(format_group(words[0]))
        return 0
    raise unknown_command(words)


def report(error: CliError) -> int:
    """Say what went wrong and what to do; the exit code."""
    say(f"{paint('insighta:', 'red', sys.stderr)} {error.sentence}")
    for line in filter(None, error.advice.split("\n")):
        say(f"  {line}")
    return error.exit_code
