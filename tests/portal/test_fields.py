"""The markup of fields: every kind, as a browser reads it, and nothing of what anybody has typed in what is kept."""

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from django.template.utils import EngineHandler

from portal import fields
from portal.forms import ApiForm, TimeZoneSelect, message_field, text_input
from portal.week_forms import WeekForm
from tests.processes import ROOT

HOSTILE = "</textarea><script>\"'&\ufffc"
ESCAPED = "&lt;/textarea&gt;&lt;script&gt;&#34;&#39;&amp;\ufffc"
KINDS = [("1", "One"), ("2", "Two & three")]


class AllKinds(ApiForm):
    name = forms.CharField(label="Name", max_length=100, widget=text_input(), help_text="As people know you.")
    message = message_field("Added to the mails.")
    day = forms.DateField(label="Date", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    seats = forms.IntegerField(label="Seats", required=False)
    mails = forms.BooleanField(label="Mails", required=False)
    one = forms.ChoiceField(label="One", choices=KINDS, required=False)
    radio = forms.ChoiceField(label="Radio", choices=KINDS, required=False, widget=forms.RadioSelect)
    several = forms.MultipleChoiceField(
        label="Several", choices=KINDS, required=False, widget=forms.CheckboxSelectMultiple, help_text="As many as fit."
    )
    zone = forms.CharField(label="Zone", required=False, widget=TimeZoneSelect)
    seen = forms.CharField(required=False, widget=forms.HiddenInput())


@pytest.fixture(autouse=True)
def _templates_of_the_portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    engine = {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [ROOT / "portal" / "jinja2"],
        "OPTIONS": {"environment": "portal.templating.environment"},
    }
    engines = EngineHandler([engine])
    monkeypatch.setattr(fields, "engines", engines)
    monkeypatch.setattr("portal.forms.get_template", engines["jinja2"].get_template)
    for kept in (fields._around, fields._with_choices, fields._macro):
        kept.cache_clear()
    yield
    for kept in (fields._around, fields._with_choices, fields._macro):
        kept.cache_clear()


def shown(name: str, /, **initial: Any) -> str:
    return str(fields.field(AllKinds(initial=initial)[name]))


def test_a_text_has_its_label_its_help_and_its_value() -> None:
    attributes = 'class="input" maxlength="100" id="id_name" aria-describedby="id_name_helptext"'
    assert shown("name", name=HOSTILE).split("\n") == [
        '<div class="field">',
        '  <label for="id_name">Name</label>',
        '  <span class="hint" id="id_name_helptext">As people know you.</span>',
        f'  <input type="text" name="name" value="{ESCAPED}" {attributes}>',
        "</div>",
        "",
    ]


@pytest.mark.parametrize(
    ("name", "value", "element"),
    [
        ("message", HOSTILE, f'rows="4" maxlength="1000" id="id_message"{{}}>\n{ESCAPED}</textarea>'),
        ("message", "\nas it was", ">\n\nas it was</textarea>"),
        ("message", None, ">\n</textarea>"),
        ("day", "2026-12-24", '<input type="date" name="day" value="2026-12-24"'),
        ("seats", 0, '<input type="number" name="seats" value="0"'),
        ("seats", None, 'value=""'),
        ("mails", True, 'value="on" id="id_mails" checked>'),
        ("mails", False, 'value="on" id="id_mails">'),
        ("one", "2", '<option value="2" selected>Two &amp; three</option>'),
        ("one", HOSTILE, '<option value="1">One</option>'),
        ("radio", "1", '<input type="radio" name="radio" value="1" id="id_radio_0" checked><span>One</span>'),
        ("several", ["2"], '<input type="checkbox" name="several" value="2" id="id_several_1" checked>'),
        ("several", ["2"], '<input type="checkbox" name="several" value="1" id="id_several_0">'),
        ("several", None, '<fieldset class="field" aria-describedby="id_several_helptext'),
        ("zone", "Africa/Lagos", '<option value="Africa/Lagos" selected>Lagos</option>'),
        ("zone", None, '<option value="UTC" selected>UTC</option>'),
        ("zone", "US/Eastern", '<option value="US/Eastern" selected>US/Eastern</option>'),
        ("zone", HOSTILE, '<option value="&lt;/textarea&gt;&lt;script&gt;&quot;&#x27;&amp;\ufffc" selected>'),
        ("seen", HOSTILE, f'<input type="hidden" name="seen" value="{ESCAPED}" id="id_seen">'),
    ],
)
def test_every_kind_shows_its_value(name: str, value: object, element: str) -> None:
    described = ' aria-describedby="id_message_helptext"'
    assert element.format(described) if "{}" in element else element in shown(name, **{name: value})
    assert shown(name, **{name: value}) == shown(name, **{name: value}), "what is kept changes nothing"
    assert "<script>" not in shown(name, **{name: value})


def test_what_is_wrong_stands_beside_the_field_and_is_read_with_it() -> None:
    form = AllKinds(QueryDict("name=&one=9&several=9&seats=x"))
    for name in ("name", "one", "several", "seats"):
        markup = str(fields.field(form[name]))
        assert f'<span class="field-error" id="id_{name}_error">' in markup
        assert f"id_{name}_error" in markup.partition("aria-describedby=")[2].partition(">")[0]
        assert "(optional)" not in markup
    assert "(optional)" in str(fields.field(form["day"]))


def test_nothing_that_is_typed_is_kept() -> None:
    def sizes() -> list[int]:
        return [kept.cache_info().currsize for kept in (fields._around, fields._with_choices)]

    def show(text: str) -> None:
        form = AllKinds(QueryDict("&".join(f"{name}={text}" for name in AllKinds.base_fields)))
        form.full_clean()
        form.errors.clear()
        for one in form:
            assert fields.field(one)
        assert fields.hidden(form["name"])
        assert fields.choices(WeekForm(QueryDict(f"copy_1={text}")).after("add_1")["copy_1"])

    show("typed")
    before = sizes()
    for number in range(50):
        show(f"typed-{number}")
    assert sizes() == before
