"""The rules of a refresh that did not rotate, and the form of refresh tokens, without a server."""

import base64
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uuid6 import uuid7

from tokens.policies.refresh_tokens import RefreshToken, make_successor, make_token, read_token
from tokens.policies.rotation import REPLAYS, Family, Refusal, hash_retry_key, is_retry_key, judge
from tokens.services import sessions

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = timedelta(seconds=60)
KEY, OTHER = "the-key-of-the-portal", "another-key-altogether"
SECRETS = ["the first key of this service", "an older key of this service"]
CHALLENGE = "C" * 43
SESSION = uuid7()


def token(generation: int, key: str = SECRETS[0]) -> RefreshToken:
    return make_token(session_id=SESSION, generation=generation, secret=secrets.token_bytes(32), key=key)


PREVIOUS, CURRENT, OLDER = token(6), token(7), token(5)
FAMILY = Family(
    generation=7,
    current_hash=CURRENT.digest,
    previous_hash=PREVIOUS.digest,
    retry_key_hash=hash_retry_key(KEY),
    rotated_at=NOW - timedelta(seconds=5),
    handoff_challenge="",
    is_revoked=False,
    expires_at=NOW + timedelta(days=30),
    ends_at=NOW + timedelta(days=90),
)


def verdict(family: Family = FAMILY, presented: RefreshToken = PREVIOUS, key: str = KEY, challenge: str = "") -> object:
    return judge(family, presented, retry_key=key, challenge=challenge, window=WINDOW, now=NOW)


@pytest.mark.parametrize(
    ("changes", "presented", "key", "expected"),
    [
        ({}, PREVIOUS, KEY, None),
        ({"retry_key_hash": None}, PREVIOUS, "", None),
        ({"rotated_at": NOW - WINDOW}, PREVIOUS, KEY, None),
        ({"rotated_at": NOW - WINDOW - timedelta(microseconds=1)}, PREVIOUS, KEY, Refusal.WINDOW_CLOSED),
        ({"rotated_at": NOW + timedelta(seconds=2)}, PREVIOUS, KEY, None),
        ({"rotated_at": None}, PREVIOUS, KEY, Refusal.WINDOW_CLOSED),
        ({}, PREVIOUS, OTHER, Refusal.KEY_MISMATCH),
        ({}, PREVIOUS, "", Refusal.KEY_MISMATCH),
        ({"retry_key_hash": None}, PREVIOUS, KEY, Refusal.KEY_MISMATCH),
        ({}, OLDER, KEY, Refusal.REUSED),
        ({}, token(6), KEY, Refusal.REUSED),
        ({}, token(8), KEY, Refusal.LOST),
        ({"previous_hash": None}, PREVIOUS, KEY, Refusal.REUSED),
        ({}, CURRENT, KEY, Refusal.EXPIRED),
        ({}, token(7), KEY, Refusal.LOST),
        ({"expires_at": NOW}, PREVIOUS, KEY, Refusal.EXPIRED),
        ({"ends_at": NOW}, PREVIOUS, KEY, Refusal.EXPIRED),
        ({"expires_at": NOW}, OLDER, KEY, Refusal.REUSED),
        ({"is_revoked": True}, PREVIOUS, KEY, Refusal.ENDED),
        ({"is_revoked": True}, OLDER, OTHER, Refusal.ENDED),
        ({"is_revoked": True}, CURRENT, KEY, Refusal.ENDED),
    ],
)
def test_what_a_refresh_that_did_not_rotate_means(
    changes: dict[str, object], presented: RefreshToken, key: str, expected: Refusal | None
) -> None:
    family = replace(FAMILY, **changes)  # type: ignore[arg-type]  # columns of a family
    assert verdict(family, presented, key) is expected


@pytest.mark.parametrize("generation", [0, 1, 5])
@pytest.mark.parametrize("challenge", ["", "D" * 43])
def test_a_hand_offs_url_token_without_its_verifier_is_never_a_replay(generation: int, challenge: str) -> None:
    family = replace(FAMILY, generation=generation, handoff_challenge=CHALLENGE)
    for key in (KEY, OTHER, ""):
        assert verdict(family, token(0), key, challenge) is Refusal.WRONG_VERIFIER


def test_a_hand_offs_url_token_with_its_verifier_is_judged_like_any_other() -> None:
    first = token(0)
    family = replace(FAMILY, generation=1, previous_hash=first.digest, handoff_challenge=CHALLENGE)
    assert verdict(family, first, KEY, CHALLENGE) is None
    assert verdict(family, first, OTHER, CHALLENGE) is Refusal.KEY_MISMATCH
    assert verdict(replace(family, generation=2), token(0), KEY, CHALLENGE) is Refusal.REUSED


def test_only_what_shows_a_second_holder_revokes() -> None:
    assert {str(refusal) for refusal in REPLAYS} == {
        "refresh token reused",
        "retry key mismatch",
        "retry window closed",
    }


@pytest.mark.parametrize("key", ["k" * 16, "k" * 255, "!~" * 8])
def test_retry_keys_are_visible_ascii(key: str) -> None:
    assert is_retry_key(key)


@pytest.mark.parametrize("key", ["", "k" * 15, "k" * 256, "k" * 15 + " ", "k" * 16 + "\n", "é" * 16, "k" * 16 + "\x7f"])
def test_anything_else_is_no_retry_key(key: str) -> None:
    assert not is_retry_key(key)


# the token's form


@given(st.integers(0, 2**32 - 1), st.binary(min_size=32, max_size=32), st.sampled_from(SECRETS))
def test_a_token_is_read_back_with_any_accepted_key(generation: int, secret: bytes, key: str) -> None:
    made = make_token(session_id=SESSION, generation=generation, secret=secret, key=key)
    assert read_token(made.text, keys=SECRETS) == made
    assert read_token(made.text, keys=["a key of another service"]) is None


@given(st.integers(0, 95), st.characters())
def test_a_token_with_one_other_character_is_nobodys(position: int, character: str) -> None:
    text = CURRENT.text
    spoilt = text[:position] + character + text[position + 1 :]
    assert (read_token(spoilt, keys=SECRETS) == CURRENT) == (spoilt == text)


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert read_token(text, keys=SECRETS) is None
    assert read_token("insr_" + text, keys=SECRETS) is None


def test_a_first_token_has_256_random_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = bytes(range(100))
    monkeypatch.setattr(secrets, "token_bytes", lambda size: drawn[:size])
    raw = base64.urlsafe_b64decode(sessions._first_token().text.removeprefix("insr_") + "=")
    assert raw[20:52] == drawn[:32]


def test_a_token_shows_itself_to_nobody() -> None:
    for shown in (str(CURRENT), repr(CURRENT), f"{CURRENT}", repr([CURRENT])):
        assert CURRENT.text not in shown
        assert "insr_" not in shown


def test_a_successor_needs_nonce_token_retry_key_and_service_key_together() -> None:
    def successor(**changes: object) -> str:
        parts: dict[str, object] = {"nonce": b"n" * 32, "retry_key": KEY, "key": SECRETS[0]} | changes
        presented = parts.pop("presented", PREVIOUS)
        return make_successor(presented, **parts).text  # type: ignore[arg-type]  # the parts of a successor

    made = successor()
    assert successor() == made
    others = [
        successor(nonce=b"m" * 32),
        successor(retry_key=OTHER),
        successor(retry_key=""),
        successor(key=SECRETS[1]),
        successor(presented=token(6)),
    ]
    assert len({made, *others}) == 6
    assert read_token(made, keys=SECRETS) is not None
    assert made[5:] != PREVIOUS.text[5:]


def test_the_successor_is_the_next_generation_of_the_same_session() -> None:
    made = make_successor(PREVIOUS, nonce=b"n" * 32, retry_key="", key=SECRETS[0])
    assert (made.session_id, made.generation) == (PREVIOUS.session_id, PREVIOUS.generation + 1)
