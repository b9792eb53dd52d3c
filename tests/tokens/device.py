"""A device that signs in by RFC 8628, and time that passes for it."""

import hashlib
from dataclasses import dataclass
from typing import Any

import httpx

from tests.people import CLI, HTTP, post_token
from tests.processes import Live

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True)
class Device:
    """One device sign-in that has begun."""

    live: Live
    body: dict[str, Any]

    @classmethod
    def begin(cls, live: Live, **fields: str) -> "Device":
        answer = HTTP.post(f"{live.backend_url}/oauth/device_authorization", data={"client_id": CLI} | fields)
        assert answer.status_code == 200, answer.text
        return cls(live, answer.json())

    @property
    def user_code(self) -> str:
        return str(self.body["user_code"])

    @property
    def device_code(self) -> str:
        return str(self.body["device_code"])

    def poll(self, *, client_id: str = CLI) -> httpx.Response:
        """One poll at this instant."""
        return post_token(self.live, client_id=client_id, grant_type=GRANT, device_code=self.device_code)

    def poll_error(self) -> str:
        """The error of one poll that must be refused."""
        response = self.poll()
        assert response.status_code == 400, response.text
        assert response.headers["cache-control"] == "no-store"
        return str(response.json()["error"])

    def let_pass(self, seconds: float) -> None:
        """Time goes by for this sign-in."""
        with self.live.connect() as connection:
            connection.execute(
                "UPDATE tokens_devicegrant SET last_polled_at = last_polled_at - make_interval(secs => %(seconds)s),"
                " created_at = created_at - make_interval(secs => %(seconds)s),"
                " expires_at = expires_at - make_interval(secs => %(seconds)s) WHERE device_code_hash = %(digest)s",
                {"seconds": seconds, "digest": hashlib.sha256(self.device_code.encode()).digest()},
            )
