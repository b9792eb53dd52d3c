"""Ask the server in this container whether it lives: exit code 0 if it does. A worker has no port and is not asked."""

import os
import sys
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen


def main() -> int:
    is_portal = os.environ.get("DJANGO_SETTINGS_MODULE") == "config.settings.portal"
    host = urlsplit(os.environ["PORTAL_URL" if is_portal else "BACKEND_URL"]).netloc
    address = f"http://127.0.0.1:{os.environ.get('GRANIAN_PORT', '8000')}/healthz"
    # A name of ALLOWED_HOSTS; anything else is answered with 400.
    request = Request(address, headers={"Host": host})
    try:
        with urlopen(request, timeout=3) as answer:  # noqa: S310  # http, written above
            return 0 if answer.status == 200 else 1
    except URLError as error:
        sys.stderr.write(f"{address}: {error.reason}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
