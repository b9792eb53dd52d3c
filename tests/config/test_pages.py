"""The operator's pages say what is there: every setting, check, metric and command, and none that is not."""

import re

from django.core.management import get_commands
from prometheus_client import Counter, Histogram

from config import reference
from config.metrics import counters
from tests.processes import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()


def test_the_page_of_settings_is_the_one_that_is_made_of_them() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == reference.make_page(), "run: python -m config.reference > docs/configuration.md"
    example = re.findall(r"^#?([A-Z_]+)=", reference.EXAMPLE.read_text(), re.MULTILINE)
    assert re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE) == example


def test_every_check_is_listed_once() -> None:
    source = (ROOT / "config" / "checks.py").read_text()
    assert sorted(re.findall(r"^\| `(insighta\.[EW]\d+)`", PAGE, re.MULTILINE)) == sorted(
        set(re.findall(r'id="(insighta\.[EW]\d+)"', source))
    )


def test_every_metric_is_listed() -> None:
    made = [metric.describe() for metric in vars(counters).values() if isinstance(metric, (Counter, Histogram))]
    counted = {f"{m.name}_total" if m.type == "counter" else m.name for (m,) in made}
    asked = set(re.findall(r'"(insighta_\w+)"', (ROOT / "config" / "metrics" / "database.py").read_text()))
    listed = set(re.findall(r"`(insighta_[a-z_]+)`", PAGE))
    # Prometheus adds the ending to the name of a counter.
    counters_asked = {"insighta_deadlocks", "insighta_jobs_deferred"}
    assert listed == counted | {f"{name}_total" if name in counters_asked else name for name in asked}


def test_every_command_of_the_product_is_listed() -> None:
    own = {name for name, app in get_commands().items() if app in {"accounts", "tokens", "bookings"}}
    _, _, table = PAGE.partition("## Commands")
    rows = re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == own
