"""`python -m bench.textbook.mint` signs an access token for each line `session-id user-id` of its standard input."""

import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import django


def main() -> None:
    django.setup()
    from tokens.services.access_tokens import mint_access_token

    now = datetime.now(UTC)
    for line in sys.stdin:
        session_id, user_id = (UUID(word) for word in line.split())
        token, _ = mint_access_token(
            session_id=session_id,
            user_id=user_id,
            client_id="insighta-cli",
            scope="account:read account:write bookings:read bookings:write",
            generation=0,
            now=now,
            ends_at=now + timedelta(days=1),
        )
        sys.stdout.write(f"{token}\n")


if __name__ == "__main__":
    main()
