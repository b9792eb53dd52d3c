from .api import Api
from .errors import UsageError
from .schedule import describe_slot
from .short_ids import Items, find_whole, resolve_id


def list_hosted(api: Api, *whens: str) -> Items:
    """The person's own sessions: `upcoming`, the next first, `past` or `cancelled`, the latest first."""
    return [one for when in whens or ("upcoming",) for one in api.list("/hosting/slots", when=when)]


def resolve_hosted(api: Api, text: str, *whens: str) -> str:
    """The id of the own session that begins like that, among those that list_hosted gives."""
    return resolve_id(text, "session", lambda: list_hosted(api, *whens), describe_slot)


def read_booking_id(text: str) -> str:
    """The whole id: there is no list of all a host's bookings to complete a short one. Raises UsageError."""
    whole = find_whole(text)
    if whole is None:
        raise UsageError(f"'{text}' is not the whole id of a booking.", "See: insighta hosting roster SESSION")
    return whole
