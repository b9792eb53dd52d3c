"""Terminals that keep the protocol: the retry key is on record before the request, and a retry sends the same."""

import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from tests.faults.clients import Booked, Connection, Run, Slot, browser_of, digest, new_key
from tests.faults.history import UNKNOWN
from tests.faults.product import ACCESS_SECONDS
from tests.people import CLI

LATE_SECONDS = ACCESS_SECONDS * 2 / 3
"""A real terminal rotates again after two thirds of a token's life: by then no request of before is on its way."""

DAY_EVERY = 9
"""So many steps of a host from one cancelled day to the next."""


class Terminal:
    """One person at a terminal. `sign_in` first; every method may be called while anything is broken."""

    def __init__(self, run: Run, login: str) -> None:
        self.run, self.login = run, login
        self.random = run.random_for(login)
        self.http = Connection(run.notes, agent="terminal")
        self.base = run.product.backend_url
        self.access = self.refresh_token = self.retry_key = self.session = ""
        self._rest_until = 0.0

    def sign_in(self) -> None:
        """Through the browser and the code flow. Raises httpx.TransportError and AssertionError."""
        given = browser_of(self.run.product, self.login).sign_in(CLI)
        self.access, self.refresh_token, self.retry_key = given.access, given.refresh, ""
        self.session = f"session:{self.login}:{digest(given.refresh)}"
        self.run.notes.sign_ins.append(self.login)

    def may_rotate(self) -> bool:
        """Whether a rotation is due for repetition, or no lost one can still be on its way."""
        return bool(self.retry_key) or time.monotonic() > self._rest_until

    def refresh(self) -> bool:
        """Rotate, or repeat the rotation whose answer was lost; whether there are new tokens."""
        self.retry_key = self.retry_key or new_key()
        token, key, begin = self.refresh_token, self.retry_key, time.monotonic()
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": CLI}
        headers = {"Idempotency-Key": key}
        response = self.http.ask("refresh", "POST", f"{self.base}/oauth/token", data=form, headers=headers)
        self._note_refresh(token, key, response, begin)
        if response is None:
            self._rest_until = time.monotonic() + LATE_SECONDS
            return False
        if response.status_code != 200:
            self.run.notes.sign_ins_lost.append(f"{self.login}: {response.text}")
            self.sign_in()
            return True
        body = response.json()
        self.access, self.refresh_token, self.retry_key = body["access_token"], body["refresh_token"], ""
        return True

    def _note_refresh(self, token: str, key: str, response: httpx.Response | None, begin: float) -> None:
        answer = UNKNOWN
        if response is not None:
            answer = digest(response.json()["refresh_token"]) if response.status_code == 200 else "refused"
        given = digest(token), digest(key)
        self.run.log.note(self.session, "refresh", *given, answer=answer, begin=begin, actor=self.login)

    def call(self, kind: str, method: str, path: str, *, key: str = "", body: Any = None) -> httpx.Response | None:
        """One API call, with a new access token where the old one has expired; None: nobody knows."""
        for _ in range(2):
            headers = {"Authorization": f"Bearer {self.access}"} | ({"Idempotency-Key": key} if key else {})
            response = self.http.ask(kind, method, f"{self.base}/api/v1{path}", headers=headers, json=body)
            if response is None or response.status_code != 401:
                return response
            if not (self.may_rotate() and self.refresh()):
                return None
        return None


class Client(Terminal):
    """A person who books, moves and cancels."""

    def __init__(self, run: Run, login: str) -> None:
        super().__init__(run, login)
        self.bookings: dict[str, str] = {}  # slot to booking
        self.is_unsure = False

    def step(self) -> None:
        """One thing that people do."""
        if self.is_unsure:
            self.look()
            return
        acts = (
            [self.refresh if self.may_rotate() else self.look_around] * 5
            + [self.look_around] * 3
            + [self.book] * 6
            + [self.cancel] * 2
            + [self.move]
        )
        self.random.choice(acts)()

    def look_around(self) -> None:
        """Reads."""
        self.call("me", "GET", "/me")
        self.call("slots", "GET", "/slots?open=true")

    def look(self) -> None:
        """What is really booked, after an answer was lost."""
        response = self.call("bookings", "GET", "/bookings?when=upcoming&status=active")
        if response is not None and response.status_code == 200:
            self.bookings = {row["slot_id"]: row["id"] for row in response.json()["results"]}
            self.is_unsure = False

    def book(self) -> None:
        """With a key; where the answer is lost most repeat it, and some never ask again."""
        slot, wanted = self._any_slot(), Booked(self.login, new_key(), "")
        if slot is None:
            return
        wanted.slot_id = slot.id
        self.run.notes.booked.append(wanted)
        gives_up = self.random.random() < 0.3
        while not self._book_once(wanted) and not gives_up and not self.run.is_over.wait(self.run.pace):
            pass

    def _book_once(self, wanted: Booked) -> bool:
        begin = time.monotonic()
        response = self.call("book", "POST", "/bookings", key=wanted.key, body={"slot_id": wanted.slot_id})
        answer = _answer(response)
        self._note_join(wanted.slot_id, wanted.key, answer, begin)
        if answer in {UNKNOWN, "done", "already_booked", "insufficient_credits"}:
            self._note_purse("book", wanted.slot_id, wanted.key, answer=answer, begin=begin)
        if answer == "done" and response is not None:
            wanted.booking_id = response.json()["id"]
            self.bookings[wanted.slot_id] = wanted.booking_id
        self.is_unsure |= answer is UNKNOWN
        return answer not in {UNKNOWN, "busy"}

    def cancel(self) -> None:
        """Once; where the answer is lost, it is looked up before anything else."""
        if not self.bookings:
            return
        slot_id = self.random.choice(sorted(self.bookings))
        begin = time.monotonic()
        response = self.call("cancel", "POST", f"/bookings/{self.bookings.pop(slot_id)}/cancel", body={})
        answer = _answer(response)
        if answer in {UNKNOWN, "done", "booking_not_active"}:
            self._note_slot(slot_id, "leave", self.login, answer=answer, begin=begin)
            self._note_purse("cancel", slot_id, answer=answer, begin=begin)
        self.is_unsure |= answer not in {"done", "booking_not_active"}

    def move(self) -> None:
        """To another slot."""
        slot = self._any_slot()
        if not self.bookings or slot is None or slot.id in self.bookings:
            return
        old = self.random.choice(sorted(self.bookings))
        begin = time.monotonic()
        path = f"/bookings/{self.bookings[old]}/reschedule"
        answer = _answer(self.call("move", "POST", path, body={"slot_id": slot.id}))
        self._note_join(slot.id, "", answer, begin)
        if answer in {UNKNOWN, "done", "booking_not_active"}:
            self._note_slot(old, "leave", self.login, answer=answer, begin=begin)
            self._note_purse("move", old, slot.id, answer=answer, begin=begin)
        self.is_unsure = True

    def _any_slot(self) -> Slot | None:
        return self.random.choice(self.run.slots[-12:]) if self.run.slots else None

    def _note_join(self, slot_id: str, key: str, answer: str | None, begin: float) -> None:
        if answer in {UNKNOWN, "done", "slot_full", "already_booked", "slot_cancelled"}:
            self._note_slot(slot_id, "join", self.login, key, answer=answer, begin=begin)

    def _note_slot(self, slot_id: str, action: str, *given: str, answer: str | None, begin: float) -> None:
        self.run.log.note(f"slot:{slot_id}", action, *given, answer=answer, begin=begin, actor=self.login)

    def _note_purse(self, action: str, *given: str, answer: str | None, begin: float) -> None:
        self.run.log.note(f"purse:{self.login}", action, *given, answer=answer, begin=begin, actor=self.login)


class Host(Terminal):
    """A host who offers sessions and cancels some. Hosts take turns in time, so that none of their slots overlap."""

    def __init__(self, run: Run, login: str, *, number: int, hosts: int) -> None:
        super().__init__(run, login)
        self._hour, self._hours_apart = 72 + number, hosts
        self._own: list[Slot] = []
        self._days: dict[date, list[Slot]] = defaultdict(list)
        self._steps = 0

    def step(self) -> None:
        """Mostly offers; now and then cancels one, and sometimes a whole day."""
        self._steps += 1
        if self._steps % DAY_EVERY == DAY_EVERY // 2:
            self.close_day()
        elif len(self._own) > 3 and self.random.random() < 0.3:
            self.close(self._own.pop(self.random.randrange(len(self._own))))
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
            self._own.append(slot)
            self._days[start.date()].append(slot)
            self.run.slots.append(slot)

    def close(self, slot: Slot) -> None:
        """A host's cancellation, which refunds everybody."""
        begin = time.monotonic()
        answer = _answer(self.call("close", "POST", f"/slots/{slot.id}/cancel", body={}))
        if answer in {UNKNOWN, "done", "slot_cancelled"}:
            self.run.log.note(f"slot:{slot.id}", "close", answer=answer, begin=begin, actor=self.login)

    def close_day(self) -> None:
        """Cancel the day of the latest slots, asked for again until it is answered; the next slots lie on later days.

        Later, because a request whose answer was lost may arrive at any time, and closes whatever is there then.
        """
        if not self._days:
            return
        day = max(self._days)
        slots = self._days.pop(day)
        self._own = [slot for slot in self._own if slot not in slots]
        self._hour += 24
        while not self._close_day_once(day, slots) and not self.run.is_over.wait(self.run.pace):
            pass

    def _close_day_once(self, day: date, slots: list[Slot]) -> bool:
        begin = time.monotonic()
        body = {"date": day.isoformat()}
        answer = _answer(self.call("cancel day", "POST", "/hosts/me/cancel-day", body=body))
        for slot in slots if answer in {UNKNOWN, "done"} else ():
            self.run.log.note(f"slot:{slot.id}", "close day", answer=answer, begin=begin, actor=self.login)
        return answer not in {UNKNOWN, "busy"}


def _answer(response: httpx.Response | None) -> str | None:
    """`done`, the code of the refusal, or UNKNOWN."""
    if response is None:
        return UNKNOWN
    return "done" if response.is_success else str(response.json()["code"])
