"""The form of an authorization code. Pure: the key is an argument."""

import base64
import hmac
from uuid import UUID

PREFIX = "insc_"


def make_code(flow_id: UUID, *, cookie: str, key: str) -> str:
    """The code of one sign-in flow: the same browser's second click is given it again, though its digest is stored.

    That takes the service's key and the secret in the cookie of the browser that began the flow.
    """
    message = b"insighta authorization code\0" + flow_id.bytes + cookie.encode(errors="surrogatepass")
    return PREFIX + base64.urlsafe_b64encode(hmac.digest(key.encode(), message, "sha256")).decode().rstrip("=")
