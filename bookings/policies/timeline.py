"""Events of the audit trail in words. Pure; the words of the apps below are here, too: one page tells all of them."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from bookings.policies.counts import count, count_credits

SESSION = "{session}"
"""Stands in a text for the session that it is about."""
BOOKINGS, CREDITS, ACCESS, STAFF, HOSTING = "bookings", "credits", "access", "staff", "hosting"
TOPICS = (BOOKINGS, CREDITS, ACCESS, HOSTING, STAFF)

Detail = Mapping[str, Any]


class Wording(NamedTuple):
    """What somebody did, after their name: `text` is a past tense. `note` is what stands behind it in small."""

    topic: str
    text: str
    note: str = ""


def describe_event(kind: str, detail: Detail) -> Wording:
    """One event in words; an unknown kind, of a later release, under its own name."""
    topic, text = _WORDS.get(kind, (STAFF, kind))
    return Wording(topic, text(detail) if callable(text) else text, _note(detail))


def done_by(kind: str, detail: Detail, *, has_actor: bool) -> str:
    """Who did it, `host` or `staff`, where no person's id says so; empty for the person and for the system."""
    by = detail.get("by")
    if kind == "booking.cancelled" and by == "client":
        # A client's own names the client; what the staff enter for somebody by a command names nobody.
        return "" if has_actor else "staff"
    return str(by) if by in {"host", "staff"} else ("staff" if kind in _BY_STAFF else "")


def _note(detail: Detail) -> str:
    said = (str(detail.get(name) or "") for name in ("label", "reason", "note", "message", "because"))
    return " · ".join(text for text in said if text)


def _cancelled(detail: Detail) -> str:
    return f"cancelled {SESSION}; {count_credits(detail.get('credits_refunded', 0))} came back"


def _standing(detail: Detail) -> str:
    if detail.get("to") == "suspended":
        return "suspended the account"
    return "reinstated the account" if detail.get("from") == "suspended" else "approved the account"


def _credits(verb: str, rest: str = "") -> Callable[[Detail], str]:
    return lambda detail: f"{verb} {count_credits(detail.get('credits', 0))}{rest}"


def _adjusted(detail: Detail) -> str:
    credits = int(detail.get("credits", 0))
    return f"added {count_credits(credits)} to the balance" if credits > 0 else f"took {count_credits(-credits)} away"


def _named(text: str, name: str) -> Callable[[Detail], str]:
    return lambda detail: text.replace("…", str(detail.get(name) or "?"))


def _slot_changed(detail: Detail) -> str:
    changed = [str(name).replace("_", " ") for name in detail.get("changed", [])]
    return f"changed {SESSION}: {', '.join(changed) or 'nothing'}"


def _ended(text: str) -> Callable[[Detail], str]:
    def describe(detail: Detail) -> str:
        tokens = detail.get("personal_tokens")
        ended = [count(detail.get("sessions", 0), "sign-in"), *([count(tokens, "access token")] if tokens else [])]
        return f"{text} ({', '.join(ended)})"

    return describe


_WORDS: dict[str, tuple[str, str | Callable[[Detail], str]]] = {
    "booking.made": (BOOKINGS, f"booked {SESSION}"),
    "booking.promoted": (BOOKINGS, f"got a seat from the waitlist of {SESSION}"),
    "booking.rescheduled": (BOOKINGS, f"moved a booking to {SESSION}"),
    "booking.cancelled": (BOOKINGS, _cancelled),
    "booking.no_show": (BOOKINGS, f"noted that they did not come to {SESSION}"),
    "booking.no_show_undone": (BOOKINGS, f"noted that they came to {SESSION} after all"),
    "booking.credits_given_back": (CREDITS, _credits("gave", f" back for {SESSION}")),
    "waitlist.joined": (BOOKINGS, f"joined the waitlist of {SESSION}"),
    "waitlist.left": (BOOKINGS, f"left the waitlist of {SESSION}"),
    "calendar_feed.rotated": (ACCESS, "made a new calendar address"),
    "credits.granted": (CREDITS, _credits("granted")),
    "credits.adjusted": (CREDITS, _adjusted),
    "subscription.opened": (CREDITS, _credits("granted a plan with")),
    "subscription.renewed": (CREDITS, _credits("renewed a plan, with")),
    "subscription.expired": (CREDITS, _credits("ended a plan, with", " left in it")),
    "subscription.stopped": (CREDITS, "stopped a plan from renewing itself"),
    "subscription.resumed": (CREDITS, "let a plan renew itself again"),
    "subscription.extended": (CREDITS, _named("extended a plan by … days", "days")),
    "slot.created": (HOSTING, f"opened {SESSION}"),
    "slot.changed": (HOSTING, _slot_changed),
    "slot.cancelled": (HOSTING, f"cancelled the session {SESSION}"),
    "slot.reopened": (HOSTING, f"opened {SESSION} again"),
    "availability.added": (HOSTING, "added hours or a day off"),
    "availability.changed": (HOSTING, "changed hours"),
    "availability.removed": (HOSTING, "removed hours or a day off"),
    "offering.added": (HOSTING, "made an offering"),
    "offering.changed": (HOSTING, "changed an offering"),
    "offering.archived": (HOSTING, "archived an offering"),
    "session.opened": (ACCESS, "signed in"),
    "session.ended": (ACCESS, "signed out a device"),
    "session.all_ended": (ACCESS, _ended("signed out everywhere")),
    "session.others_ended": (ACCESS, _ended("signed out everywhere else")),
    "session.staff_ended": (STAFF, _ended("signed out of the admin")),
    "session.replayed": (ACCESS, "had a sign-in ended, because its refresh token was used twice"),
    "session.code_reused": (ACCESS, "had a sign-in ended, because its code was used twice"),
    "token.created": (ACCESS, _named("made the access token “…”", "name")),
    "token.revoked": (ACCESS, "revoked an access token"),
    "device.approved": (ACCESS, "let a device sign in"),
    "device.denied": (ACCESS, "refused a device"),
    "publisher.added": (ACCESS, _named("trusted jobs of …", "repository")),
    "publisher.pinned": (ACCESS, _named("had its first job from …", "repository")),
    "publisher.removed": (ACCESS, _named("stopped trusting jobs of …", "repository")),
    "application.withdrawn": (ACCESS, "disconnected an application"),
    "application.logout_delivered": (ACCESS, "had an application told of a sign-out"),
    "application.logout_failed": (ACCESS, "had an application not told of a sign-out: it did not answer"),
    "staff.signed_in": (STAFF, "signed in to the admin"),
    "staff.sign_in_failed": (STAFF, "failed to sign in to the admin"),
    "person.created": (ACCESS, "came here for the first time"),
    "person.deactivated": (ACCESS, "deactivated the account"),
    "person.erased": (STAFF, "erased the person"),
    "person.noted": (STAFF, "wrote a note"),
    "person.standing_changed": (STAFF, _standing),
    "person.host_changed": (
        STAFF,
        lambda detail: "made this person a host" if detail.get("is_host") else "ended this person's hosting",
    ),
    "person.staff_granted": (STAFF, _named("gave the role …", "role")),
    "person.staff_revoked": (STAFF, _named("took the role …", "role")),
}
_BY_STAFF = frozenset(
    {
        "credits.granted",
        "credits.adjusted",
        "subscription.opened",
        "subscription.stopped",
        "subscription.resumed",
        "subscription.extended",
        "person.erased",
        "person.noted",
        "person.standing_changed",
        "person.host_changed",
        "person.staff_granted",
        "person.staff_revoked",
    }
)
KINDS = frozenset(_WORDS)


def kinds_of(topics: Collection[str]) -> frozenset[str]:
    """The kinds of events of these topics; of all topics, none: every event is meant, unknown kinds among them."""
    is_part = bool({*TOPICS} - {*topics})
    return frozenset(kind for kind, (of, _) in _WORDS.items() if is_part and of in topics)
