"""What is read without `re` and `json`, which take longer than Python's start, is read as with them."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cli.connection_errors import ADDRESS
from cli.errors import UsageError
from cli.json_text import parse_json
from cli.settings import is_loopback, normalise_address, read_settings, split_address

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def read(parse: Any, text: str) -> Any:
    try:
        return parse(text)
    except (ValueError, RecursionError) as error:
        return type(error).__mro__[-4]


@given(VALUES.map(json.dumps) | st.text() | st.text(alphabet='[]{}:,"\\ \n019.eE-tfn', max_size=12))
@example("")
@example(" \t\n{}\r ")
@example("{} {}")
@example("\ufeff{}")
@example('{"a": NaN, "b": [-Infinity, 1e999]}')
@example('"\ud800\x00"')
@example("[" * 100_000)
def test_json_is_read_as_the_module_does(text: str) -> None:
    ours, theirs = read(parse_json, text), read(json.loads, text)
    assert repr(ours) == repr(theirs)


PIECES = st.sampled_from(
    [
        "http",
        "https",
        "HTTP",
        "ftp",
        "://",
        ":",
        "/",
        "[",
        "]",
        "::1",
        "a.b",
        "é",
        "$(x)",
        "8000",
        "65536",
        "٣",
        "@",
        "?",
        " ",
        "",
    ]
)


@given(st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=20))
@example("http://[::1]:8000/api/")
@example("https://[::1")
@example("http://h:/")
@example("https://h:443/%20~x")
@example("http://h/\n")
def test_addresses_are_read_as_the_pattern_does(text: str) -> None:
    match = ADDRESS.fullmatch(text)
    sound = match and (match[3] or "0").isascii() and int(match[3] or 0) <= 65535
    parts = split_address(text)
    assert (parts is not None) is bool(sound)
    if parts:
        assert re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w.~/%-]*)?", normalise_address(text, source="x"))
        assert normalise_address(normalise_address(text, source="x"), source="x") == normalise_address(text, source="x")


@given(st.text(alphabet="127.0:[]localhst", max_size=16))
def test_loopback_is_what_the_pattern_says(host: str) -> None:
    if split_address(f"http://{host}"):
        own = normalise_address(f"http://{host}", source="x")
        plain = own.split("://")[1].split("/")[0]
        bare = plain[1:].split("]")[0] if plain.startswith("[") else plain.split(":")[0]
        assert is_loopback(own) is bool(re.fullmatch(r"localhost|::1|127(\.[0-9]+){3}", bare))


VARIABLES = ("INSIGHTA_API", "INSIGHTA_ACCOUNT", "INSIGHTA_TOKEN", "INSIGHTA_HOME", "INSIGHTA_ALLOW_HTTP", "TZ")
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)


@given(st.dictionaries(st.sampled_from(VARIABLES), TEXT | st.sampled_from(["~", "/dev/null", "http://[", "1"])))
def test_any_environment_gives_settings_or_one_sentence(variables: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        try:
            settings = read_settings()
        except UsageError:
            return
        assert split_address(settings.api)
