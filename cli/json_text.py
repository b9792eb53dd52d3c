"""JSON as `json.loads` reads it, without the module `json`: its patterns take as long to compile as Python to start."""

from __future__ import annotations

from . import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

SPACE = " \t\r\n"


class _Rules:
    """What the scanner asks for, as `json.JSONDecoder` has it."""

    strict, object_hook, object_pairs_hook = True, None, None
    parse_float, parse_int, parse_constant = float, int, float


def parse_json(text: str) -> Any:
    """Raises ValueError and RecursionError."""
    try:
        from _json import make_scanner  # CPython's own, which `json.loads` calls, too.

        scan = make_scanner(_Rules)  # type: ignore[arg-type]  # it reads these names of whatever it is given
        value, end = scan(text, len(text) - len(text.lstrip(SPACE)))
    except (ImportError, StopIteration, SystemError, ValueError):
        # No JSON, which Python 3.11 calls a SystemError while `json` is not imported, or no CPython.
        end = 0
    if end and not text[end:].strip(SPACE):
        return value
    import json

    return json.loads(text)
