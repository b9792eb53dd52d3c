"""How many characters each parameter of the OAuth endpoints may have. Pure.

They are checked before anything is stored or sent on; a parameter that is not here is neither read nor stored.
"""

from collections.abc import Mapping

AUTHORIZE = {
    "client_id": 64,
    "redirect_uri": 500,
    "response_type": 64,
    "scope": 400,
    "state": 512,
    "code_challenge": 43,
    "code_challenge_method": 16,
    "response_mode": 16,
    "prompt": 64,
    "nonce": 255,
    "max_age": 16,
    "login_hint": 254,
    "id_token_hint": 6_000,
    "device_label": 100,
    "time_zone": 64,
}
TOKEN = {
    "client_id": AUTHORIZE["client_id"],
    "client_secret": 512,
    "grant_type": 128,
    "redirect_uri": AUTHORIZE["redirect_uri"],
    "scope": AUTHORIZE["scope"],
    "device_label": AUTHORIZE["device_label"],
    "publisher": 64,
    "subject_token_type": 128,
    "requested_token_type": 128,
}
"""Tokens, codes and verifiers are not here: they are only compared, and one that is too long is an unknown one."""


def describe_excess(limits: Mapping[str, int], name: str, value: str) -> str:
    """The sentence about a value that is too long, which names parameter and limit; empty for any other."""
    limit = limits.get(name)
    return f"{name} is too long: at most {limit} characters" if limit is not None and len(value) > limit else ""
