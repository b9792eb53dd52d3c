from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tokens.policies.clients import BUILT_IN

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True)
class Credential:
    """Who calls, and what that may do. A session's access token has `session_id`, a personal one `token_id`."""

    person: "User"
    client_id: str
    scopes: frozenset[str]
    session_id: UUID | None = None
    token_id: UUID | None = None
    expires_at: int | None = None
    """Seconds since 1970; None for a personal access token without an expiry."""
    auth_time: datetime | None = None
    """When GitHub answered, for a sign-in; None for a personal access token."""

    @property
    def is_of_application(self) -> bool:
        """Whether a registered application holds it: such a credential sees no other sign-in and makes none."""
        return self.session_id is not None and self.client_id not in BUILT_IN

    @property
    def is_own_sign_in(self) -> bool:
        """Whether it is a sign-in of the portal or the terminal."""
        return self.session_id is not None and self.client_id in BUILT_IN
