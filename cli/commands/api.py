import argparse
import json
import sys
from typing import Any
from urllib.parse import quote, urlencode

from ..api import Api
from ..errors import FAILED, Problem, UsageError
from ..settings import read_settings
from ..terminal import say_error, show_json
from ..transport import PREFIX

SUMMARY = "Call the API as the signed-in person and print the answer."
EXAMPLES = """
insighta api get /me
insighta api get /slots --field open=true --paginate
insighta api patch /slots/ID --field title=Compilers --field capacity:=8
insighta api post /slots --input slot.json    or --input - for standard input
"""
METHODS = ("get", "post", "patch", "put", "delete")


def configure(parser: argparse.ArgumentParser) -> None:
    methods = ", ".join(METHODS)
    parser.add_argument("method", type=str.lower, choices=METHODS, metavar="method", help=f"one of {methods}")
    parser.add_argument("path", help="what follows /api/v1, for example /me")
    parser.add_argument(
        "--field", action="append", default=[], metavar="NAME=VALUE", help="a text, or with := a JSON value; repeatable"
    )
    parser.add_argument("--input", metavar="FILE", help="a file with the JSON to send, - for standard input")
    parser.add_argument("--paginate", action="store_true", help="all pages of a list, as one array")


def run(arguments: argparse.Namespace) -> int:
    path, body = _read_request(arguments)
    api = Api(read_settings(arguments))
    try:
        answer = api.list(path) if arguments.paginate else api.call(arguments.method.upper(), path, body)
    except Problem as problem:
        show_json(problem.document)
        say_error(problem)
        return FAILED
    if answer is not None:
        show_json(answer)
    return 0


def _read_request(arguments: argparse.Namespace) -> tuple[str, Any]:
    path = "/" + arguments.path.removeprefix(PREFIX).lstrip("/")
    if "://" in arguments.path:
        raise UsageError("A path is wanted, not an address.", "For example: insighta api get /me")
    fields = dict(_read_field(text) for text in arguments.field)
    if arguments.paginate and arguments.method != "get":
        raise UsageError("Only lists have pages: --paginate goes with get.", "See: insighta api --help")
    if arguments.method in {"get", "delete"}:
        if arguments.input:
            raise UsageError(f"{arguments.method} sends no body.", "Use --field for parameters.")
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
        query = urlencode(texts)
        return _encode(path) + (f"{'&' if '?' in path else '?'}{query}" if query else ""), None
    if arguments.input and fields:
        raise UsageError("--field and --input exclude each other.", "See: insighta api --help")
    return _encode(path), _read_input(arguments.input) if arguments.input else fields


def _encode(path: str) -> str:
    return quote(path, safe="/?&=%:,+~")


def _read_field(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name.rstrip(":"):
        raise UsageError(f"--field {text} has no name or no value.", "Write NAME=TEXT, or NAME:=JSON.")
    if not name.endswith(":"):
        return name, value
    return name[:-1], _parse(value.encode(), f"The value of {name[:-1]}")


def _read_input(name: str) -> Any:
    if name == "-":
        content = sys.stdin.buffer.read() if sys.stdin else b""
    else:
        with open(name, "rb") as file:
            content = file.read()
    return _parse(content, "The input" if name == "-" else name)


def _parse(content: bytes, what: str) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} is not JSON: {error}.", "See: insighta api --help") from None
