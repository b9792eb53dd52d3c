from .errors import Problem, SignInNeeded
from .terminal import clean
from .transport import Answer

ADVICE = {
    "account_pending": "Someone at Insighta approves new accounts; try again once you have heard from them.",
    "already_booked": "See it with: insighta bookings list",
    "booking_not_active": "See what became of it: insighta bookings list --all",
    "busy": "Many people book at this moment. Try again.",
    "idempotency_conflict": "Try again.",
    "insufficient_credits": "See what you have: insighta credits",
    "late_reschedule": "You can still cancel it: insighta cancel",
    "not_a_host": "Only hosts can do this.",
    "not_found": "List what there is: insighta slots list, insighta bookings list",
    "overlapping_booking": "See your week: insighta calendar",
    "own_slot": "Choose a slot of another host: insighta slots list",
    "permission_denied": "If a personal access token is in use, sign in without it: insighta login",
    "no_series": "Without --until it can be booked alone.",
    "preview_changed": "Nothing was done. Run the command again to see what is so now.",
    "price_changed": "Nothing was done. Run the command again to see the price now.",
    "refund_changed": "Nothing was cancelled. Run the command again to see what applies now.",
    "session_started": "It can no longer be changed.",
    "slot_cancelled": "Choose another: insighta slots list",
    "slot_full": "Wait for a seat: insighta waitlist join. Or choose another: insighta slots list",
    "slot_overlaps": "Choose another time.",
    "slot_started": "Choose a later one: insighta slots list",
    "throttled": "Wait a moment and try again.",
    "unavailable": "Wait a moment and try again.",
}

# What makes a credential takes a person: no token may.
PERSONAL_PATHS = ("/personal-access-tokens", "/device-requests")
ACCOUNT_PATHS = ("/me", "/sessions", "/applications", "/personal-access-tokens", "/device-requests")


def read_problem(answer: Answer) -> Problem | SignInNeeded:
    """The refusal in an answer of status 400 or more. Raises UnexpectedAnswer when it is not a problem document."""
    fields = answer.read_object()
    code = str(fields.get("code") or "unknown")
    sentence = str(fields.get("detail") or fields.get("title") or f"The backend refused (status {answer.status}).")
    if code == "not_authenticated":
        return SignInNeeded(sentence, "Sign in again: insighta login")
    details = [clean(f"{field}: {message}") for field, message in _field_errors(fields.get("errors"))]
    advice = "\n".join([*details, ADVICE.get(code, "")]).strip()
    return Problem(
        fields,
        code=code,
        sentence=sentence,
        advice=advice,
        retry_after=answer.retry_after(),
        lacks_scope=answer.lacks_scope(),
    )


def advise_scope(method: str, path: str) -> str:
    """What a personal access token needs for a request to `/api/v1` + `path`, and how to get one that has it."""
    if method == "POST" and path.startswith(PERSONAL_PATHS):
        return "A personal access token cannot do this. Unset INSIGHTA_TOKEN and sign in as yourself: insighta login"
    area = "account" if path.startswith(ACCOUNT_PATHS) else "bookings"
    reads = method == "GET" and not path.startswith("/personal-access-tokens")
    scope = f"{area}:{'read' if reads else 'write'}"
    make = f"insighta tokens create NAME --scope {scope}"
    return f"It needs {scope}. Sign in as yourself, without INSIGHTA_TOKEN, or make one there that has it:\n{make}"


def _field_errors(errors: object) -> list[tuple[str, str]]:
    if not isinstance(errors, dict):
        return []
    pairs = ((field, messages if isinstance(messages, list) else [messages]) for field, messages in errors.items())
    return [(str(field), str(message)) for field, messages in pairs for message in messages]
