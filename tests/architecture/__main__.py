"""`python -m tests.architecture [lint format types imports cycles rules migrations upgrades]` is `make check`."""

import sys

from tests.architecture.checks import CHECKS, run


def main(names: list[str]) -> int:
    """0 when every check passed, 1 when one failed, 2 for a name that is no check."""
    known = [check.name for check in CHECKS]
    if unknown := set(names) - set(known):
        sys.stderr.write(f"No such check: {', '.join(sorted(unknown))}. The checks are: {', '.join(known)}.\n")
        return 2
    return 0 if run(names) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
