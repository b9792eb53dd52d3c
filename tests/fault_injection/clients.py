"""API clients that keep the protocol: the retry key is stored before the request, and a retry sends the same key."""

import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from tests.fault_injection.history import UNKNOWN
from tests.fault_injection.product import ACCESS_SECONDS
from tests.fault_injection.workload import Booking, Slot, Workload, api_http, digest, new_key
from tests.people import CLI

SETTLED_SECONDS = ACCESS_SECONDS * 2 / 3
"""The command line rotates after two thirds of a token's life: by then no earlier request is on its way."""
STEPS_BETWEEN_CANCELLED_DAYS = 9
JOIN_ANSWERS = {UNKNOWN, "done", "slot_full", "already_booked", "slot_cancelled"}
BOOK_ANSWERS = {UNKNOWN, "done", "already_booked", "insufficient_credits"}
LEAVE_ANSWERS = {UNKNOWN, "done", "booking_not_active"}


class ApiClient:
    """One person with tokens of their own. Call `sign_in` first."""

    def __init__(self, workload: Workload, login: str) -> None:
        self.workload, self.login = workload, login
        self.random = workload.random_for(login)
        self.http = api_http()
        self.access = self.refresh_token = self.retry_key = self.session = ""
        self._settled_at = 0.0

    def sign_in(self) -> None:
        """The code flow in a browser. Raises httpx.TransportError and AssertionError."""
        tokens = self.workload.browser(self.login).sign_in(CLI)
        self.access, self.refresh_token, self.retry_key = tokens.access, tokens.refresh, ""
        self.session = f"session:{self.login}:{digest(tokens.refresh)}"
        self.workload.sign_ins.append(self.login)

    def may_rotate(self) -> bool:
        """Whether a lost rotation is to be repeated, or none can still be on its way."""
        return bool(self.retry_key) or time.monotonic() > self._settled_at

    def refresh(self) -> bool:
        """Rotate, or repeat the rotation whose answer was lost; whether there are new tokens."""
        self.retry_key = self.retry_key or new_key()
        token, key, begin = self.refresh_token, self.retry_key, time.monotonic()
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": CLI}
        url, headers = f"{self.workload.product.backend_url}/oauth/token", {"Idempotency-Key": key}
        response = self.workload.send(self.http, "refresh", "POST", url, data=form, headers=headers)
        body = response.json() if response and response.is_success else {}
        answer = digest(body["refresh_token"]) if body else "refused" if response is not None else UNKNOWN
        self._record(self.session, "refresh", digest(token), digest(key), answer=answer, begin=begin)
        if response is None:
            self._settled_at = time.monotonic() + SETTLED_SECONDS
        elif body:
            self.access, self.refresh_token, self.retry_key = body["access_token"], body["refresh_token"], ""
        else:
            self.workload.lost_sign_ins.append(f"{self.login}: {response.text}")
            self.sign_in()
        return response is not None

    def call(self, kind: str, method: str, path: str, *, key: str = "", body: Any = None) -> httpx.Response | None:
        """One API call, with a new access token where the old one has expired; None where the answer is lost."""
        for _ in range(2):
            headers = {"Authorization": f"Bearer {self.access}"} | ({"Idempotency-Key": key} if key else {})
            url = f"{self.workload.product.backend_url}/api/v1{path}"
            response = self.workload.send(self.http, kind, method, url, headers=headers, json=body)
            if response is None or response.status_code != 401:
                return response
            if not (self.may_rotate() and self.refresh()):
                return None
        return None

    def _record(self, subject: str, action: str, *arguments: str, answer: str | None, begin: float) -> None:
        self.workload.history.record(subject, action, *arguments, answer=answer, begin=begin, actor=self.login)


class BookingClient(ApiClient):
    """A person who books, moves and cancels."""

    def __init__(self, workload: Workload, login: str) -> None:
        super().__init__(workload, login)
        self.bookings: dict[str, str] = {}  # slot to booking
        self.is_unsure = False

    def step(self) -> None:
        """One action."""
        if self.is_unsure:
            self.synchronize()
            return
        rotate = self.refresh if self.may_rotate() else self.read
        self.random.choices([rotate, self.read, self.book, self.cancel, self.move], [5, 3, 6, 2, 1])[0]()

    def read(self) -> None:
        self.call("me", "GET", "/me")
        self.call("slots", "GET", "/slots?open=true")

    def synchronize(self) -> None:
        """After a lost answer, read what is really booked."""
        response = self.call("bookings", "GET", "/bookings?when=upcoming&status=active")
        if response is not None and response.status_code == 200:
            self.bookings = {row["slot_id"]: row["id"] for row in response.json()["results"]}
            self.is_unsure = False

    def book(self) -> None:
        """With a key. Where the answer is lost, most repeat the request, and some never do."""
        slot = self._any_slot()
        if slot is None:
            return
        booking = Booking(self.login, new_key(), slot.id)
        self.workload.bookings.append(booking)
        gives_up = self.random.random() < 0.3
        self.workload.until(lambda: self._book_once(booking) or gives_up)

    def _book_once(self, booking: Booking) -> bool:
        """Whether the request was answered."""
        begin = time.monotonic()
        response = self.call("book", "POST", "/bookings", key=booking.key, body={"slot_id": booking.slot_id})
        answer = _answer(response)
        self._record_slot("join", booking.slot_id, self.login, booking.key, answer=answer, begin=begin)
        if answer in BOOK_ANSWERS:
            self._record_credits("book", booking.slot_id, booking.key, answer=answer, begin=begin)
        if answer == "done" and response is not None:
            booking.id = self.bookings[booking.slot_id] = response.json()["id"]
        self.is_unsure |= answer is UNKNOWN
        return answer not in {UNKNOWN, "busy"}

    def cancel(self) -> None:
        if not self.bookings:
            return
        slot_id = self.random.choice(sorted(self.bookings))
        begin = time.monotonic()
        answer = _answer(self.call("cancel", "POST", f"/bookings/{self.bookings.pop(slot_id)}/cancel", body={}))
        if answer in LEAVE_ANSWERS:
            self._record_slot("leave", slot_id, self.login, answer=answer, begin=begin)
            self._record_credits("cancel", slot_id, answer=answer, begin=begin)
        self.is_unsure |= answer not in {"done", "booking_not_active"}

    def move(self) -> None:
        slot = self._any_slot()
        if not self.bookings or slot is None or slot.id in self.bookings:
            return
        old = self.random.choice(sorted(self.bookings))
        begin = time.monotonic()
        path = f"/bookings/{self.bookings[old]}/reschedule"
        answer = _answer(self.call("move", "POST", path, body={"slot_id": slot.id}))
        self._record_slot("join", slot.id, self.login, "", answer=answer, begin=begin)
        if answer in LEAVE_ANSWERS:
            self._record_slot("leave", old, self.login, answer=answer, begin=begin)
            self._record_credits("move", old, slot.id, answer=answer, begin=begin)
        self.is_unsure = True

    def _any_slot(self) -> Slot | None:
        return self.random.choice(self.workload.slots[-12:]) if self.workload.slots else None

    def _record_slot(self, action: str, slot_id: str, *arguments: str, answer: str | None, begin: float) -> None:
        """Refusals that say nothing of the slot are left out."""
        if action != "join" or answer in JOIN_ANSWERS:
            self._record(f"slot:{slot_id}", action, *arguments, answer=answer, begin=begin)

    def _record_credits(self, action: str, *arguments: str, answer: str | None, begin: float) -> None:
        self._record(f"credits:{self.login}", action, *arguments, answer=answer, begin=begin)


class Host(ApiClient):
    """A host who offers slots and cancels some. Hosts take turns in time, so that no two slots overlap."""

    def __init__(self, workload: Workload, login: str, *, number: int, hosts: int) -> None:
        super().__init__(workload, login)
        self._hour, self._hours_apart = 72 + number, hosts
        self._open: list[Slot] = []
        self._days: dict[date, list[Slot]] = defaultdict(list)
        self._steps = 0

    def step(self) -> None:
        """Usually offers a slot; sometimes cancels one, and now and then a whole day."""
        self._steps += 1
        if self._steps % STEPS_BETWEEN_CANCELLED_DAYS == STEPS_BETWEEN_CANCELLED_DAYS // 2:
            self.cancel_day()
        elif len(self._open) > 3 and self.random.random() < 0.3:
            self.cancel_slot(self._open.pop(self.random.randrange(len(self._open))))
        else:
            self.offer()

    def offer(self) -> None:
        """One more slot of one to three seats."""
        self._hour += self._hours_apart
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=self._hour)
        capacity = self.random.randint(1, 3)
        body = {"title": "Faults", "capacity": capacity, "starts_at": start.isoformat()}
        body["ends_at"] = (start + timedelta(minutes=50)).isoformat()
        response = self.call("offer", "POST", "/slots", body=body)
        if response is not None and response.status_code == 201:
            slot = Slot(response.json()["id"], capacity)
            self._open.append(slot)
            self._days[start.date()].append(slot)
            self.workload.slots.append(slot)

    def cancel_slot(self, slot: Slot) -> None:
        begin = time.monotonic()
        answer = _answer(self.call("close", "POST", f"/slots/{slot.id}/cancel", body={}))
        if answer in {UNKNOWN, "done", "slot_cancelled"}:
            self._record(f"slot:{slot.id}", "close", answer=answer, begin=begin)

    def cancel_day(self) -> None:
        """Cancel the day of the latest slots until that is answered; the next slots lie on later days.

        Later, because a request whose answer was lost may arrive at any time and cancels whatever is there then.
        """
        if self._days:
            day = max(self._days)
            slots = self._days.pop(day)
            self._open = [slot for slot in self._open if slot not in slots]
            self._hour += 24
            self.workload.until(lambda: self._cancel_day_once(day, slots))

    def _cancel_day_once(self, day: date, slots: list[Slot]) -> bool:
        begin = time.monotonic()
        answer = _answer(self.call("cancel day", "POST", "/hosts/me/cancel-day", body={"date": day.isoformat()}))
        for slot in slots if answer in {UNKNOWN, "done"} else ():
            self._record(f"slot:{slot.id}", "close day", answer=answer, begin=begin)
        return answer not in {UNKNOWN, "busy"}


def _answer(response: httpx.Response | None) -> str | None:
    """`done`, the code of the refusal, or UNKNOWN."""
    if response is None:
        return UNKNOWN
    return "done" if response.is_success else str(response.json()["code"])
