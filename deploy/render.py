"""Fill in a template where no container does it: `python deploy/render.py VALUES TEMPLATE`.

Like the entry point of nginx's image it replaces `${NAME}` in capitals, and leaves the variables of nginx itself alone.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")


def render(template: str, values: Mapping[str, str]) -> str:
    """`template` with its variables replaced. Raises KeyError for one that has no value."""
    return VARIABLE.sub(lambda found: values[found[1]], template)


def read_environment(text: str) -> dict[str, str]:
    """Lines of NAME=value as Docker and systemd read them; empty ones and comments are left out."""
    lines = (line.strip() for line in text.splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def main() -> int:
    """Print the template of the second argument with the values of the first. Exit code 1 where one is missing."""
    if len(sys.argv) != 3:
        sys.stderr.write("usage: python deploy/render.py VALUES TEMPLATE\n")
        return 2
    values, template = (Path(argument).read_text() for argument in sys.argv[1:])
    try:
        sys.stdout.write(render(template, read_environment(values)))
    except KeyError as error:
        sys.stderr.write(f"{sys.argv[1]} does not say what {error.args[0]} is.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
