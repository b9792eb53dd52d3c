from __future__ import annotations

import os
import sys
from importlib import import_module

from . import TYPE_CHECKING, __version__
from .catalog import COMMANDS, HIDDEN, find_command, list_members, name_module
from .errors import FAILED, USAGE, CliError, UnexpectedAnswer, UsageError
from .terminal import say, say_error, show

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

HELP_FLAGS = frozenset({"-h", "--help"})


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code."""
    _prepare_streams()
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except CliError as error:
        say_error(error)
        code = error.exit_code
    except KeyboardInterrupt:
        say("", "Stopped.")
        code = USAGE
    except BrokenPipeError:  # The reader (head, a pager) has seen enough.
        _discard_output()
        code = 0
    except OSError as error:
        _discard_output()
        say(f"insighta: {error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}.")
        code = FAILED
    return code


def _prepare_streams() -> None:
    # A stream that the caller has closed is None, and the next file to be opened would get its number.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  # open until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115  # open until the process ends
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _discard_output() -> None:
    """What could not be written must not fail a second time in the interpreter's own flush at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(words: list[str]) -> int:
    """Find the command in `words` and run it. Raises CliError."""
    if any("\ud800" <= character <= "\udfff" for word in words for character in word):
        raise UsageError("The command line holds bytes that are no text in this terminal's encoding.", "See: locale")
    if not words or words[0] in HELP_FLAGS or words == ["help"]:
        from .help import format_overview

        show(*format_overview())
        return 0 if words else USAGE
    if words[0] in {"--version", "-V", "version"}:
        show(f"insighta {__version__}")
        return 0
    if words[0] == "help":
        words = [*words[1:], "--help"]
    if _names_only_a_group(words):
        words = [words[0], "list", *words[1:]]
    name = find_command(words)
    return _run_group(words) if name is None else _run_command(name, words[len(name.split()) :])


def _names_only_a_group(words: list[str]) -> bool:
    """`slots` and `slots --host grace` mean `slots list`; `slots --help` shows what the group has."""
    has_verb = len(words) > 1 and (words[1] in HELP_FLAGS or not words[1].startswith("-"))
    return f"{words[0]} list" in COMMANDS and not has_verb


def _run_command(name: str, words: list[str]) -> int:
    module = import_module(f".commands.{name_module(name)}", __package__)
    if name in HIDDEN:
        return _run_module(module, words)
    if not words and hasattr(module, "DEFAULTS"):
        return _run_module(module, module.DEFAULTS)
    from .parsing import make_parser

    try:
        parsed = make_parser(name, module).parse_args(words)
    except SystemExit:  # The parser has shown its help.
        return 0
    return _run_module(module, parsed)


def _run_module(module: ModuleType, parsed: Any) -> int:
    try:
        code: int | None = module.run(parsed)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        from traceback import extract_tb

        last = extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} in {os.path.basename(last.filename)}, line {last.lineno}"
        raise UnexpectedAnswer(
            f"The backend's answer has a form that this insighta does not know ({place}).",
            "Upgrade insighta; if that does not help, report this line.",
        ) from error
    return code or 0


def _run_group(words: list[str]) -> int:
    from .help import format_group, unknown_command

    if list_members(words[0]) and len(words) > 1 and words[1] in HELP_FLAGS:
        show(*format_group(words[0]))
        return 0
    raise unknown_command(words)
