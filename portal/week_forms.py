"""The weekly hours of one offering, as a grid of days and ranges."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from django import forms
from django.http import QueryDict

from portal.errors import Problem
from portal.forms import ApiForm, ClockField, message_field, number_input, unix_lines
from portal.hours_forms import WEEKDAYS

# What a day is shown with that has no hours yet, and no other day has any.
_USUAL = [("09:00", "17:00")]
_RANGE = re.compile(r"from_([1-7])_(\d{1,3})")
_EDIT = re.compile(r"(add|drop|copy)_([1-7])(?:_(\d{1,3}))?")

Week = dict[int, list[tuple[str, str]]]


@dataclass(frozen=True)
class Range:
    """One range of a day with its fields; `key` is its place among them."""

    key: str
    start: forms.BoundField
    end: forms.BoundField


@dataclass(frozen=True)
class Day:
    """A day of the grid: whether it has hours, its ranges, and the days that they can be copied to."""

    number: int
    name: str
    ticked: forms.BoundField
    ranges: Sequence[Range]
    copy: forms.BoundField


def week_of(rules: Iterable[Mapping[str, Any]]) -> Week:
    """The ranges of each day that the weekly rules of the API say, in order."""
    week: Week = {}
    for rule in rules:
        week.setdefault(rule["weekday"], []).append((rule["start_time"][:5], rule["end_time"][:5]))
    return {day: sorted(set(ranges)) for day, ranges in sorted(week.items())}


def fingerprint_of(shown: object) -> str:
    """Names what a page has shown, for the form that comes back."""
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


class WeekForm(ApiForm):
    """Days that are ticked, each with its ranges. A range that is empty, or of a day that is not ticked, is none.

    `base` names the hours that the page began with, `shown` and `seen` what was previewed.
    """

    # The field to go on with.
    focus = ""

    base = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput())
    shown = forms.CharField(max_length=16, required=False, widget=forms.HiddenInput())
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput())
    buffer_minutes = forms.IntegerField(
        label="Minutes between sessions", min_value=0, max_value=1440, required=False, widget=number_input(),
        help_text="Leave empty to change nothing.",
    )  # fmt: skip

    message = message_field("Added to the mails to those whose session changes, or closes while they wait.")

    def __init__(self, data: QueryDict | None = None, *, initial: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        self.keys: dict[int, list[str]] = {}
        for name in data if data is not None else self.initial:
            if found := _RANGE.fullmatch(name):
                self.keys.setdefault(int(found[1]), []).append(found[2])
        for day, name in enumerate(WEEKDAYS, start=1):
            self.keys[day] = sorted(self.keys.get(day, ["0"]), key=int)
            self._add_day(day, name)

    def _add_day(self, day: int, name: str) -> None:
        self.fields[f"on_{day}"] = forms.BooleanField(label=name, required=False)
        for number, key in enumerate(self.keys[day], start=1):
            which = f"{name}, range {number}" if len(self.keys[day]) > 1 else name
            for side, asked in (("from", "it starts"), ("to", "it ends")):
                invalid = {"invalid": f"{name}: enter when {asked} as a time, like 9:00 or 17:30."}
                self.fields[f"{side}_{day}_{key}"] = ClockField(
                    label=f"{which}, {side}", is_end=side == "to", required=False, error_messages=invalid
                )
        others = [(number, other) for number, other in enumerate(WEEKDAYS, start=1) if number != day]
        wrong = {"invalid_choice": "Choose days from the list."}
        self.fields[f"copy_{day}"] = forms.MultipleChoiceField(
            label=f"Copy {name} to", choices=others, required=False, widget=forms.CheckboxSelectMultiple,
            error_messages=wrong,
        )  # fmt: skip

    @classmethod
    def about(cls, rules: Sequence[Mapping[str, Any]]) -> Self:
        """The form of an offering's weekly rules of the API."""
        week = week_of(rules)
        usual, buffers = next(iter(week.values()), _USUAL), {rule["buffer_minutes"] for rule in rules}
        initial: dict[str, Any] = {"base": base_of(rules)}
        for day in range(1, 8):
            initial[f"on_{day}"] = day in week
            for key, (start, end) in enumerate(week.get(day, usual)):
                initial |= {f"from_{day}_{key}": start, f"to_{day}_{key}": end}
        return cls(initial=initial | ({"buffer_minutes": buffers.pop()} if len(buffers) == 1 else {}))

    @property
    def days(self) -> list[Day]:
        """The grid."""
        return [
            Day(
                day,
                name,
                self[f"on_{day}"],
                [self._range(f"{day}_{key}") for key in self.keys[day]],
                self[f"copy_{day}"],
            )
            for day, name in enumerate(WEEKDAYS, start=1)
        ]

    def _range(self, key: str) -> Range:
        return Range(key, self[f"from_{key}"], self[f"to_{key}"])

    def _places(self) -> list[str]:
        """The ranges that count, in the order in which the API is sent them."""
        data = self.cleaned_data
        keys = [f"{day}_{key}" for day in self.keys if data.get(f"on_{day}") for key in self.keys[day]]
        return [key for key in keys if data.get(f"from_{key}") is not None or data.get(f"to_{key}") is not None]

    def clean(self) -> dict[str, Any]:
        """A range has two ends, and a day that is ticked has a range."""
        places = self._places()
        for key in places:
            day = WEEKDAYS[int(key[0]) - 1]
            for side, what in (("from", "starts"), ("to", "ends")):
                if self.cleaned_data.get(f"{side}_{key}") is None and f"{side}_{key}" not in self.errors:
                    self.add_error(f"{side}_{key}", f"{day}: enter when it {what}.")
        for number, name in enumerate(WEEKDAYS, start=1):
            fields = {f"{side}_{number}_{key}" for side in ("from", "to") for key in self.keys[number]}
            has_hours = any(key.startswith(f"{number}_") for key in places)
            if self.cleaned_data.get(f"on_{number}") and not has_hours and not fields & self.errors.keys():
                self.add_error(f"from_{number}_{self.keys[number][0]}", f"{name}: enter hours, or take the tick away.")
        return self.cleaned_data

    def body(self) -> dict[str, Any]:
        """What the API is sent."""
        data = self.cleaned_data
        hours = [
            {"weekday": int(key[0]), "start_time": data[f"from_{key}"], "end_time": data[f"to_{key}"]}
            for key in self._places()
        ]
        buffer = data.get("buffer_minutes")
        return {"hours": hours} | ({} if buffer is None else {"buffer_minutes": buffer})

    @property
    def words(self) -> dict[str, str]:
        """What the host writes to those who are told."""
        return {"message": unix_lines(self.cleaned_data["message"])} if self.cleaned_data["message"] else {}

    def take(self, problem: Problem) -> None:
        """What is wrong with a range stands beside it: the API names its place in the list."""
        places = {f"hours.{place}": f"from_{key}" for place, key in enumerate(self._places())}
        problem.errors = {places.get(name, name): said for name, said in problem.errors.items()}
        super().take(problem)

    def after(self, button: str) -> Self:
        """The form after a button as `add_1`, `drop_1_0` or `copy_1`; `focus` is the field to go on with."""
        found, typed, wrong = _EDIT.fullmatch(button), cast(QueryDict, self.data).copy(), ""
        do, day, key = (found[1], int(found[2]), found[3]) if found else ("", 1, "")
        focus = f"on_{day}"
        if do == "add":
            focus = self._add(typed, day)
        elif do == "drop" and key:
            self._drop(typed, day, key)
        elif do == "copy" and not self._copy(typed, day):
            wrong = f"{WEEKDAYS[day - 1]}: choose the days to copy these hours to."
        form = type(self)(typed)
        form.full_clean()
        form.errors.clear()
        form.focus = focus
        if wrong:
            form.add_error(f"copy_{day}", wrong)
        return form

    def _add(self, typed: QueryDict, day: int) -> str:
        key = f"{day}_{max(map(int, self.keys[day])) + 1}"
        typed[f"from_{key}"], typed[f"to_{key}"], typed[f"on_{day}"] = "", "", "on"
        return f"from_{key}"

    def _drop(self, typed: QueryDict, day: int, key: str) -> None:
        """Take a range away; the last one of a day leaves its fields, and takes the tick."""
        if self.keys[day] == [key]:
            typed.pop(f"on_{day}", None)
            return
        for side in ("from", "to"):
            typed.pop(f"{side}_{day}_{key}", None)

    def _copy(self, typed: QueryDict, day: int) -> bool:
        """Give other days the ranges of this one, instead of theirs; False where none are chosen."""
        targets = [int(one) for one in typed.pop(f"copy_{day}", []) if one in {*"1234567"}]
        for target in targets:
            for key in self.keys[target]:
                typed.pop(f"from_{target}_{key}", None)
                typed.pop(f"to_{target}_{key}", None)
            for key in self.keys[day]:
                for side in ("from", "to"):
                    typed[f"{side}_{target}_{key}"] = self.data.get(f"{side}_{day}_{key}", "")
            typed[f"on_{target}"] = "on"
        return bool(targets)


def base_of(rules: Sequence[Mapping[str, Any]]) -> str:
    """Names the weekly hours that a page shows."""
    facts = [(rule["weekday"], rule["start_time"], rule["end_time"], rule["buffer_minutes"]) for rule in rules]
    return fingerprint_of(sorted(facts))
