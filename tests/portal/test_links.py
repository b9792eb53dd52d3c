"""Addresses of the portal are made by the name of their route, in code and in templates."""

import ast
import re
from pathlib import Path

import pytest

from portal import urls
from tests.processes import ROOT

PORTAL = ROOT / "portal"
# What these are called with are paths of the API.
OF_THE_API = {"get", "read", "send", "tell", "_ask", "_end"}


def written_paths(code: str) -> list[str]:
    """String literals that look like an address of the portal."""
    tree = ast.parse(code)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    of_the_api = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) in OF_THE_API]
    allowed = {id(part) for call in of_the_api for part in ast.walk(call)}
    texts = [str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in allowed]
    return [text for text in texts if re.match(r"/(?!api/|oauth/)\w", text)]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_route_has_a_name() -> None:
    assert all(pattern.name for pattern in urls.urlpatterns)


def test_no_address_is_written_out() -> None:
    in_code = {name(file): written_paths(file.read_text()) for file in PORTAL.rglob("*.py")}
    in_html = {
        name(file): re.findall(r'(?:href|action|src)="/[^"]*"', file.read_text()) for file in PORTAL.rglob("*.html")
    }
    assert {file: found for file, found in (in_code | in_html).items() if found} == {}


@pytest.mark.parametrize("line", ['SeeOther("/slots")', 'f"/slots/{slot}/book"', '{"for": "/tokens"}'])
def test_a_written_address_is_found(line: str) -> None:
    assert written_paths(line)


def test_a_path_of_the_api_is_none() -> None:
    assert not written_paths('request.visitor.get(f"/pages/slots/{slot}")')
