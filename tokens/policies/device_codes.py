"""User codes of the device flow (RFC 8628 §6.1). Pure."""

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8


def format_user_code(letters: str) -> str:
    """`XXXX-XXXX`, as it is shown."""
    return f"{letters[:4]}-{letters[4:]}"


def normalize_user_code(typed: str) -> str | None:
    """The eight letters of what a person typed, without regard to case, spaces and dashes; None if it is no code."""
    letters = "".join(c for c in typed[:64].upper() if c.isalnum())
    return letters if len(letters) == LENGTH and set(letters) <= set(ALPHABET) else None
