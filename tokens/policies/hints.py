"""The short form of an ID token that was sent as a hint: its person alone. Pure: keys are arguments."""

import hmac


def make_hint(person_id: str, *, client_id: str, key: str) -> str:
    """What is stored in place of the ID token, which can end its sign-in. It is of use to that application alone."""
    message = b"insighta hint\0" + f"{client_id}\0{person_id}".encode(errors="surrogatepass")
    return f"{person_id}.{hmac.digest(key.encode(), message, 'sha256').hex()}"


def read_hint(text: str, *, client_id: str, keys: list[str]) -> str:
    """The person's id, if the hint was made with one of `keys` for that application; empty for any other text."""
    person_id = text.rpartition(".")[0]
    made = [make_hint(person_id, client_id=client_id, key=key).encode(errors="surrogatepass") for key in keys]
    given = text.encode(errors="surrogatepass")
    return person_id if any(hmac.compare_digest(given, one) for one in made) else ""
