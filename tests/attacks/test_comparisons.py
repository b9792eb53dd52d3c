"""No secret is compared by `==`: how long that takes tells how much of a guess was right."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.processes import ROOT

ROOMS = ("accounts", "tokens", "bookings", "portal", "config")
SECRET = re.compile(
    r"secret|password|verifier|signature|digest|_hash$|^hash|^mac$|_mac$|hmac|^tag$|nonce|cookie$|csrf|challenge|"
    r"(refresh|access|device|user|authorization)_(token|code)$|^token$|^presented$|retry_key$",
    re.IGNORECASE,
)
# What has such a name and is no secret, or is compared with something that the caller knows already.
HARMLESS = {
    "tokens/policies/personal_tokens.py: add_checksum(token[len(PREFIX):-CHECKSUM_LENGTH]) == token": (
        "the checksum is computed from the token itself"
    ),
    "bookings/services/secret_addresses.py: secret != prefix + _text(raw)": (
        "whether it is spelled in the one way there is; its HMAC is compared below in constant time"
    ),
    "portal/cookies.py: name != flow.cookie": "the cookie's name",
}


def comparisons(source: str) -> Iterator[str]:
    """Every `==`, `!=` and `in` of which one side has the name of a secret and no side is a constant."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        is_equality = any(isinstance(one, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for one in node.ops)
        has_constant = any(isinstance(side, ast.Constant | ast.Set) for side in sides)
        names = [name for name in map(_name, sides) if not name.isupper()]
        if is_equality and not has_constant and any(map(SECRET.search, names)):
            yield ast.unparse(node)


def _name(node: ast.AST) -> str:
    """What a value is called: the last part of its name, or that of the function it comes from."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Subscript):
        return _name(node.slice) or _name(node.value)
    if isinstance(node, ast.Constant):
        return str(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def found(rooms: tuple[str, ...] = ROOMS) -> set[str]:
    files: list[Path] = [
        file for room in rooms for file in (ROOT / room).rglob("*.py") if "migrations" not in file.parts
    ]
    return {f"{file.relative_to(ROOT)}: {comparison}" for file in files for comparison in comparisons(file.read_text())}


def test_no_secret_is_compared_by_its_characters() -> None:
    assert found() - HARMLESS.keys() == set(), "use hmac.compare_digest, or say in HARMLESS why it is no secret"


def test_what_is_called_harmless_is_there() -> None:
    assert HARMLESS.keys() - found() == set()


def test_the_search_finds_what_it_looks_for() -> None:
    wrong = ["given == session.current_hash", "digest(a) != b", "form['csrf_token'] == x", "client_secret in secrets"]
    assert [source for source in wrong if not list(comparisons(source))] == []
    assert not list(comparisons("token == ''"))
