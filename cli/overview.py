"""The front page of the help, and what to say to a command that does not exist."""

from .catalog import COMMANDS, GROUPS, list_members, list_names
from .errors import UsageError
from .settings import DEFAULT_API
from .terminal import paint

EXAMPLES = """\
  insighta login                          sign in, wherever this terminal runs
  insighta slots list --host grace        what can be booked with Grace
  insighta book 019ab3f2-5440-7a1c        see the price and the refund deadline first
  insighta cancel 019ab3f7-0c11           see the refund first, then decide
  curl -H "Authorization: Bearer $(insighta token)" …"""

ENVIRONMENT = f"""\
  INSIGHTA_API          the backend's address; the default is the development
                        backend, {DEFAULT_API}
  INSIGHTA_TOKEN        a personal access token; wins over a stored sign-in
  INSIGHTA_HOME         where the sign-in is stored (default: ~/.insighta)
  INSIGHTA_NO_BROWSER   set: never open a browser
  BROWSER, NO_COLOR     as everywhere"""

# Below it, `slot` is like `logout`.
LEAST_LIKENESS = 0.7

EXIT_CODES = "  0 done   1 failed   2 wrong usage or cancelled by you   4 sign-in needed"


def format_overview() -> str:
    """`insighta --help`."""
    parts = ["Insighta: book sessions with hosts, from the terminal.", _section("Examples", EXAMPLES)]
    for title, entries in GROUPS:
        parts.append(_section(title, "\n".join(f"  {entry.name:<17}{entry.summary}" for entry in entries)))
    parts.append(_section("Environment", ENVIRONMENT))
    parts.append(_section("Exit codes", EXIT_CODES))
    parts.append("Every command explains itself: insighta login --help\nEvery reading command takes --json.")
    return "\n\n".join(parts)


def format_group(group: str) -> str:
    """`insighta sessions`."""
    lines = "\n".join(f"  insighta {entry.name:<17}{entry.summary}" for entry in list_members(group))
    return _section("Commands", lines) + f"\n\nMore about one: insighta {list_members(group)[0].name} --help"


def unknown_command(words: list[str]) -> UsageError:
    """Names the commands that may have been meant."""
    group = words[0] if list_members(words[0]) else ""
    tried = " ".join(words[:2]) if group else words[0]
    close = _find_close(words, group)
    advice = f"Did you mean: insighta {' or insighta '.join(close)}" if close else "See: insighta --help"
    return UsageError(f"There is no command '{tried}'.", advice)


def _find_close(words: list[str], group: str) -> list[str]:
    from difflib import get_close_matches

    if group:
        verbs = {entry.name.split()[1]: entry.name for entry in list_members(group)}
        return [verbs[verb] for verb in get_close_matches(words[1], verbs, n=2)] or list(verbs.values())
    firsts = dict.fromkeys(name.split()[0] for name in list_names())
    close = [name for name in firsts if name.startswith(words[0])]
    close = close or get_close_matches(words[0], firsts, n=2, cutoff=LEAST_LIKENESS)
    return [" ".join([name, *_find_verb(name, words[1:])]) for name in close]


def _find_verb(name: str, rest: list[str]) -> list[str]:
    """The second word, where the first is a group."""
    if name in COMMANDS or not rest:
        return []
    return [rest[0]] if f"{name} {rest[0]}" in COMMANDS else []


def _section(title: str, text: str) -> str:
    return f"{paint(title, 'bold')}\n{text}"
