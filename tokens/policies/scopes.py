DESCRIPTIONS = {
    "account:read": "See your account and its signed-in devices",
    "account:write": "Change your account, its signed-in devices and its access tokens",
    "bookings:read": "See sessions, your bookings and your credits",
    "bookings:write": "Book, move and cancel; if you host, also open and cancel sessions",
}
"""What each scope lets a program do, as the confirmation says it to the person."""
ALL_SCOPES = tuple(DESCRIPTIONS)
"""The scopes of the API."""
OPENID, PROFILE, EMAIL, OFFLINE_ACCESS = OPENID_SCOPES = ("openid", "profile", "email", "offline_access")
"""Scopes of OpenID Connect (Core §5.4, §11), for registered applications."""
APPLICATION_SCOPES = (*OPENID_SCOPES, "account:read", "bookings:read", "bookings:write")
"""What an application may be given at most."""
KNOWN_SCOPES = (*OPENID_SCOPES, *ALL_SCOPES)
_OF_APPLICATIONS = {
    "openid": "Know which person you are here",
    "profile": "See your name, picture and time zone",
    "email": "See your email address",
    "offline_access": "Stay signed in while you are away",
    "account:read": "See your account",
}


def parse_scope(value: str, *, allowed: tuple[str, ...] = ALL_SCOPES) -> tuple[str, ...] | None:
    """The scopes of a space-separated parameter in a fixed order; all for an empty one; None if one is unknown."""
    asked = set(value.split())
    if asked - set(allowed):
        return None
    return tuple(scope for scope in allowed if not asked or scope in asked)


def parse_application_scope(value: str, *, allowed: tuple[str, ...]) -> tuple[str, ...] | None:
    """The scopes that an application asks for, in a fixed order; None for none and for one that it may not have.

    Names that no server here knows are ignored (OpenID Connect Core §3.1.2.1).
    """
    asked = set(value.split()) & set(KNOWN_SCOPES)
    if not asked or asked - set(allowed):
        return None
    return tuple(scope for scope in KNOWN_SCOPES if scope in asked)


def describe_scope(scope: str, *, is_of_application: bool = True) -> list[str]:
    """What a program may do with these scopes, an application or one of our own, as it is said to the person."""
    descriptions = DESCRIPTIONS | _OF_APPLICATIONS if is_of_application else DESCRIPTIONS
    return [descriptions[name] for name in scope.split()]
