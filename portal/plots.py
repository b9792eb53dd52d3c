"""A credit balance over time as the points of an SVG step line. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 180, 32, 8, 12, 28


@dataclass(frozen=True)
class Plot:
    """Coordinates in a box of WIDTH by HEIGHT; `rules` are heights with the number of credits they stand for."""

    line: str
    area: str
    end: tuple[float, float]
    rules: list[tuple[float, int]]
    first: datetime
    last: datetime
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    floor: int = HEIGHT - BOTTOM


def balances(entries: list[dict[str, Any]], total: int) -> list[tuple[datetime, int]]:
    """When the balance became what, oldest first, from the ledger (newest first) and today's total."""
    found = []
    for entry in entries:
        found.append((datetime.fromisoformat(entry["created_at"]), total))
        total -= entry["amount"]
    return found[::-1]


def plot_of(history: list[tuple[datetime, int]], now: datetime) -> Plot | None:
    """The step line up to `now`; None where there is nothing to see."""
    if not history or history[0][0] >= now:
        return None
    first, top = history[0][0], max(1, *(balance for _, balance in history))
    seconds = (now - first).total_seconds()

    def x(instant: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (instant - first).total_seconds() / seconds, 1)

    def y(balance: int) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * max(0, balance) / top, 1)

    path = f"M{LEFT} {y(history[0][1])}" + "".join(f"H{x(instant)}V{y(balance)}" for instant, balance in history[1:])
    line = f"{path}H{x(now)}"
    area = f"{line}V{y(0)}H{LEFT}Z"
    rules = [(y(value), value) for value in sorted({0, top // 2, top})]
    return Plot(line=line, area=area, end=(x(now), y(history[-1][1])), rules=rules, first=first, last=now)
