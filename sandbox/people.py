import re
from hashlib import sha256

# GitHub's rule: letters, digits and single hyphens, not at either end, at most 39 characters.
LOGIN = re.compile(r"(?=.{1,39}\Z)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", re.ASCII)


def is_login(text: str) -> bool:
    """Whether GitHub allows this as a login."""
    return LOGIN.fullmatch(text) is not None


def github_id(login: str) -> int:
    """The stable id of a login, in any case; above every id of GitHub, so that no demo person collides with a real one.

    The demo computes the same number to make people before their first sign-in.
    """
    return 2**40 + int.from_bytes(sha256(login.lower().encode()).digest()[:4])


class People:
    """Every login is a person: as described, or derived from the login."""

    def __init__(self, *, address: str) -> None:
        self._address = address
        self._described: dict[str, dict[str, object]] = {}

    def get_user(self, login: str) -> dict[str, object]:
        """The response of `GET /user`, with the fields that sign-in libraries read. `login` is spelled as given."""
        described = self._described.get(login.lower(), {})
        user = {
            "login": login,
            "id": github_id(login),
            "avatar_url": f"{self._address}/avatars/{login.lower()}.svg",
            "gravatar_id": "",
            "type": "User",
            "site_admin": False,
            "name": login.capitalize(),
            "email": f"{login.lower()}@users.example.test",
            "created_at": "2011-01-25T18:44:36Z",
            "updated_at": "2011-01-25T18:44:36Z",
        } | {name: value for name, value in described.items() if name != "email_verified"}
        return user | {"node_id": f"U_{user['id']}"}

    def get_emails(self, login: str) -> list[dict[str, object]]:
        """The response of `GET /user/emails`."""
        email, verified = (
            self.get_user(login)["email"],
            self._described.get(login.lower(), {}).get("email_verified", True),
        )
        return [{"email": email, "primary": True, "verified": verified, "visibility": "public"}] if email else []

    def describe(self, login: str, fields: dict[str, object]) -> None:
        """Replace fields of the person with this login. Another `id` is what GitHub does with a recycled login."""
        self._described[login.lower()] = fields

    def forget(self, login: str | None) -> None:
        """Undo `describe` for one login, or for all."""
        if login is None:
            self._described.clear()
        else:
            self._described.pop(login.lower(), None)
