"""Errors of the apps: each has a code, a kind and a sentence, and each kind its HTTP status."""

from typing import Any

import pytest

from config.http.problems import STATUS, error_classes
from tokens.errors import Throttled


@pytest.mark.parametrize("error", list(error_classes()), ids=lambda error: f"{error.__module__}.{error.__name__}")
def test_every_error_has_a_code_a_sentence_and_a_kind_with_a_status(error: Any) -> None:
    is_base = bool(error.__subclasses__()) and not hasattr(error, "code")
    assert is_base or (error.code and error.sentence and error.kind in STATUS)


@pytest.mark.parametrize(("wait", "seconds"), [(-1, 1), (0, 1), (0.2, 1), (1.2, 2), (60, 61)])
def test_retry_after_is_the_first_whole_second_after_the_wait(wait: float, seconds: int) -> None:
    assert Throttled(wait).retry_after_seconds == seconds
