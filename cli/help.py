from . import BUILT_IN_API
from .catalog import COMMANDS, GROUPS, list_members
from .errors import UsageError
from .terminal import paint

EXAMPLES = """\
  insighta login                          sign in, wherever this terminal runs
  insighta slots list --host grace        what can be booked with Grace
  insighta book 019ab3f2-5440-7a1c        see the price and the refund deadline first
  insighta cancel 019ab3f7-0c11           see the refund first, then decide
  curl -H "Authorization: Bearer $(insighta token)" …"""

ENVIRONMENT = f"""\
  INSIGHTA_API          the backend's address; else the one that login remembers
                        or the development backend, {BUILT_IN_API}
  INSIGHTA_ACCOUNT      whose sign-in to use: a login name or an id
  INSIGHTA_ALLOW_HTTP   1: send tokens to an http address that is not this machine
  INSIGHTA_TOKEN        a personal access token; wins over a stored sign-in
  INSIGHTA_HOME         where the sign-in is stored (default: ~/.insighta)
  INSIGHTA_NO_BROWSER   set: never open a browser
  BROWSER, NO_COLOR     as everywhere"""

# Below it, `slot` is like `logout`.
LEAST_LIKENESS = 0.7

EXIT_CODES = "  0 done   1 failed   2 wrong usage or cancelled by you   4 sign-in needed"


def format_overview() -> list[str]:
    """The lines of `insighta --help`."""
    sections = {"Examples": EXAMPLES.split("\n")}
    sections |= {title: [_line(name) for name in commands] for title, commands in GROUPS.items()}
    sections |= {"Environment": ENVIRONMENT.split("\n"), "Exit codes": [EXIT_CODES]}
    return [
        "Insighta: book sessions with hosts, from the terminal.",
        *(line for title, lines in sections.items() for line in ("", paint(title, "bold"), *lines)),
        "",
        "Every command explains itself: insighta login --help",
        "Every reading command takes --json.",
    ]


def format_group(group: str) -> list[str]:
    """The lines of `insighta sessions --help`."""
    names = list_members(group)
    return [
        paint("Commands", "bold"),
        *(_line(name, before="insighta ") for name in names),
        "",
        f"More about one: insighta {names[0]} --help",
    ]


def _line(name: str, *, before: str = "") -> str:
    return f"  {before}{name:<22}{COMMANDS[name]}"


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
        verbs = {name.split()[1]: name for name in list_members(group)}
        return [verbs[verb] for verb in get_close_matches(words[1], verbs, n=2)] or list(verbs.values())
    firsts = dict.fromkeys(name.split()[0] for name in COMMANDS)
    close = [name for name in firsts if name.startswith(words[0])]
    close = close or get_close_matches(words[0], firsts, n=2, cutoff=LEAST_LIKENESS)
    return [" ".join([name, *_find_verb(name, words[1:])]) for name in close]


def _find_verb(name: str, rest: list[str]) -> list[str]:
    """The second word, where the first is a group."""
    if name in COMMANDS or not rest:
        return []
    return [rest[0]] if f"{name} {rest[0]}" in COMMANDS else []
