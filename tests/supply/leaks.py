"""What a secret looks like, in a text that `git log -p` or the files of a tree make up."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

PATTERNS = {
    "a refresh token or authorization code of ours": r"\bins[rc]_[A-Za-z0-9_-]{32,}",
    "a personal access token of ours": r"\binsp_[A-Za-z0-9]{36}\b",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})",
    "an AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a registry's token": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,})",
    "a Slack, Stripe or Google key": (
        r"\b(?:xox[abprs]-[A-Za-z0-9-]{10,}|[rs]k_live_[A-Za-z0-9]{20,}|AIza[A-Za-z0-9_-]{35})"
    ),
    "a JWT": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
    "a password in an address": r"\b[a-z][a-z0-9+]*://[^\s/:@'\"{}]+:[^\s/@'\"{}]+@[A-Za-z0-9.-]+",
    "a random value under a secret's name": (
        r"(?i:secret|token|passw(?:or)?d|api_?key|private_?key|credential)\w*[\"']?\s*[:=]\s*[\"']?"
        r"(?P<value>[A-Za-z0-9+/_=-]{24,})"
    ),
}
# Hexadecimal of 128 random bits has 3.6 bits a character, words joined by hyphens less; base64 has over 4.
BITS_PER_CHARACTER = 3.5
KINDS = list(PATTERNS)
FINDER = re.compile("|".join(f"(?P<p{number}>{pattern})" for number, pattern in enumerate(PATTERNS.values())))


@dataclass(frozen=True)
class Leak:
    kind: str
    text: str
    where: str


def leaks(text: str, where: str = "") -> Iterator[Leak]:
    """Every string of `text` that looks like a secret. In a patch, `where` is the commit and the file."""
    place = where
    for line in text.splitlines():
        if line.startswith(("commit ", "+++ b/")):
            place = line if line.startswith("commit ") else f"{place.split(' in ')[0]} in {line[6:]}"
        for found in FINDER.finditer(line):
            kind = KINDS[int(str(found.lastgroup)[1:])]
            if found["value"] is None or _is_random(found["value"]):
                yield Leak(kind, found[0], place)


def _is_random(value: str) -> bool:
    """Whether no person wrote it: many different characters, digits among letters."""
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
    return bits >= BITS_PER_CHARACTER and sum(character.isdigit() for character in value) >= 3
