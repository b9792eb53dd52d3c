"""No secret is in a file of this repository, nor in any commit that it ever had."""

import secrets
import subprocess
from pathlib import Path

import pytest

from tests.supply.leaks import Leak, leaks
from tests.supply.locks import ROOT

# What looks like a secret and is none, each with the reason.
HARMLESS = {
    "gho_16C7e42F292c6912E7710c838347Ae178B4a": "the example of GitHub's own documentation",
    "kJ3vQ9xW2mZ7tR5nB8yL4pD6sF1hG0aCeUiOqXwErTyUiOp1x7Gd2": "typed for the tests of the settings' checks",
    "://127.0.0.1:9876@evil.example": "an attack on redirect addresses: the password is a port",
    "://me:secret@proxy.invalid": "an address under RFC 2606, which is nobody's",
    "://me:secret@127.0.0.1": "a made-up proxy of the terminal's tests",
    "://u:p@host": "a placeholder",
    "://u:p@wiki.example": "an address that is refused",
    "://user:pass@meet.example": "an address that is refused",
    "://user:password@": "a placeholder",
    "://insighta:PASSWORD@127.0.0.1": "a placeholder",
    "://app:hunter2@db": "a test of what logs hide",
    "://app:[hidden]@db": "what logs hide it with",
}
ADVICE = "A real secret is replaced where it is accepted, see docs/security.md; a made-up one joins HARMLESS."
# Put together here, so that this file holds none of them.
PLANTED = {
    "a refresh token or authorization code of ours": "insr" + "_" + secrets.token_urlsafe(60),
    "a personal access token of ours": "insp" + "_" + "A1b2C3" * 6,
    "a private key": "-----BEGIN EC" + " PRIVATE KEY-----",
    "a GitHub token": "ghp" + "_" + "aB3dE6" * 6,
    "an AWS key": "AKIA" + "ABCDEFGHIJKLMNOP",
    "a registry's token": "npm" + "_" + "aB3dE6" * 6,
    "a Slack, Stripe or Google key": "AIza" + "Sy" + "a1B2c" * 6 + "xyz",
    "a JWT": ".".join(["eyJ" + "hbGciOiJFUzI1NiJ9", "eyJ" + "zdWIiOiIxIn0", "c2lnbmF0dXJlLW9mLWl0"]),
    "a password in an address": "postgresql://ada" + ":Zx9-hidden@db.internal",
    "a random value under a secret's name": "TOKEN_KEY" + "=q8Zr5Tn1Wc7Lx3Vb9Mk2Pd4Hs6Yf0Ja",
}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def history(folder: Path) -> str:
    """What every commit that this clone has says and adds."""
    log = git(folder, "log", "-p", "-m", "-U0", "--text", "--no-color", "--no-ext-diff", "--no-textconv")
    return "\n".join(line for line in log.splitlines() if not line.startswith("-"))


def real(found: list[Leak]) -> list[Leak]:
    return [leak for leak in found if not any(harmless in leak.text for harmless in HARMLESS)]


@pytest.fixture(scope="module")
def repository() -> Path:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone: there is no history to look at")
    return ROOT


@pytest.fixture(scope="module")
def found_in_history(repository: Path) -> list[Leak]:
    return list(leaks(history(repository)))


def test_no_commit_holds_a_secret(found_in_history: list[Leak]) -> None:
    assert real(found_in_history) == [], ADVICE


def test_no_file_holds_a_secret(repository: Path) -> None:
    """What has not been committed yet as well."""
    names = git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    files = [repository / name for name in names if (repository / name).is_file()]
    assert len(files) > 100
    assert real([leak for file in files for leak in leaks(file.read_text(errors="replace"), str(file))]) == [], ADVICE


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_of_secret_is_seen(kind: str) -> None:
    assert [leak.kind for leak in real(list(leaks(f'x = "{PLANTED[kind]}"')))] == [kind]


def test_a_secret_that_was_removed_again_is_still_found(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    for content in (PLANTED["a GitHub token"], "nothing"):
        (tmp_path / "notes").write_text(content)
        git(tmp_path, "add", "notes")
        git(tmp_path, "commit", "--quiet", "--message", "Keep notes")
    (commit,) = git(tmp_path, "log", "--format=commit %H", "--skip=1").splitlines()
    found = real(list(leaks(history(tmp_path))))
    assert [leak.where for leak in found] == [f"{commit} in notes"]


def test_what_is_called_harmless_is_still_there(repository: Path, found_in_history: list[Leak]) -> None:
    """An exception that nothing needs any more would hide a secret of tomorrow."""
    if git(repository, "rev-parse", "--is-shallow-repository").strip() == "true":
        pytest.skip("the commits that need the exceptions are not all here")
    texts = [leak.text for leak in found_in_history]
    assert [harmless for harmless in HARMLESS if not any(harmless in text for text in texts)] == []
