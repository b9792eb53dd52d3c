"""`python -m bench [NAME…]` runs the benchmarks, all of them or those named; with QUICK=1 a short run of each.

The figures go to the terminal, to `bench/results/results.json` and as charts beside it. Running some of them keeps
what is stored of the others.
"""

import os
import pkgutil
import sys
import time
import traceback
from importlib import import_module

import bench
from bench.harness import SCENARIOS, Bench, Result, Scenario, warn_of_load
from bench.peer_servers import install_peers
from bench.report import print_durations, print_result, print_targets, store
from bench.servers import complaints
from bench.terminal import say


def main(names: list[str]) -> int:
    """Exit code 0 when every benchmark could be run, whether or not its targets are reached; 2 for an unknown name."""
    known = find_scenarios()
    unknown = set(names) - set(known)
    if unknown:
        say(f"There is no benchmark {', '.join(sorted(unknown))}. Choose from: {', '.join(known)}")
        return 2
    chosen = [known[name] for name in names] or [found for found in known.values() if not found.by_name_only]
    with Bench(quick=os.environ.get("QUICK", "") not in {"", "0"}) as run:
        failed = [scenario.name for scenario in chosen if not _run(scenario, run)]
    print_targets(run.results)
    print_durations(run.results, [scenario.name for scenario in chosen])
    if failed:
        say(f"\nCould not be measured: {', '.join(failed)}")
    return 1 if failed else 0


def find_scenarios() -> dict[str, Scenario]:
    """Every benchmark of this package by its name, in the order in which they are run."""
    for module in pkgutil.iter_modules(bench.__path__):
        if not module.name.startswith("_"):
            import_module(f"bench.{module.name}")
    return dict(sorted(SCENARIOS.items(), key=lambda entry: (entry[1].item, entry[0])))


def _run(scenario: Scenario, run: Bench) -> bool:
    say(f"\n{scenario.name}: {scenario.title}")
    load = warn_of_load()
    try:
        if scenario.with_peers:
            install_peers()
        began = time.monotonic()
        run.begin(scenario.budget)
        result: Result = scenario.run(run)
    except Exception:  # noqa: BLE001  # the other benchmarks are worth measuring all the same
        say("\n".join([traceback.format_exc(), *complaints()]))
        return False
    store(run, scenario, result, load=load, seconds=time.monotonic() - began)
    print_result(result)
    budget = run.pick(full=scenario.budget.full, quick=scenario.budget.quick)
    say(f"    took {time.monotonic() - began:.0f} s of {budget}")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
