"""The short storm: half a minute of faults of the kinds that lose most, and every promise kept afterwards."""

import json
from pathlib import Path

import pytest

from tests.faults.storm import Size, Storm

SEED = 10
KINDS = frozenset({"stop", "lose answers", "kill", "cut"})


@pytest.mark.parametrize("seed", [SEED])
def test_nothing_is_lost_in_a_storm(tmp_path: Path, seed: int) -> None:
    size = Size(clients=5, visitors=2, newcomers=1, commands=1)
    report = Storm(tmp_path, seed=seed, seconds=22, size=size, kinds=KINDS, quiet=2.5).run()
    assert not report.broken, f"seed {seed}: {report.broken}"
    assert report.faults, "nothing was broken"
    assert all(recovery.first is not None for recovery in report.recoveries), report.to_json()
    assert report.sign_ins_lost == 0
    assert report.bookings > 20, json.dumps(report.requests)
    assert report.operations > 100
    assert report.requests["cancel day"].get(200), json.dumps(report.requests)
    assert report.requests["move"], json.dumps(report.requests)
