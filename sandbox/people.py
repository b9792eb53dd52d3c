import re
from dataclasses import dataclass
from hashlib import sha256

# GitHub's rule: letters, digits and single hyphens, not at either end, at most 39 characters.
LOGIN = re.compile(r"(?=.{1,39}\Z)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", re.ASCII)


def is_login(text: str) -> bool:
    """Whether GitHub would allow this as an account's name."""
    return LOGIN.fullmatch(text) is not None


def github_id(login: str) -> int:
    """The stable id of a login, whatever its case.

    It lies above every id that GitHub has given out, so that demo people never collide with real ones. Programs that
    prepare people before their first sign-in compute the same number.
    """
    return 2**40 + int.from_bytes(sha256(login.lower().encode()).digest()[:4])


@dataclass(frozen=True)
class Person:
    id: int
    login: str
    name: str | None
    email: str | None
    email_verified: bool
    avatar_url: str

    def as_user(self) -> dict[str, object]:
        """The answer of GitHub's `GET /user`, with the fields that sign-in programs read."""
        return {
            "login": self.login,
            "id": self.id,
            "node_id": f"U_{self.id}",
            "avatar_url": self.avatar_url,
            "gravatar_id": "",
            "type": "User",
            "site_admin": False,
            "name": self.name,
            "email": self.email,
            "created_at": "2011-01-25T18:44:36Z",
            "updated_at": "2011-01-25T18:44:36Z",
        }

    def as_emails(self) -> list[dict[str, object]]:
        """The answer of GitHub's `GET /user/emails`."""
        if self.email is None:
            return []
        return [{"email": self.email, "primary": True, "verified": self.email_verified, "visibility": "public"}]


class People:
    """Everybody: a login nobody described is a person made from its name alone."""

    def __init__(self, *, address: str) -> None:
        self._address = address
        self._described: dict[str, dict[str, object]] = {}

    def get_person(self, login: str) -> Person:
        """The person who has this login now, spelled as given. Raises ValueError if GitHub would not allow the name."""
        if not is_login(login):
            raise ValueError(f"{login!r} is no GitHub username.")
        person: dict[str, object] = {
            "id": github_id(login),
            "login": login,
            "name": login.capitalize(),
            "email": f"{login.lower()}@users.example.test",
            "email_verified": True,
            "avatar_url": f"{self._address}/avatars/{login.lower()}.svg",
        }
        return Person(**person | self._described.get(login.lower(), {}))  # type: ignore[arg-type]  # checked by control

    def describe(self, login: str, fields: dict[str, object]) -> None:
        """Replace fields of whoever has this login: giving it another id is what GitHub does with a recycled name."""
        self._described[login.lower()] = fields

    def forget(self, login: str | None) -> None:
        """Undo `describe` for one login, or for all."""
        if login is None:
            self._described.clear()
        else:
            self._described.pop(login.lower(), None)
