"""RFC 7636, S256 only."""

import base64
import hashlib
import hmac
import re

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def is_challenge(value: str) -> bool:
    """BASE64URL of a SHA-256, 43 characters (§4.2)."""
    return bool(_CHALLENGE.fullmatch(value))


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier; empty for anything that is no verifier (§4.1)."""
    if not _VERIFIER.fullmatch(verifier):
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def verifies(verifier: str, challenge: str) -> bool:
    """Whether `verifier` is the one whose challenge was sent."""
    made = challenge_of(verifier)
    return bool(made) and hmac.compare_digest(made, challenge)
