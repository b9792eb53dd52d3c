from typing import ClassVar


class BookingsError(Exception):
    """A refusal. `str()` is a sentence for the person that says what to do next.

    Each subclass has a stable `code` and a `kind`; the API's status follows from the kind (config/http/problems.py).
    `extra` holds members that the answer carries besides the usual ones, such as the refund that is true now. Where
    `sends_to_support` is True, the API adds where to write.
    """

    code: ClassVar[str]
    kind: ClassVar[str]
    in_api: ClassVar[bool] = True
    sends_to_support: ClassVar[bool] = False
    sentence: ClassVar[str] = "This did not work."

    def __init__(self, sentence: str = "", *, extra: dict[str, object] | None = None) -> None:
        super().__init__(sentence or self.sentence)
        self.extra = extra or {}


class TryAgain(Exception):
    """Another transaction was in the way or changed what was read; the operation is to be run from its start.

    `because` names what stands in the way for whoever counts them.
    """

    because = "changed"


class Deadlocked(TryAgain):
    """The database ended this transaction so that another could go on."""

    because = "deadlock"


class NotSerializable(TryAgain):
    """What this transaction read has been changed by one that committed first."""

    because = "serialization"


class Blocked(TryAgain):
    """A lock was waited for in vain."""

    because = "lock_timeout"


class Busy(BookingsError):
    code = "busy"
    kind = "busy"
    sentence = "Many people are changing this at once, and nothing was done. Try again in a moment."
    retry_after_seconds = 1

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence, extra={"retry_after": self.retry_after_seconds})


class NotFound(BookingsError):
    code = "not_found"
    kind = "missing"
    sentence = "There is nothing here by that id, or it is not yours."


class Conflict(BookingsError):
    """The request contradicts the state that it meets."""

    kind = "conflict"


class SlotFull(Conflict):
    code = "slot_full"
    sentence = "Every seat of this session is taken. Join its waitlist or choose another session."


class SlotCancelled(Conflict):
    code = "slot_cancelled"
    sentence = "The host has cancelled this session. Choose another one."


class SlotStarted(Conflict):
    code = "slot_started"
    sentence = "This session has started or is too near to be booked. Choose a later one."


class SlotOverlaps(Conflict):
    code = "slot_overlaps"
    sentence = "Another of your sessions takes place at that time. Choose another time or cancel that session first."


class AlreadyBooked(Conflict):
    code = "already_booked"
    sentence = "You already have a seat in this session. Look at it among your bookings."


class InsufficientCredits(Conflict):
    code = "insufficient_credits"
    sends_to_support = True
    sentence = "No plan of yours holds enough credits that are usable now. The staff can add credits or a plan."


class BookingNotActive(Conflict):
    code = "booking_not_active"
    sentence = "This booking is not active any more, so there is nothing to change."


class SessionStarted(Conflict):
    code = "session_started"
    sentence = "This session has started, so its bookings can no longer be changed."


class LateReschedule(Conflict):
    code = "late_reschedule"
    sentence = (
        "The refund deadline has passed, so this booking cannot be moved. It can still be cancelled, without refund."
    )


class IdempotencyConflict(Conflict):
    code = "idempotency_conflict"
    sentence = "This Idempotency-Key was already used to book another slot. Send a new key for a new booking."


class NotAHost(BookingsError):
    code = "not_a_host"
    kind = "forbidden"
    sends_to_support = True
    sentence = "Only hosts can do this. The staff say who hosts."


class CapacityBelowSeats(Conflict):
    code = "capacity_below_seats"
    sentence = "More seats than that are taken. Choose at least as many, or remove somebody first."


class CannotBookPerson(Conflict):
    """Every refusal about the person: a host learns nothing about people by trying."""

    code = "cannot_book_person"
    sentence = "This person cannot be booked into this session. Ask them to book it themselves."


class OwnSlot(Conflict):
    code = "own_slot"
    sentence = "This is your own session. Choose a session of another host."


class OverlappingBooking(Conflict):
    code = "overlapping_booking"
    sentence = "You have a booking at that time. Cancel or move it first, or choose another time."


class RefundChanged(Conflict):
    code = "refund_changed"
    sentence = (
        "The refund is not what you were shown, so nothing was cancelled. Look at the new amount and decide again."
    )


class PriceChanged(Conflict):
    code = "price_changed"
    sentence = "The price is not what you were shown, so nothing was done. Look at the new price and decide again."


class PreviewChanged(Conflict):
    code = "preview_changed"
    sentence = "This is not what you were shown any more, so nothing was done. Look again and decide again."


class NoSeries(Conflict):
    code = "no_series"
    sentence = "This session does not take place every week. Book it alone."


class NotValid(BookingsError):
    """A request that contradicts the state or itself in a way that has no code of its own."""

    code = "validation_error"
    kind = "invalid"
    sentence = "This request cannot be carried out. Check its values."


class PlanUnknown(NotFound):
    sentence = "There is no plan by that name. Create it in the admin first."
