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
    except ImportError:
        import json

        return json.loads(text)
    try:
        scan = make_scanner(_Rules)  # type: ignore[arg-type]  # it reads these names of whatever it is given
        value, end = scan(text, len(text) - len(text.lstrip(SPACE)))
    except StopIteration:
        raise ValueError("There is no JSON.") from None
    if text[end:].strip(SPACE):
        raise ValueError("There is more than JSON.")
    return value
