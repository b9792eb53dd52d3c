"""A pytest plugin that lets all workers end at the same time: each takes the file that takes longest of those left.

`--dist loadfile` gives out whole files, with `--no-loadscope-reorder` in the order in which they were collected.
"""

from collections import Counter
from pathlib import Path

import pytest

# Above ten seconds, the longest first; the rest follows by its number of tests. `--durations=0` tells.
LONGEST = (
    "tests/faults/test_storm.py",
    "tests/portal/test_accessibility.py",
    "tests/portal/test_journeys.py",
    "tests/upgrades/test_rotation.py",
    "tests/upgrades/test_independent_deployment.py",
    "tests/deploy/test_cluster.py",
    "tests/config/test_run.py",
    "tests/portal/test_hosting_journey.py",
    "tests/docs/test_what_pages_tell_to_type.py",
    "tests/journeys/test_portal_sign_in.py",
    "tests/upgrades/test_backup.py",
    "tests/cli/test_kill.py",
    "tests/tokens/test_races.py",
    "tests/faults/test_planted.py",
    "tests/faults/test_overload.py",
    "tests/faults/test_worker.py",
    "tests/faults/test_locks.py",
    "tests/tokens/test_rotation_model.py",
    "tests/bookings/test_model.py",
    "tests/bookings/test_atomicity.py",
    "tests/upgrades/test_graceful_stop.py",
    "tests/journeys/test_terminal_sign_in.py",
    "tests/config/test_admin_at_size.py",
    "tests/config/test_embedded_postgres.py",
    "tests/cli/test_live.py",
    "tests/fuzz/test_schema.py",
    "tests/docs/test_what_pages_teach.py",
    "tests/accounts/test_first_sign_in.py",
    "tests/fuzz/test_oauth.py",
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
