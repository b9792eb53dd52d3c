"""Charts as SVG, written by hand: bars with their spread, and lines. They follow the reader's light or dark theme."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from bench.terminal import number

WIDTH, LEFT, RIGHT, TOP = 760, 250, 90, 56
BAR, GAP = 22, 12
PLOT_LEFT, PLOT_HEIGHT = 80, 260
_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .small { font-size: 12px; fill: #59636e; }
  .bar { fill: #8c96a0; } .ours { fill: #1a7f64; }
  .spread, .axis { stroke: #59636e; stroke-width: 1; } .axis { opacity: .35; }
  .line { fill: none; stroke-width: 2; }
  .c0 { stroke: #1a7f64; } .c1 { stroke: #b35900; } .c2 { stroke: #6639ba; } .c3 { stroke: #0969da; }
  .c4 { stroke: #cf222e; } .c5 { stroke: #59636e; }
  .background { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .small { fill: #9198a1; } .background { fill: #0d1117; }
    .spread, .axis { stroke: #9198a1; } .bar { fill: #6e7681; } .ours { fill: #3fb68b; } .c0 { stroke: #3fb68b; }
  }
"""


@dataclass(frozen=True)
class Bar:
    """`ours` is drawn in the accent colour."""

    label: str
    median: float
    low: float
    high: float
    ours: bool = False


@dataclass(frozen=True)
class Chart:
    """Bars, or else lines: `series` maps a label to points (x, y). `name` is its file's name without `.svg`."""

    name: str
    title: str
    unit: str
    bars: list[Bar] = field(default_factory=list)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    x_label: str = ""
    log_x: bool = False
    log_y: bool = False


def draw(chart: Chart) -> str:
    """The chart as a whole SVG document."""
    parts, height = (_bars(chart), _bars_height(chart)) if chart.bars else (_lines(chart), _lines_height(chart))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        f' role="img" aria-label="{escape(chart.title, quote=True)}">\n<style>{_STYLE}</style>\n'
        f'<rect class="background" width="{WIDTH}" height="{height}"/>\n{_text(16, 26, chart.title, "title")}\n'
        f"{_text(16, 44, chart.unit, 'small')}\n{body}\n</svg>\n"
    )


def _bars_height(chart: Chart) -> int:
    return TOP + len(chart.bars) * (BAR + GAP) + GAP


def _bars(chart: Chart) -> Iterator[str]:
    span = WIDTH - LEFT - RIGHT
    most = max(bar.high for bar in chart.bars) or 1
    for place, bar in enumerate(chart.bars):
        y = TOP + GAP + place * (BAR + GAP)
        width = max(1, span * bar.median / most)
        kind = "bar ours" if bar.ours else "bar"
        yield _text(LEFT - 10, y + 15, bar.label, anchor="end")
        yield f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}"/>'
        low, high = (LEFT + span * value / most for value in (bar.low, bar.high))
        yield _segment("spread", low, y + BAR / 2, high, y + BAR / 2)
        yield _text(high + 8, y + 15, number(bar.median))


def _lines_height(chart: Chart) -> int:
    return TOP + PLOT_HEIGHT + 52 + 18 * len(chart.series)


def _lines(chart: Chart) -> Iterator[str]:
    points = [point for series in chart.series.values() for point in series]
    x_of = _Scale([x for x, _ in points], PLOT_LEFT, WIDTH - 30, log=chart.log_x)
    y_of = _Scale([y for _, y in points] + ([] if chart.log_y else [0.0]), TOP + PLOT_HEIGHT, TOP + 10, log=chart.log_y)
    for value in _ticks([y for _, y in points], log=chart.log_y):
        yield _segment("axis", PLOT_LEFT, y_of(value), WIDTH - 30, y_of(value))
        yield _text(PLOT_LEFT - 8, y_of(value) + 4, number(value), "small", "end")
    for value in _ticks([x for x, _ in points], log=chart.log_x, start=min(x for x, _ in points)):
        yield _text(x_of(value), TOP + PLOT_HEIGHT + 18, number(value), "small", "middle")
    yield _text((PLOT_LEFT + WIDTH - 30) / 2, TOP + PLOT_HEIGHT + 36, chart.x_label, "small", "middle")
    for place, (label, series) in enumerate(chart.series.items()):
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in series)
        yield f'<polyline class="line c{place % 6}" points="{path}"/>'
        y = TOP + PLOT_HEIGHT + 56 + 18 * place
        yield _segment(f"line c{place % 6}", PLOT_LEFT, y - 4, PLOT_LEFT + 24, y - 4)
        yield _text(PLOT_LEFT + 32, y, label)


class _Scale:
    def __init__(self, values: Sequence[float], start: float, end: float, *, log: bool) -> None:
        self.log = log
        self.low, self.high = (self._place(value) for value in (min(values), max(values)))
        self.start, self.end = start, end

    def _place(self, value: float) -> float:
        return math.log10(max(value, 1e-9)) if self.log else value

    def __call__(self, value: float) -> float:
        width = self.high - self.low
        share = (self._place(value) - self.low) / width if width else 0.5
        return self.start + share * (self.end - self.start)


def _ticks(values: Sequence[float], *, log: bool, start: float = 0.0) -> list[float]:
    if log:
        low, high = (math.log10(max(value, 1e-9)) for value in (min(values), max(values)))
        whole = [10.0**power for power in range(math.ceil(low), math.floor(high) + 1)]
        return whole if len(whole) > 1 else [min(values), max(values)]
    high = max(values)
    return sorted({start + (high - start) * step / 4 for step in range(5)})


def _segment(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
