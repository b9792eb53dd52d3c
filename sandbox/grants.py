"""Codes and tokens. Times are seconds of a monotonic clock."""

import secrets
import threading
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest

CODE_SECONDS = 600


@dataclass(frozen=True)
class Grant:
    """What a code or token stands for; `code_challenge` is PKCE's, if one was sent."""

    login: str
    scope: str
    redirect_uri: str
    code_challenge: str = ""

    def verifies(self, verifier: str) -> bool:
        """Verify PKCE (RFC 7636 section 4.6, S256); true where no challenge was sent."""
        if not self.code_challenge:
            return True
        digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=")
        return compare_digest(digest, self.code_challenge.encode())

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.scope.replace(",", " ").split())


class Grants:
    """Codes are single-use; tokens live as long as the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[str, tuple[float, Grant]] = {}
        self._tokens: dict[str, Grant] = {}

    def issue_code(self, grant: Grant, *, now: float) -> str:
        code = secrets.token_hex(10)
        with self._lock:
            self._codes = {old: held for old, held in self._codes.items() if held[0] > now}
            self._codes[code] = (now + CODE_SECONDS, grant)
        return code

    def peek_code(self, code: str) -> Grant | None:
        """The grant of a code, without redeeming it."""
        with self._lock:
            held = self._codes.get(code)
        return held[1] if held else None

    def use_code(self, code: str, *, now: float) -> Grant | None:
        """Redeem a code: its grant, or None where it is unknown, used or expired."""
        with self._lock:
            held = self._codes.pop(code, None)
        return held[1] if held and held[0] > now else None

    def issue_token(self, grant: Grant) -> str:
        token = "gho_" + secrets.token_hex(18)
        with self._lock:
            self._tokens[token] = grant
        return token

    def find_token(self, token: str) -> Grant | None:
        with self._lock:
            return self._tokens.get(token)
