"""Ask the server on this machine whether it lives, or what the path given asks: exit code 0 if it does.

A worker has no port and is not asked.
"""

import os
import sys
from urllib.parse import urlsplit
from urllib.request import Request, urlopen


def main() -> int:
    is_portal = os.environ.get("DJANGO_SETTINGS_MODULE") == "config.settings.portal"
    host = urlsplit(os.environ["PORTAL_URL" if is_portal else "BACKEND_URL"]).netloc
    address = f"http://127.0.0.1:{os.environ.get('GRANIAN_PORT', '8000')}{(sys.argv[1:] or ['/healthz'])[0]}"
    # A name of ALLOWED_HOSTS; anything else is answered with 400.
    request = Request(address, headers={"Host": host})
    try:
        with urlopen(request, timeout=3) as answer:  # noqa: S310  # http, written above
            return 0 if answer.status == 200 else 1
    except OSError as error:
        sys.stderr.write(f"{address}: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
