"""What an application is told of a person (OpenID Connect Core §5.1): the same in ID token and userinfo. Pure."""

from dataclasses import dataclass
from uuid import UUID

from tokens.policies.scopes import EMAIL, PROFILE

CLAIMS = ("sub", "name", "preferred_username", "picture", "zoneinfo", "email", "email_verified")


@dataclass(frozen=True)
class Subject:
    """The person. GitHub has verified the address, where there is one."""

    user_id: UUID
    login: str
    display_name: str
    email: str
    avatar_url: str
    time_zone: str

    def claims(self, scope: str) -> dict[str, object]:
        """By scope. `email` and `email_verified` come together, or neither."""
        scopes = scope.split()
        claims: dict[str, object] = {"sub": str(self.user_id)}
        if PROFILE in scopes:
            claims |= {"name": self.display_name or self.login, "preferred_username": self.login}
            claims |= {"zoneinfo": self.time_zone} | ({"picture": self.avatar_url} if self.avatar_url else {})
        if EMAIL in scopes and self.email:
            claims |= {"email": self.email, "email_verified": True}
        return claims
