import hashlib
import json


def digest_of(shown: object) -> str:
    """Names what a preview has shown: its confirmation names it again, and is refused where it is not so any more."""
    return hashlib.sha256(json.dumps(shown, default=str).encode()).hexdigest()[:32]
