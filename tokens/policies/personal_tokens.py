"""The form of a personal access token: a prefix that secret scanners know and a checksum. Pure."""

import hmac
import re
import secrets
import zlib
from datetime import UTC, datetime, time, timedelta

PREFIX = "insp_"
SECRET_LENGTH, CHECKSUM_LENGTH = 30, 6
SHOWN_LENGTH = len(PREFIX) + 4
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def make_secret() -> str:
    """A token at random."""
    return add_checksum("".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH)))


def make_keyed_secret(*parts: str, key: str) -> str:
    """The one token for these parts, to be made again for an honest retry. `key` is the service's."""
    message = b"insighta personal access token" + b"".join(b"\0" + part.encode() for part in parts)
    number = int.from_bytes(hmac.digest(key.encode(), message, "sha256"))
    return add_checksum(_base62(number)[-SECRET_LENGTH:])


def add_checksum(secret: str) -> str:
    """The token of 30 base62 characters: with the prefix, and their CRC32 in base62."""
    return PREFIX + secret + _base62(zlib.crc32(secret.encode()))


def latest_end(*, now: datetime, days: int) -> datetime:
    """The last instant at which a token made now may end: the end of the day in UTC, `days` ahead."""
    return datetime.combine((now.astimezone(UTC) + timedelta(days=days)).date(), time.max, tzinfo=UTC)


def say_latest_end(last: datetime) -> str:
    """What is said where a token is to end later."""
    return f"A token ends on {last.day} {last:%b %Y} at the latest. Choose an earlier day."


def is_well_formed(token: str) -> bool:
    """Whether prefix, alphabet and checksum are right: a typing mistake costs no query."""
    return bool(_FORM.fullmatch(token)) and add_checksum(token[len(PREFIX) : -CHECKSUM_LENGTH]) == token


def _base62(number: int) -> str:
    digits = ""
    while number:
        number, remainder = divmod(number, len(ALPHABET))
        digits = ALPHABET[remainder] + digits
    return digits.rjust(CHECKSUM_LENGTH, ALPHABET[0])
