from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from bookings.repositories import bookings, subscriptions
from bookings.repositories.rows import BookingRow, EntryRow, MoveRow
from bookings.services.cancelling import RefundPreview, describe_refund


@dataclass(frozen=True)
class BookingDetail:
    """A booking with its refund now (None where it cannot be cancelled), its earlier times and its ledger entries."""

    row: BookingRow
    preview: RefundPreview | None
    moves: Sequence[MoveRow]
    entries: Sequence[EntryRow]

    @property
    def may_reschedule(self) -> bool:
        """Whether it can be moved, as of the row's `now`."""
        return self.preview is not None and self.row["now"] < self.row["refund_deadline"]


def get_booking_detail(*, client_id: UUID, booking_id: UUID) -> BookingDetail:
    """The client's own booking with all that its page shows. Raises NotFound."""
    row = bookings.get_row(booking_id, client_id=client_id)
    return BookingDetail(
        row=row,
        preview=find_refund_preview(row),
        moves=bookings.list_moves(booking_id),
        entries=subscriptions.list_entries(booking_id),
    )


def find_refund_preview(row: BookingRow) -> RefundPreview | None:
    """What cancelling now would give back; None where it cannot be cancelled."""
    is_ahead = row["status"] == "active" and row["now"] < row["scheduled_start_time"]
    return describe_refund(row) if is_ahead else None
