from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.db import connection

from bookings.repositories import schema_guards
from bookings.repositories.audit_rules import RULES, SOURCES, Rule

GUARDS_STAND = "every constraint, index, trigger and key of the schema is in force"
# A worker that was away for an hour is late; one that is at work has been told of everything within minutes.
OVERDUE_AFTER = timedelta(hours=1)


def find_breaches(
    *, refund_window: timedelta, with_jobs: bool = True, report: Callable[[str], None] | None = None
) -> dict[str, list[str]]:
    """The rules that do not hold, each with the ids that break it. Empty where all is well.

    A slot whose booking would be made now has `refund_window`. `report` is told what is looked at next. Every table is
    read once, by one statement for each source of rules.
    """
    breaches: dict[str, list[str]] = {}
    for source in SOURCES:
        rules = [rule for rule in RULES if rule.source == source and (with_jobs or not rule.of_jobs)]
        if report is not None:
            report(f"{source}, {len(rules)} rules")
        for sentence, row_id in _find_in(source, rules, refund_window=refund_window):
            breaches.setdefault(sentence, []).append(row_id)
    if report is not None:
        report(GUARDS_STAND)
    if missing := schema_guards.find_missing():
        breaches[GUARDS_STAND] = missing
    return breaches


def _find_in(source: str, rules: list[Rule], *, refund_window: timedelta) -> Iterator[tuple[str, str]]:
    """The sentence of each broken rule with the id of the row that breaks it, by id."""
    conditions = ", ".join(f"({rule.broken})" for rule in rules)
    query = f"""
        SELECT id, broken FROM (SELECT id, ARRAY[{conditions}] AS broken FROM ({SOURCES[source]}) {source}) {source}
        WHERE true = ANY(broken) ORDER BY id"""  # noqa: S608  # constants
    given: dict[str, Any] = {"refund_window": refund_window, "overdue_after": OVERDUE_AFTER}
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        rows = cursor.fetchall()
    for row_id, broken in rows:
        yield from ((rule.sentence, str(row_id)) for rule, is_broken in zip(rules, broken, strict=True) if is_broken)
