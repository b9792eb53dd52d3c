ALL_SCOPES = ("account:read", "account:write", "bookings:read", "bookings:write")


def parse_scope(value: str, *, allowed: tuple[str, ...] = ALL_SCOPES) -> tuple[str, ...] | None:
    """The scopes of a space-separated parameter in a fixed order; all for an empty one; None if one is unknown."""
    asked = set(value.split())
    if asked - set(allowed):
        return None
    return tuple(scope for scope in allowed if not asked or scope in asked)
