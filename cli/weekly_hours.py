"""A week of hours as it is typed and shown: `mon-fri 9-12,14-17 sat 10-13`."""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from .errors import UsageError
from .times import DAYS

Range = dict[str, Any]
"""`weekday` (Monday is 1), `start_time` and `end_time`, as the API has them."""

NOTHING = "none"
ADVICE = "Days and hours look like this: mon-fri 9-12,14:00-17:30 sat 10-13. No hours at all: none"
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?-([0-9]{1,2})(?::([0-9]{2}))?")


def read_week(words: Iterable[str]) -> list[Range]:
    """The ranges that the words say: days, then their hours. Raises UsageError."""
    texts = [part for word in words for part in word.split()]
    if texts == [NOTHING]:
        return []
    ranges: list[Range] = []
    days: list[int] = []
    has_hours = False
    for text in texts:
        if text[:1].isdigit():
            if not days:
                raise UsageError(f"'{text}' has no day before it.", ADVICE)
            hours = [_read_hours(part) for part in text.split(",")]
            ranges += [{"weekday": day, "start_time": start, "end_time": end} for day in days for start, end in hours]
            has_hours = True
        else:
            found = [day for part in text.split(",") for day in _read_days(part)]
            days, has_hours = ([] if has_hours else days) + found, False
    if not has_hours:
        raise UsageError(f"'{texts[-1]}' has no hours after it." if texts else "No hours were given.", ADVICE)
    return sorted(ranges, key=_order)


def _read_days(text: str) -> list[int]:
    first, dash, last = text.partition("-")
    start, end = _read_day(first), _read_day(last if dash else first)
    if end < start:
        raise UsageError(f"'{text}' goes backwards: a week begins on Monday.", ADVICE)
    return list(range(start, end + 1))


def _read_day(text: str) -> int:
    found = [number for number, name in enumerate(_NAMES, 1) if len(text) >= 3 and name.startswith(text.lower())]
    if not found:
        raise UsageError(f"'{text}' is no day.", ADVICE)
    return found[0]


def _read_hours(text: str) -> tuple[str, str]:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise UsageError(f"'{text}' are no hours.", ADVICE)
    start_hour, start_minute, end_hour, end_minute = match.groups("00")
    return f"{int(start_hour):02}:{start_minute}", f"{int(end_hour):02}:{end_minute}"


def _order(one: Range) -> tuple[int, str]:
    return int(one["weekday"]), str(one["start_time"])


def describe_week(ranges: Sequence[Range]) -> list[tuple[str, list[str]]]:
    """Days and their hours; days that have the same stand together: `Mon-Fri` and `09:00-12:00`, `14:00-17:00`."""
    by_day = itertools.groupby(sorted(ranges, key=_order), key=lambda one: int(one["weekday"]))
    days: dict[tuple[str, ...], list[int]] = {}
    for day, found in by_day:
        days.setdefault(tuple(map(describe_hours, found)), []).append(day)
    return [(_describe_days(numbers), list(hours)) for hours, numbers in days.items()]


def _describe_days(numbers: Sequence[int]) -> str:
    """`Mon-Wed, Fri`; two days in a row are named."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    names = [[DAYS[number - 1] for number in run] for run in runs]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(run) for run in names)


def describe_hours(one: Range) -> str:
    """`09:00-12:00`; the midnight at the end of a day is 24:00."""
    start, end = str(one["start_time"])[:5], str(one["end_time"])[:5]
    return f"{start}-{'24:00' if end == '00:00' else end}"
