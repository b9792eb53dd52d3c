"""Bar and line charts as SVG, which follow the reader's light or dark theme."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from bench.terminal import number

WIDTH, BAR_LEFT, BAR_HEIGHT, BAR_STEP = 760, 250, 22, 34
PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM = 80, WIDTH - 30, 66, 316
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
    is_logarithmic: bool = False


def draw(chart: Chart) -> str:
    """The chart as a whole SVG document."""
    height = PLOT_TOP + len(chart.bars) * BAR_STEP if chart.bars else PLOT_BOTTOM + 62 + 18 * len(chart.series)
    body = "\n".join(_bars(chart.bars) if chart.bars else _lines(chart))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        f' role="img" aria-label="{escape(chart.title, quote=True)}">\n<style>{_STYLE}</style>\n'
        f'<rect class="background" width="{WIDTH}" height="{height}"/>\n{_text(16, 26, chart.title, "title")}\n'
        f"{_text(16, 44, chart.unit, 'small')}\n{body}\n</svg>\n"
    )


def _bars(bars: list[Bar]) -> Iterator[str]:
    scale = (WIDTH - BAR_LEFT - 90) / (max(bar.high for bar in bars) or 1)
    for place, bar in enumerate(bars):
        y, kind = PLOT_TOP + place * BAR_STEP, "bar ours" if bar.ours else "bar"
        low, high = BAR_LEFT + scale * bar.low, BAR_LEFT + scale * bar.high
        width = max(1, scale * bar.median)
        yield _text(BAR_LEFT - 10, y + 15, bar.label, anchor="end")
        yield f'<rect class="{kind}" x="{BAR_LEFT}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}"/>'
        yield _segment("spread", low, y + BAR_HEIGHT / 2, high, y + BAR_HEIGHT / 2)
        yield _text(high + 8, y + 15, number(bar.median))


def _lines(chart: Chart) -> Iterator[str]:
    xs, ys = zip(*(point for series in chart.series.values() for point in series), strict=True)
    x_of = _scale(xs, PLOT_LEFT, PLOT_RIGHT, is_logarithmic=chart.is_logarithmic)
    # A linear axis begins at nothing.
    y_values = ys if chart.is_logarithmic else (0.0, *ys)
    y_of = _scale(y_values, PLOT_BOTTOM, PLOT_TOP, is_logarithmic=chart.is_logarithmic)
    for value in _ticks(y_values, is_logarithmic=chart.is_logarithmic):
        yield _segment("axis", PLOT_LEFT, y_of(value), PLOT_RIGHT, y_of(value))
        yield _text(PLOT_LEFT - 8, y_of(value) + 4, number(value), "small", "end")
    for value in _ticks(xs, is_logarithmic=chart.is_logarithmic):
        yield _text(x_of(value), PLOT_BOTTOM + 18, number(value), "small", "middle")
    yield _text((PLOT_LEFT + PLOT_RIGHT) / 2, PLOT_BOTTOM + 36, chart.x_label, "small", "middle")
    for place, (label, series) in enumerate(chart.series.items()):
        points = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in series)
        y = PLOT_BOTTOM + 56 + 18 * place
        yield f'<polyline class="line c{place % 6}" points="{points}"/>'
        yield _segment(f"line c{place % 6}", PLOT_LEFT, y - 4, PLOT_LEFT + 24, y - 4)
        yield _text(PLOT_LEFT + 32, y, label)


def _scale(values: Sequence[float], start: float, end: float, *, is_logarithmic: bool) -> Callable[[float], float]:
    place = math.log10 if is_logarithmic else float
    low, width = place(min(values)), place(max(values)) - place(min(values))
    return lambda value: start + (end - start) * ((place(value) - low) / width if width else 0.5)


def _ticks(values: Sequence[float], *, is_logarithmic: bool) -> list[float]:
    low, high = min(values), max(values)
    if is_logarithmic:
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        return [10.0**power for power in powers] if len(powers) > 1 else [low, high]
    return sorted({low + (high - low) * step / 4 for step in range(5)})


def _segment(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
