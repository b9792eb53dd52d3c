import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.checkout import Checkout
from tests.processes import ROOT

LEFT_OUT = (".venv", ".local", ".git", ".env", "__pycache__", ".*_cache", ".hypothesis", "*.egg-info", "node_modules")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A copy of the tree as somebody would have cloned it, in a path with a space, with this run's packages."""
    copy = Checkout(tmp_path / "a clone")
    shutil.copytree(ROOT, copy.path, ignore=shutil.ignore_patterns(*LEFT_OUT))
    copy.borrow_packages()
    yield copy
    copy.end_everything()
