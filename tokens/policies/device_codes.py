"""User codes of the device flow (RFC 8628 §6.1). Pure."""

import unicodedata

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
LONGEST_TYPED = 64


def format_user_code(letters: str) -> str:
    """`XXXX-XXXX`, as it is shown."""
    return f"{letters[:4]}-{letters[4:]}"


def normalize_user_code(typed: str) -> str | None:
    """The eight letters of what a person typed; None if it is no code.

    Case, spaces, dashes and the width of letters do not count, nor does anything else that is no letter or digit.
    """
    if len(typed) > LONGEST_TYPED:
        return None
    letters = "".join(c for c in unicodedata.normalize("NFKC", typed).upper() if c.isalnum())
    return letters if len(letters) == LENGTH and set(letters) <= set(ALPHABET) else None
