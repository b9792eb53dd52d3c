"""The reason of a refusal is of one instant, also where the slot changes while it is looked for."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import pytest
from django.db import connection

from bookings import errors
from bookings.services import bookings
from bookings.services.bookings import book_slot
from bookings.services.cancellations import cancel_slot
from tests.bookings.people import make_person, make_slot


def test_a_slot_that_is_cancelled_meanwhile_is_not_called_full_to_who_has_its_seat(transactional_db: None) -> None:
    ada, grace = make_person("ada"), make_person("grace", is_host=True)
    slot = make_slot(grace, hours=72, capacity=1)
    book_slot(client_id=ada.id, slot_id=slot.id)

    def cancel() -> None:
        cancel_slot(host_id=grace.id, slot_id=slot.id)
        connection.close()

    def find_refusal(*arguments: Any, **more: Any) -> errors.BookingsError | None:
        with ThreadPoolExecutor(1) as threads:
            threads.submit(cancel).result()
        return look(*arguments, **more)

    look = bookings.find_refusal
    with mock.patch.object(bookings, "find_refusal", find_refusal), pytest.raises(errors.AlreadyBooked):
        book_slot(client_id=ada.id, slot_id=slot.id)
    with pytest.raises(errors.SlotCancelled):
        book_slot(client_id=ada.id, slot_id=slot.id)
