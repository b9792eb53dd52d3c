import hmac
from typing import NamedTuple
from urllib.parse import parse_qs

CODE_PREFIX = "insc_"


class Callback(NamedTuple):
    """Either a `code`, or the `error` of RFC 6749 section 4.1.2.1 with its description."""

    code: str = ""
    error: str = ""
    description: str = ""


class Expectation(NamedTuple):
    """What makes an answer ours: the state of this sign-in, and the backend's name (RFC 9207)."""

    state: str
    issuer: str

    def read_query(self, query: str) -> Callback | None:
        """The answer in a callback's query, or None when a stranger may have sent it."""
        fields = parse_qs(query, max_num_fields=20)
        if any(len(values) != 1 for values in fields.values()):
            return None
        single = {name: values[0] for name, values in fields.items()}
        if not _same(single.get("state"), self.state) or not _same(single.get("iss"), self.issuer):
            return None
        if single.get("error"):
            return Callback(error=single["error"], description=single.get("error_description", ""))
        return Callback(code=single["code"]) if single.get("code") else None

    def read_pasted(self, text: str) -> Callback | None:
        """The answer in what a person pasted: the whole address, its query, or the bare code.

        A bare code needs no state: it is worth nothing without the verifier of this sign-in.
        """
        text = text.strip().strip("'\"<>")
        if text.startswith(CODE_PREFIX) and text.isascii() and text.isprintable() and "&" not in text:
            return Callback(code=text)
        try:
            return self.read_query(text.partition("#")[0].rpartition("?")[2])
        except ValueError:
            return None


def _same(given: str | None, expected: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), expected.encode())
