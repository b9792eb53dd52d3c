"""`clean_text`: what may stay of the text that people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.policies import clean_text

PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
HINDI = "\u0915\u094d\u200d\u0937"
TECHNOLOGIST, FAMILY = "\U0001f469\u200d\U0001f4bb", "\U0001f468\u200d\U0001f469\u200d\U0001f467"
HEART_ON_FIRE = "\u2764\ufe0f\u200d\U0001f525"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize("text", [PERSIAN, HINDI, TECHNOLOGIST, FAMILY, HEART_ON_FIRE, SCOTLAND, f"Ada {TECHNOLOGIST}"])
def test_what_scripts_and_emoji_need_stays(text: str) -> None:
    assert clean_text(text, limit=100) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\u202eb\u2066c\u2069", "abc"),
        ("\u200fAda\u200e", "Ada"),
        ("a\x00b\x1b[31mc\x7f\x85", "ab[31mc"),
        ("line\u2028one\u2029two\r\n", "lineonetwo"),
        ("\u200dAda \u200d Lovelace\u200c", "Ada Lovelace"),
        ("Ada\U000e0067\U000e007f", "Ada"),
        ("\ufeffAda\u00ad", "Ada"),
        ("Ada\u3164", "Ada"),
        ("  Ada \t  Lovelace ", "Ada Lovelace"),
        ("\u200b\u2060\u200d", ""),
        ("\u3164\u115f\u2800", ""),
        ("\ufe0f\u0301", ""),
        ("", ""),
    ],
)
def test_what_is_seen_stays_and_what_deceives_goes(text: str, clean: str) -> None:
    assert clean_text(text, limit=100) == clean


def test_a_cut_leaves_no_joiner_at_the_end() -> None:
    assert clean_text(TECHNOLOGIST, limit=2) == "\U0001f469"


@given(st.text(), st.integers(1, 50))
def test_whatever_is_written_cleaning_twice_changes_nothing(text: str, limit: int) -> None:
    once = clean_text(text, limit=limit)
    assert len(once) <= limit
    assert clean_text(once, limit=limit) == once
    assert not set(once) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\n")
