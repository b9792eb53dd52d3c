"""A pytest plugin that lets two workers end at the same time: each takes the file that takes longest of those left.

`--dist loadfile` gives out whole files in the order in which they were collected, with `--no-loadscope-reorder`.
"""

from collections import Counter
from pathlib import Path

import pytest

# What starts most processes, the longest first; the rest follows by its number of tests. `--durations=50` tells.
LONGEST = (
    "tests/upgrades/test_rotation.py",
    "tests/faults/test_storm.py",
    "tests/deploy/test_cluster.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m alone` chooses from very few files; reading all the others would take longer than to run those."""
    if config.option.markexpr != "alone" or not collection_path.name.startswith("test_"):
        return None
    return "pytest.mark.alone" not in collection_path.read_text() or None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files = Counter(map(_file, items))
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: (places.get(_file(item), len(places)), -files[_file(item)], _file(item)))


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
