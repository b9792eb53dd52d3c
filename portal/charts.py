from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WIDTH, HEIGHT = 600, 100
# Changes closer together than this are one spike at the edge of a flat line.
WORTH_SEEING = timedelta(days=2)


@dataclass(frozen=True)
class Chart:
    """A step line as SVG paths in a box of WIDTH by HEIGHT; its upper edge stands for `top` credits.

    `labels` are the first day and that of the highest balance, where it is another, with what was there.
    """

    line: str
    area: str
    top: int
    labels: tuple[tuple[date, int], ...]
    width: int = WIDTH
    height: int = HEIGHT


def credit_chart(entries: list[dict[str, Any]], total: int, *, zone: ZoneInfo, now: datetime) -> Chart | None:
    """The balance over time, from the ledger (newest first) and today's total; None where there is nothing to see."""
    history = _balances(entries, total)
    if not history or history[-1][0] - history[0][0] < WORTH_SEEING:
        return None
    if min(balance for _, balance in history) < 0:
        # Credits that were added after the day they were spent on: no honest line goes through that.
        return None
    first, top = history[0][0], max(1, *(balance for _, balance in history))
    seconds = (now - first).total_seconds()

    def x(instant: datetime) -> float:
        return round(WIDTH * (instant - first).total_seconds() / seconds, 1)

    def y(balance: int) -> float:
        return round(HEIGHT - HEIGHT * max(0, balance) / top, 1)

    steps = "".join(f"H{x(instant)}V{y(balance)}" for instant, balance in history[1:])
    line = f"M0 {y(history[0][1])}{steps}H{WIDTH}"
    highest = max(history, key=lambda one: one[1])
    told = dict.fromkeys((history[0], highest))
    labels = tuple((instant.astimezone(zone).date(), balance) for instant, balance in told)
    return Chart(line=line, area=f"{line}V{HEIGHT}H0Z", top=top, labels=labels)


def _balances(entries: list[dict[str, Any]], total: int) -> list[tuple[datetime, int]]:
    """When the balance became what, oldest first."""
    found = []
    for entry in entries:
        found.append((datetime.fromisoformat(entry["created_at"]), total))
        total -= entry["amount"]
    return found[::-1]
