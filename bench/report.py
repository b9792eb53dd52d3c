"""From results to what people read: the terminal's tables, the stored JSON with its charts, and the page's numbers.

`python -m bench.report` writes the numbers of the last run into `docs/performance.md` and its charts beside it.
"""

import json
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine
from bench.charts import Bar, Chart, draw
from bench.harness import RESULTS, Bench, Figure, Result, Scenario, Target, to_json
from bench.terminal import number, say, table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
CHARTS = PAGE.parent / "images"
_COLUMNS = ["", "median", "lowest", "highest", "unit", "rounds"]
BEGIN, END = "<!-- numbers: written by `python -m bench.report` -->", "<!-- end of numbers -->"


def print_result(result: Result) -> None:
    if result.figures:
        say(table(_COLUMNS, [_cells(figure) for figure in result.figures]))
    for facts in result.tables:
        say(f"\n{facts.title}")
        say(table(facts.columns, facts.rows))
    for note in result.notes:
        say(f"    {note}")


def _cells(figure: Figure) -> list[str]:
    values = [number(value) for value in (figure.median, figure.low, figure.high)]
    return [figure.label + (f" ({figure.note})" if figure.note else ""), *values, figure.unit, str(len(figure.values))]


def store(run: Bench, scenario: Scenario, result: Result, *, load: float, seconds: float) -> None:
    """Put one benchmark's result into the results' file, beside those of the others, and draw its charts."""
    run.results.mkdir(parents=True, exist_ok=True)
    stored = load_results(run.results)
    stored[scenario.name] = {
        "title": scenario.title,
        "item": scenario.item,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": run.quick,
        "load_average": load,
        "seconds": round(seconds),
        "machine": machine.describe(),
        "postgresql": run.cluster.version(),
        **to_json(result),
    }
    (run.results / "results.json").write_text(json.dumps(stored, indent=1))
    for chart in result.charts:
        (run.results / f"{chart.name}.svg").write_text(draw(chart))


def print_durations(directory: Path, names: list[str]) -> None:
    """How long the benchmarks called `names` took, those of them that could be measured, and all together."""
    seconds = {name: entry["seconds"] for name, entry in _ordered(load_results(directory)) if name in names}
    rows = [[name, str(took)] for name, took in [*seconds.items(), ("all", sum(seconds.values()))]]
    say()
    say(table(["benchmark", "seconds"], rows))


def load_results(directory: Path) -> dict[str, Any]:
    """Every stored result by its benchmark's name."""
    path = directory / "results.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def print_targets(directory: Path) -> None:
    """The verdict on everything that is stored."""
    rows = [_verdict(target) for _, stored in _ordered(load_results(directory)) for target in _targets(stored)]
    if rows:
        say()
        say(table(["target", "wanted", "measured", ""], rows))


def _targets(stored: dict[str, Any]) -> list[Target]:
    return [Target(**{name: kept[name] for name in kept if name != "is_reached"}) for kept in stored["targets"]]


def _verdict(target: Target) -> list[str]:
    wanted = f"{'at most' if target.at_most else 'at least'} {target.wanted:g}{target.unit}"
    measured = f"{target.measured:.2f}".rstrip("0").rstrip(".") if target.measured < 100 else f"{target.measured:,.0f}"
    return [target.claim, wanted, measured + target.unit, "reached" if target.is_reached else "NOT reached"]


def _ordered(results: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(results.items(), key=lambda entry: (entry[1]["item"], entry[0]))


def write_page(results: Path, page: Path, charts: Path) -> None:
    """Put the stored numbers between the page's two marks. Raises ValueError where the marks are missing."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no place for the numbers: {BEGIN} … {END}")
    stored = _ordered(load_results(results))
    sections = [_targets_of_page(stored), *(_section(entry, charts.name) for _, entry in stored), _machine(stored)]
    page.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(sections) + f"\n\n{END}{after}")
    charts.mkdir(exist_ok=True)
    for _, entry in stored:
        for chart in entry["charts"]:
            drawn = draw(Chart(**{**chart, "bars": [Bar(**bar) for bar in chart["bars"]]}))
            (charts / f"performance-{chart['name']}.svg").write_text(drawn)


def _targets_of_page(stored: list[tuple[str, dict[str, Any]]]) -> str:
    rows = [_verdict(target) for _, entry in stored for target in _targets(entry)]
    return "## Targets\n\n" + _markdown(["target", "wanted", "measured", "verdict"], rows)


def _section(entry: dict[str, Any], folder: str) -> str:
    parts = [f"## {entry['title']}"]
    figures = [Figure(kept["label"], kept["unit"], kept["values"], kept["note"]) for kept in entry["figures"]]
    if figures:
        parts.append(_markdown(_COLUMNS, [_cells(figure) for figure in figures]))
    parts += [f"![{chart['title']}]({folder}/performance-{chart['name']}.svg)" for chart in entry["charts"]]
    parts += [f"**{kept['title']}**\n\n{_markdown(kept['columns'], kept['rows'])}" for kept in entry["tables"]]
    if entry["notes"]:
        parts.append("\n".join(_wrapped(f"- {note}") for note in entry["notes"]))
    return "\n\n".join(parts)


def _machine(stored: list[tuple[str, dict[str, Any]]]) -> str:
    rows = [
        [
            name,
            entry["machine"]["commit"],
            entry["at"],
            "quick" if entry["quick"] else "full",
            f"{entry['load_average']:.1f}",
            f"{entry['seconds']} s",
        ]
        for name, entry in stored
    ]
    latest = max((entry for _, entry in stored), key=lambda entry: entry["at"])
    facts = {**latest["machine"], "PostgreSQL": latest["postgresql"]}
    versions = ", ".join(f"{name} {value}" for name, value in facts.items() if name != "commit")
    return f"## The machine\n\n{_wrapped(versions)}.\n\n" + _markdown(
        ["benchmark", "commit", "at", "run", "load before", "took"], rows
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 118, subsequent_indent="  " if text.startswith("- ") else "", break_on_hyphens=False)


def _markdown(columns: list[str], rows: list[list[str]]) -> str:
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> int:
    if not load_results(RESULTS):
        say("There are no results yet. Run: make bench")
        return 1
    write_page(RESULTS, PAGE, CHARTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
