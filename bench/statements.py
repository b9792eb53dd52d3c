"""Statements as PostgreSQL's log has them."""

import re

_BEGINS = re.compile(r"LOG:  (?:statement|execute [^:]*): ")
_VALUES = re.compile(r"DETAIL:  [Pp]arameters: ")
_VALUE = re.compile(r"(\$\d+) = ('(?:[^']|'')*'|NULL)")
_IS_NUMBER = re.compile(r"'-?\d{1,9}'")
_IS_OWN = re.compile(r"ALTER SYSTEM|pg_reload_conf")


def read_statements(text: str) -> list[str]:
    """The statements in a part of the log, with their values; those of several lines are continued with a tab."""
    statements: list[str] = []
    for line in text.replace("\n\t", " ").splitlines():
        begins, has_values = _BEGINS.search(line), _VALUES.search(line)
        if begins and not _IS_OWN.search(line):
            statements.append(" ".join(line[begins.end() :].split()))
        elif has_values and statements:
            statements[-1] = _filled(statements[-1], dict(_VALUE.findall(line[has_values.end() :])))
    return statements


def _filled(statement: str, values: dict[str, str]) -> str:
    """A prepared statement with its values in their places."""
    bare = {place: value.strip("'") if _IS_NUMBER.fullmatch(value) else value for place, value in values.items()}
    return re.sub(r"\$\d+", lambda place: bare.get(place[0], place[0]), statement)
