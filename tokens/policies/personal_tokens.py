"""The form of a personal access token: a prefix that secret scanners know and a checksum. Pure."""

import re
import zlib

PREFIX = "insp_"
SECRET_LENGTH, CHECKSUM_LENGTH = 30, 6
SHOWN_LENGTH = len(PREFIX) + 4
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FORM = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}")


def add_checksum(secret: str) -> str:
    """The token of 30 base62 characters: with the prefix, and their CRC32 in base62."""
    return PREFIX + secret + _base62(zlib.crc32(secret.encode()))


def is_well_formed(token: str) -> bool:
    """Whether prefix, alphabet and checksum are right: a typing mistake costs no query."""
    return bool(_FORM.fullmatch(token)) and add_checksum(token[len(PREFIX) : -CHECKSUM_LENGTH]) == token


def _base62(number: int) -> str:
    digits = ""
    while number:
        number, remainder = divmod(number, len(ALPHABET))
        digits = ALPHABET[remainder] + digits
    return digits.rjust(CHECKSUM_LENGTH, ALPHABET[0])
