"""How much is tried, and from which seed: `FUZZ=20 FUZZ_SEED=7 make test ARGS=tests/fuzz` tries twenty times more."""

import os
from collections.abc import Callable
from typing import TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase

EFFORT = int(os.environ.get("FUZZ", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "10"))

_Test = TypeVar("_Test", bound=Callable[..., None])


def bounded(examples: int) -> hypothesis.settings:
    """So many examples for each unit of effort."""
    return hypothesis.settings(
        max_examples=examples * EFFORT,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        stateful_step_count=12,
    )


def tried(examples: int) -> Callable[[_Test], _Test]:
    """The same examples in every run that has the same effort and seed."""

    def decorate(test: _Test) -> _Test:
        return hypothesis.seed(SEED)(bounded(examples)(test))

    return decorate
