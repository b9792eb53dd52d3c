"""Who gets what at every endpoint of the backend and every page of the portal: the one table."""

import re
from dataclasses import dataclass

COLUMNS = (
    "anonymous", "other", "owner", "host", "other_host", "pending", "suspended", "staff",
    "no_scope", "expired", "revoked",
)  # fmt: skip
# The owner's tokens in a registered application: with `openid account:read`, and with all that one may hold.
APPLICATIONS = ("application", "application_that_books")


@dataclass(frozen=True)
class Row:
    """One operation, and the answer of each column."""

    method: str
    path: str
    expected: tuple[str, ...]
    body: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def read(table: str, bodies: dict[str, str], *, columns: tuple[str, ...] = COLUMNS) -> list[Row]:
    """The rows of a table; `all` in place of the answers says that everybody gets the same."""
    return [_row(line.split(), bodies, columns) for line in table.splitlines() if re.match(r"[A-Z]", line)]


def _row(words: list[str], bodies: dict[str, str], columns: tuple[str, ...]) -> Row:
    method, path, *expected = words
    if expected[0] == "all":
        expected = expected[1:] * len(columns)
    assert len(expected) == len(columns), (method, path, expected)
    return Row(method, path, tuple(expected), bodies.get(f"{method} {path}", ""))


API_BODIES = {
    "PATCH /api/v1/me": '{"display_name": "Someone"}',
    "POST /api/v1/personal-access-tokens": '{"name": "new", "scopes": ["account:read"]}',
    "POST /api/v1/trusted-publishers": '{"repository": "a/b", "workflow": "c.yml", "scopes": ["bookings:read"]}',
    "POST /api/v1/bookings": '{"slot_id": "{free}"}',
    "POST /api/v1/bookings/{booking}/reschedule": '{"slot_id": "{free}"}',
    "POST /api/v1/bookings/{booking}/give-back": '{"credits": 1, "note": "Sorry"}',
    "POST /api/v1/slots": (
        '{"title": "New", "capacity": 1, "starts_at": "2098-01-01T10:00Z", "ends_at": "2098-01-01T11:00Z"}'
    ),
    "POST /api/v1/slots/{slot}/series": '{"slot_ids": ["{slot}"], "expected_credits_charged": 1, "seen": "x"}',
    "POST /api/v1/slots/{slot}/bookings": '{"login": "mallory"}',
    "PATCH /api/v1/slots/{slot}": '{"title": "Other", "place": "Room 2"}',
    "POST /api/v1/offerings": '{"title": "New", "minutes": 60}',
    "PATCH /api/v1/offerings/{offering}": '{"title": "Other"}',
    "PUT /api/v1/offerings/{offering}/weekly-hours": (
        '{"hours": [{"weekday": 1, "start_time": "10:00", "end_time": "11:00"}]}'
    ),
    "POST /api/v1/availability-rules": '{"kind": "day_off", "date": "2098-01-02"}',
    "PATCH /api/v1/availability-rules/{rule}": '{"date": "2098-01-03"}',
    "POST /api/v1/hosts/me/cancel-day": '{"date": "2098-01-01"}',
}

# A number is the status; `+` says that the answer shows something of Ada's: bookings, sign-ins, tokens, address, id.
# Where the caller has an own thing of that kind, `200` is theirs. `{booking}` is Ada's at `{slot}`, which Grace hosts;
# `{missed}` another one that has begun; `{full}` has no seat, and Ada waits for it; `{rule}` and `{offering}`
# are Grace's.
API = read(
    """
                                                          anon othr ownr host oths pend susp stff nosc exp rvk appl apbk
GET    /api/v1/me                                         401  200  200+ 200  200  403  403  200  403  401 401 200+ 200+
PATCH  /api/v1/me                                         401  200  200+ 200  200  403  403  200  403  401 401 403  403
POST   /api/v1/me/deactivate                              401  204  204  204  204  403  403  204  403  401 401 403  403
GET    /api/v1/sessions                                   401  200  200+ 200  200  403  403  200  403  401 401 403  403
DELETE /api/v1/sessions?keep=current                      401  204  204  204  204  403  403  204  403  401 401 403  403
DELETE /api/v1/sessions/{session}                         401  404  204  404  404  403  403  404  403  401 401 403  403
GET    /api/v1/personal-access-tokens                     401  200  200+ 200  200  403  403  200  403  401 401 403  403
POST   /api/v1/personal-access-tokens                     401  201  201  201  201  403  403  201  403  401 401 403  403
DELETE /api/v1/personal-access-tokens/{token}             401  404  204  404  404  403  403  404  403  401 401 403  403
GET    /api/v1/trusted-publishers                         401  200  200+ 200  200  403  403  200  403  401 401 403  403
POST   /api/v1/trusted-publishers                         401  201  201  201  201  403  403  201  403  401 401 403  403
DELETE /api/v1/trusted-publishers/{publisher}             401  404  204  404  404  403  403  404  403  401 401 403  403
GET    /api/v1/device-requests/{code}                     401  200  200  200  200  403  403  200  403  401 401 403  403
POST   /api/v1/device-requests/{code}/approve             401  200  200  200  200  403  403  200  403  401 401 403  403
POST   /api/v1/device-requests/{code}/deny                401  200  200  200  200  403  403  200  403  401 401 403  403
GET    /api/v1/applications                               401  200  200+ 200  200  403  403  200  403  401 401 403  403
GET    /api/v1/trail                                      401  200  200+ 200  200  403  403  200  403  401 401 403  403
DELETE /api/v1/applications/{wiki}                        401  404  204  404  404  403  403  404  403  401 401 403  403
GET    /api/v1/hosts                                      401  200  200  200  200  403  403  200  403  401 401 403  200
GET    /api/v1/hosts/{login}                              401  200  200  200  200  403  403  200  403  401 401 403  200
POST   /api/v1/hosts/me/cancel-day                        401  403  403  200  200  403  403  403  403  401 401 403  403
GET    /api/v1/hosting/slots                              401  403  403  200  200  403  403  403  403  401 401 403  403
GET    /api/v1/slots                                      401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/slots/days                                 401  200  200  200  200  403  403  200  403  401 401 403  200
POST   /api/v1/slots                                      401  403  403  201  201  403  403  403  403  401 401 403  403
GET    /api/v1/slots/{slot}                               401  200  200+ 200  200  403  403  200  403  401 401 403  200+
PATCH  /api/v1/slots/{slot}                               401  404  404  200  404  403  403  404  403  401 401 403  404
POST   /api/v1/slots/{slot}/reopen                        401  404  404  200  404  403  403  404  403  401 401 403  404
POST   /api/v1/slots/{slot}/cancel                        401  404  404  200  404  403  403  404  403  401 401 403  404
GET    /api/v1/slots/{slot}/bookings                      401  404  404  200+ 404  403  403  404  403  401 401 403  404
GET    /api/v1/slots/{slot}/bookings.csv                  401  404  404  200  404  403  403  404  403  401 401 403  404
GET    /api/v1/pages/hosting/slots/{slot}/roster          401  404  404  200  404  403  403  404  403  401 401 403  404
POST   /api/v1/slots/{slot}/bookings                      401  404  404  201  404  403  403  404  403  401 401 403  404
GET    /api/v1/slots/{slot}/series?until=2098-01-01       401  409  409  409  409  403  403  409  403  401 401 403  409
POST   /api/v1/slots/{slot}/series                        401  409  409  409  409  403  403  409  403  401 401 403  409
POST   /api/v1/slots/{full}/waitlist                      401  201  201  409  201  403  403  201  403  401 401 403  201
DELETE /api/v1/slots/{full}/waitlist                      401  204  204  204  204  403  403  204  403  401 401 403  204
GET    /api/v1/offerings                                  401  200  200  200  200  403  403  200  403  401 401 403  200
POST   /api/v1/offerings                                  401  403  403  201  201  403  403  403  403  401 401 403  403
PATCH  /api/v1/offerings/{offering}                       401  404  404  200  404  403  403  404  403  401 401 403  404
POST   /api/v1/offerings/{offering}/archive               401  404  404  200  404  403  403  404  403  401 401 403  404
PUT    /api/v1/offerings/{offering}/weekly-hours          401  404  404  200  404  403  403  404  403  401 401 403  404
GET    /api/v1/availability-rules                         401  403  403  200  200  403  403  403  403  401 401 403  403
POST   /api/v1/availability-rules                         401  403  403  201  201  403  403  403  403  401 401 403  403
PATCH  /api/v1/availability-rules/{rule}                  401  404  404  200  404  403  403  404  403  401 401 403  404
DELETE /api/v1/availability-rules/{rule}                  401  404  404  200  404  403  403  404  403  401 401 403  404
GET    /api/v1/bookings                                   401  200  200+ 200  200  403  403  200  403  401 401 403  200+
POST   /api/v1/bookings                                   401  201  201+ 409  201  403  403  201  403  401 401 403  201+
GET    /api/v1/bookings/{booking}                         401  404  200+ 404  404  403  403  404  403  401 401 403  200+
GET    /api/v1/bookings/{booking}/refund-preview          401  404  200+ 404  404  403  403  404  403  401 401 403  200+
POST   /api/v1/bookings/{booking}/cancel                  401  404  200+ 404  404  403  403  404  403  401 401 403  200+
POST   /api/v1/bookings/{booking}/reschedule              401  404  200+ 404  404  403  403  404  403  401 401 403  200+
POST   /api/v1/bookings/{booking}/remove                  401  404  404  200+ 404  403  403  404  403  401 401 403  404
POST   /api/v1/bookings/{missed}/no-show                  401  404  404  200+ 404  403  403  404  403  401 401 403  404
DELETE /api/v1/bookings/{missed}/no-show                  401  404  404  200+ 404  403  403  404  403  401 401 403  404
POST   /api/v1/bookings/{booking}/give-back               401  404  404  200+ 404  403  403  404  403  401 401 403  404
GET    /api/v1/waitlist                                   401  200  200  200  200  403  403  200  403  401 401 403  200
GET    /api/v1/subscriptions                              401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/credit-entries                             401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/calendar-feed                              401  200  200+ 200  200  403  403  200  403  401 401 403  403
POST   /api/v1/calendar-feed/rotate                       401  200  200  200  200  403  403  200  403  401 401 403  403
GET    /api/v1/calendar/{feed}.ics                        all  200+
GET    /mails/stop/{kind}/{stop}                            all  200
POST   /mails/stop/{kind}/{stop}                            all  200
GET    /api/v1/pages/home                                 401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/pages/slots                                401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/pages/days                                 401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/pages/bookings/{booking}/days              401  404  200+ 404  404  403  403  404  403  401 401 403  200+
GET    /api/v1/pages/hosts/{login}                        401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/pages/slots/{slot}                         401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/pages/slots/{slot}/series?until=2098-01-01 401  409  409  409  409  403  403  409  403  401 401 403  409
GET    /api/v1/pages/bookings                             401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/pages/bookings/{booking}                   401  404  200+ 404  404  403  403  404  403  401 401 403  200+
GET    /api/v1/pages/bookings/{booking}/reschedule        401  404  200+ 404  404  403  403  404  403  401 401 403  200+
GET    /api/v1/pages/bookings/{booking}/reschedule/{free} 401  404  200+ 404  404  403  403  404  403  401 401 403  200+
GET    /api/v1/pages/credits                              401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/pages/hosting                              401  403  403  200  200  403  403  403  403  401 401 403  403
GET    /api/v1/pages/hosting/day?date=2098-01-01          401  403  403  200  200  403  403  403  403  401 401 403  403
GET    /api/v1/pages/hosting/hours                        401  403  403  200  200  403  403  403  403  401 401 403  403
GET    /api/v1/pages/hosting/offerings                    401  403  403  200  200  403  403  403  403  401 401 403  403
GET    /api/v1/pages/hosting/offerings/{offering}         401  404  404  200  404  403  403  404  403  401 401 403  404
GET    /api/v1/pages/hosting/slots/{slot}                 401  404  404  200+ 404  403  403  404  403  401 401 403  404
GET    /api/v1/pages/deactivation                         401  200  200+ 200  200  403  403  200  403  401 401 403  200+
GET    /api/v1/pages/settings                             401  200  200+ 200  200  403  403  200  403  401 401 403  403
GET    /api/v1/pages/access                               401  200  200+ 200  200  403  403  200  403  401 401 403  403
GET    /api/v1/pages/trail                                401  200  200+ 200  200  403  403  200  403  401 401 403  403
GET    /api/v1/pages/sessions/{session}                   401  404  200+ 404  404  403  403  404  403  401 401 403  403
GET    /api/v1/pages/tokens/{token}                       401  404  200+ 404  404  403  403  404  403  401 401 403  403
GET    /api/v1/pages/device                               401  200  200+ 200  200  403  403  200  403  401 401 403  403
GET    /api/v1/pages/device/{code}                        401  200  200+ 200  200  403  403  200  403  401 401 403  403
GET    /api/v1/schema                                     all  200
GET    /api/v1/docs                                       all  200
GET    /api/v1/nothing                                    all  404
GET    /                                                  all  302
GET    /healthz                                           all  200
GET    /readyz                                            all  200
GET    /metrics                                           all  200
GET    /.well-known/oauth-authorization-server            all  200
GET    /.well-known/openid-configuration                  all  200
GET    /.well-known/jwks.json                             all  200
GET    /oauth/authorize                                   all  400
POST   /oauth/authorize                                   all  400
POST   /oauth/token                                       all  400
POST   /oauth/device_authorization                        all  400
POST   /oauth/revoke                                      all  400
POST   /oauth/introspect                                  all  400
GET    /oauth/userinfo                                    401  403  403  403  403  403  403  403  403  401 401 200+ 200+
POST   /oauth/userinfo                                    401  403  403  403  403  403  403  403  403  401 401 200+ 200+
GET    /oauth/logout                                      all  200
POST   /oauth/logout                                      all  200
GET    /auth/complete/github/                             all  400
GET    /admin/                                            302  302  302  302  302  302  302  200  302  302 302 302  302
GET    /admin/login/                                      200  200  200  200  200  200  200  302  200  200 200 200  200
POST   /admin/login/                                      all  200
GET    /admin/login/github/                               all  302
GET    /admin/login/github/return/                        all  403
    """,
    API_BODIES,
    columns=COLUMNS + APPLICATIONS,
)

PORTAL_FORMS = {
    "POST /bookings/{booking}/cancel": '{"expected_credits_refunded": "1"}',
    "POST /bookings/{booking}/reschedule": '{"slot_id": "{free}"}',
    "POST /hosting/new": (
        '{"title": "New", "date": "2098-01-01", "start_time": "10:00", "minutes": "60", "capacity": "1", "zone": "UTC"}'
    ),
    "POST /hosting/offerings/new": ('{"title": "New", "minutes": "60", "capacity": "1", "price_credits": "1"}'),
    "POST /hosting/offerings/{offering}": (
        '{"title": "Other", "minutes": "60", "capacity": "1", "price_credits": "1"}'
    ),
    "POST /hosting/slots/{slot}/edit": (
        '{"title": "New", "date": "2098-05-01", "start_time": "10:00", "minutes": "60", "capacity": "9",'
        ' "confirm": "1"}'
    ),
    "POST /hosting/slots/{slot}/book-in": '{"login": "nobody-is-called-so"}',
    "POST /hosting/slots/{slot}/give-back/{booking}": '{"credits": "1", "note": "Sorry", "confirm": "1"}',
    "POST /hosting/hours?offering={offering}": (
        '{"do": "preview", "on_1": "on", "from_1_0": "10:00", "to_1_0": "11:00"}'
    ),
    "POST /hosting/hours/except": '{"kind": "day_off", "date": "2098-02-01"}',
    "POST /hosting/cancel-day": '{"date": "2098-03-01", "booked": "cancel", "host": "{host}"}',
    "POST /tokens": '{"name": "new", "scopes": "account:read", "days": "30"}',
    "POST /tokens/publishers": '{"repository": "a/b", "workflow": "c.yml", "scopes": "bookings:read"}',
    "POST /device": '{"user_code": "{code}", "decision": "approve"}',
    "POST /settings": '{"display_name": "Somebody", "time_zone": "UTC"}',
    "POST /settings/time-zone": '{"time_zone": "UTC", "next": "/credits"}',
}

# `303` is done, `back` leads to the form with what stood in the way, `out` is the signed-out page.
# Ending what is no sign-in or token of one's own is answered as done and does nothing.
PORTAL = read(
    """
                                                    anon othr ownr host oths pend susp stff nosc expd rvkd
GET  /                                             200  200  200+ 200  200  403  403  200  403  out  out
POST /                                             all  405
GET  /healthz                                      all  200
POST /healthz                                      all  405
GET  /metrics                                      all  200
POST /metrics                                      all  405
GET  /login                                        all  302
POST /login                                        all  405
GET  /auth/callback                                all  400
POST /auth/callback                                all  405
GET  /logout                                       303  200  200  200  200  200  200  200  200  200  200
POST /logout                                       all  303
GET  /signed-out                                   200  303  303  303  303  303  303  303  200  303  303
POST /signed-out                                   all  405
GET  /hosts/{login}                                401  200  200+ 200  200  403  403  200  403  out  out
POST /hosts/{login}                                all  405
GET  /slots                                        200  200  200+ 200  200  403  403  200  403  out  out
POST /slots                                        all  405
GET  /slots/{free}                                 401  200  200+ 200  200  403  403  200  403  out  out
POST /slots/{free}                                 all  405
GET  /slots/{free}/book                            401  200  200+ 200  200  403  403  200  403  out  out
POST /slots/{free}/book                            401  303  303  back 303  403  403  303  403  out  out
GET  /slots/{free}/series?until=2098-01-01         401  409  409  409  409  403  403  409  403  out  out
POST /slots/{free}/series                          401  back back back back 403  403  back 403  out  out
GET  /slots/{full}/waitlist                        all  405
POST /slots/{full}/waitlist                        401  303  303  back 303  403  403  303  403  out  out
GET  /slots/{full}/waitlist/leave                  401  303  200+ 303  303  403  403  303  403  out  out
POST /slots/{full}/waitlist/leave                  401  303  303  303  303  403  403  303  403  out  out
GET  /bookings                                     401  200  200+ 200  200  403  403  200  403  out  out
POST /bookings                                     all  405
GET  /bookings/calendar/code.svg                    401  200  200  200  200  403  403  200  403  out  out
POST /bookings/calendar/code.svg                    all  405
GET  /bookings/calendar/rotate                     401  200  200+ 200  200  403  403  200  200+ out  out
POST /bookings/calendar/rotate                     401  303  303  303  303  403  403  303  403  out  out
GET  /bookings/{booking}                           401  404  200+ 404  404  403  403  404  403  out  out
POST /bookings/{booking}                           all  405
GET  /bookings/{booking}/calendar.ics              401  404  200  404  404  403  403  404  403  out  out
POST /bookings/{booking}/calendar.ics              all  405
GET  /bookings/{booking}/cancel                    401  404  200+ 404  404  403  403  404  403  out  out
POST /bookings/{booking}/cancel                    401  404  303  404  404  403  403  404  403  out  out
GET  /bookings/{booking}/reschedule                401  404  200+ 404  404  403  403  404  403  out  out
POST /bookings/{booking}/reschedule                401  404  303  404  404  403  403  404  403  out  out
GET  /credits                                      401  200  200+ 200  200  403  403  200  403  out  out
POST /credits                                      all  405
GET  /hosting                                      401  403  403  200  200  403  403  403  403  out  out
POST /hosting                                      all  405
GET  /hosting/new                                  401  403  403  200  200  403  403  403  403  out  out
POST /hosting/new                                  401  403  403  303  303  403  403  403  403  out  out
GET  /hosting/offerings                            401  403  403  200  200  403  403  403  403  out  out
POST /hosting/offerings                            all  405
GET  /hosting/offerings/new                        401  403  403  200  200  403  403  403  403  out  out
POST /hosting/offerings/new                        401  403  403  303  303  403  403  403  403  out  out
GET  /hosting/offerings/{offering}                 401  404  404  200  404  403  403  404  403  out  out
POST /hosting/offerings/{offering}                 401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/offerings/{offering}/archive         401  404  404  200  404  403  403  404  403  out  out
POST /hosting/offerings/{offering}/archive         401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/hours                                401  403  403  200  200  403  403  403  403  out  out
POST /hosting/hours?offering={offering}            401  404  404  200  404  403  403  404  403  out  out
GET  /hosting/hours/except                         all  405
POST /hosting/hours/except                         401  403  403  303  303  403  403  403  403  out  out
GET  /hosting/hours/{rule}/remove                  401  403  403  200  303  403  403  403  403  out  out
POST /hosting/hours/{rule}/remove                  401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/cancel-day                           401  403  403  200  200  403  403  403  403  out  out
POST /hosting/cancel-day                           401  403  403  303  303  403  403  403  403  out  out
GET  /hosting/slots/{slot}                         401  404  404  200+ 404  403  403  404  403  out  out
POST /hosting/slots/{slot}                         all  405
GET  /hosting/slots/{slot}/who-comes.csv           401  404  404  200+ 404  403  403  404  403  out  out
POST /hosting/slots/{slot}/who-comes.csv           all  405
GET  /hosting/slots/{slot}/edit                    401  404  404  200  404  403  403  404  403  out  out
POST /hosting/slots/{slot}/edit                    401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/slots/{slot}/reopen                  all  405
POST /hosting/slots/{slot}/reopen                  401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/slots/{slot}/book-in                 all  405
POST /hosting/slots/{slot}/book-in                 401  404  404  back 404  403  403  404  403  out  out
GET  /hosting/slots/{slot}/remove/{booking}        401  404  404  200+ 404  403  403  404  403  out  out
POST /hosting/slots/{slot}/remove/{booking}        401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/slots/{slot}/give-back/{booking}     401  404  404  200+ 404  403  403  404  403  out  out
POST /hosting/slots/{slot}/give-back/{booking}     401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/slots/{slot}/cancel                  401  404  404  200  404  403  403  404  403  out  out
POST /hosting/slots/{slot}/cancel                  401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/slots/{begun}/no-show/{missed}       all  405
POST /hosting/slots/{begun}/no-show/{missed}       401  404  404  303  404  403  403  404  403  out  out
GET  /hosting/slots/{begun}/came/{missed}           all  405
POST /hosting/slots/{begun}/came/{missed}           401  404  404  303  404  403  403  404  403  out  out
GET  /sessions                                     401  200  200+ 200  200  403  403  200  200+ out  out
POST /sessions                                     all  405
GET  /sessions/revoke-others                       401  200  200+ 200  200  403  403  200  200+ out  out
POST /sessions/revoke-others                       401  303  303  303  303  403  403  303  403  out  out
GET  /sessions/{session}/revoke                    401  404  200+ 404  404  403  403  404  200+ out  out
POST /sessions/{session}/revoke                    401  303  303  303  303  403  403  303  403  out  out
GET  /applications                                 401  200  200+ 200  200  403  403  200  200+ out  out
POST /applications                                 all  405
GET  /applications/{wiki}/withdraw                 401  303  303  303  303  403  403  303  303  out  out
POST /applications/{wiki}/withdraw                 401  303  303  303  303  403  403  303  403  out  out
GET  /tokens                                       401  200  200+ 200  200  403  403  200  200+ out  out
POST /tokens                                       401  303  303  303  303  403  403  303  403  out  out
GET  /tokens/{token}/revoke                        401  404  200+ 404  404  403  403  404  403  out  out
POST /tokens/{token}/revoke                        401  303  303  303  303  403  403  303  403  out  out
GET  /tokens/publishers                            all  405
POST /tokens/publishers                            401  303  303  303  303  403  403  303  403  out  out
GET  /tokens/publishers/{publisher}/remove         401  303  200+ 303  303  403  403  303  403  out  out
POST /tokens/publishers/{publisher}/remove         401  303  303  303  303  403  403  303  403  out  out
GET  /activity                                     401  200  200+ 200  200  403  403  200  200+ out  out
POST /activity                                     all  405
GET  /device                                       401  200  200+ 200  200  403  403  200  200+ out  out
POST /device                                       401  303  303  303  303  403  403  303  403  out  out
GET  /settings                                     401  200  200+ 200  200  403  403  200  200+ out  out
POST /settings                                     401  303  303  303  303  403  403  303  403  out  out
GET  /settings/time-zone                           200  200  200+ 200  200  403  403  200  200+ out  out
POST /settings/time-zone                           303  303  303  303  303  403  403  303  403  out  out
GET  /settings/deactivate                          401  200  200+ 200  200  403  403  200  403  out  out
POST /settings/deactivate                          401  303  303  303  303  403  403  303  403  out  out
GET  /nothing                                      all  404
POST /nothing                                      all  404
    """,
    PORTAL_FORMS,
)
