import re
from functools import cache
from threading import Lock
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from config.http.problems import MEDIA_TYPE, documented_problems

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem. `code` is stable; programs decide by it. `detail` says what to do next.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": ["urn:insighta:problem:slot_full"]},
        "title": {"type": "string", "examples": ["Conflict"]},
        "status": {"type": "integer", "examples": [409]},
        "detail": {"type": "string", "examples": ["No seat is left. Join the waitlist or choose another slot."]},
        "code": {"type": "string"},
        "errors": {
            "type": "object",
            "description": "For `validation_error`: each field with its messages.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
# OpenAPI links by operation id and status: name to target operation and its parameters.
_RULE, _TOKEN = {"rule_id": "$response.body#/id"}, {"token_id": "$response.body#/id"}
_BOOKING, _SLOT = {"booking_id": "$response.body#/id"}, {"slot_id": "$response.body#/id"}
_SAME_SLOT = {"slot_id": "$request.path.slot_id"}
LINKS: dict[tuple[str, str], dict[str, tuple[str, dict[str, str]]]] = {
    ("bookings_create", "201"): {
        "GetBooking": ("bookings_retrieve", _BOOKING),
        "PreviewRefund": ("bookings_refund_preview_retrieve", _BOOKING),
        "CancelBooking": ("bookings_cancel_create", _BOOKING),
        "RescheduleBooking": ("bookings_reschedule_create", _BOOKING),
        "GetSlotOfBooking": ("slots_retrieve", {"slot_id": "$response.body#/slot_id"}),
    },
    ("slots_create", "201"): {
        "GetSlot": ("slots_retrieve", _SLOT),
        "ListBookingsOfSlot": ("slots_bookings_retrieve", _SLOT),
        "CancelSlot": ("slots_cancel_create", _SLOT),
    },
    ("slots_retrieve", "200"): {"JoinWaitlist": ("slots_waitlist_create", _SLOT)},
    ("slots_waitlist_create", "201"): {"LeaveWaitlist": ("slots_waitlist_destroy", _SAME_SLOT)},
    ("availability_rules_create", "201"): {
        "ChangeRule": ("availability_rules_partial_update", _RULE),
        "RemoveRule": ("availability_rules_destroy", _RULE),
    },
    ("personal_access_tokens_create", "201"): {"RevokeToken": ("personal_access_tokens_destroy", _TOKEN)},
    ("device_requests_retrieve", "200"): {
        "ApproveDevice": ("device_requests_approve_create", {"user_code": "$response.body#/user_code"}),
        "DenyDevice": ("device_requests_deny_create", {"user_code": "$response.body#/user_code"}),
    },
}
# What any call may be answered with, and what else any call that a person makes.
_ANY = {"throttled", "internal_error", "unavailable"}
_OF_PERSON = {"not_authenticated", "permission_denied", "account_pending", "account_suspended", "account_inactive"}
_OF_BODY = {"validation_error", "unsupported_media_type", "request_too_large"}
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


# Groups of the reference in its order: what each is about, and what the paths of its operations begin with.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Find": ("Hosts, what they offer, and sessions with a free seat.", ("hosts", "slots", "offerings")),
    "Book": ("Seats, moves, cancellations and waitlists.", ("bookings", "waitlist")),
    "Credits": ("Subscriptions and where credits went.", ("subscriptions", "credit-entries")),
    "Calendar": ("The feed for calendar programs.", ("calendar-feed", "calendar")),
    "Host": ("A host's sessions, hours and offerings.", ("hosting", "availability-rules")),
    "Account": ("The person who calls.", ("me",)),
    "Access": (
        "Signed-in devices, access tokens, trusted publishers and applications.",
        ("sessions", "personal-access-tokens", "device-requests", "trusted-publishers", "applications"),
    ),
}
# Of what these paths begin with, whatever changes something is a host's.
_HOSTS_WRITE, _CLIENTS_WRITE = ("hosts", "slots", "offerings"), ("waitlist",)
_HOSTS_OWN = re.compile(r"/(slots/{slot_id}/bookings|bookings/{booking_id}/(no-show|give-back|remove))")
# What properties of these names look like, where their schema says nothing better.
_INSTANT, _ID = "2026-11-27T14:00:00Z", "0193a000-0000-7000-8000-000000000042"
EXAMPLES: dict[str, Any] = {
    "login": "ada",
    "display_name": "Ada Lovelace",
    "email": "ada@example.com",
    "time_zone": "Africa/Lagos",
    "title": "Compilers, gently",
    "description": "We read one piece of code together.",
    "place": "Room 4, Kepler House",
    "link": "https://meet.example.com/compilers",
    "name": "backup job",
    "prefix": "insp_4fQ1",
    "label": "Firefox on Linux",
    "repository": "octo/reports",
    "workflow": "nightly.yml",
    "environment": "production",
    "ref": "refs/heads/main",
    "note": "The room was closed.",
    "starts_at": _INSTANT,
    "ends_at": "2026-11-27T15:00:00Z",
    "scheduled_start_time": _INSTANT,
    "scheduled_end_time": "2026-11-27T15:00:00Z",
    "refund_deadline": "2026-11-27T02:00:00Z",
    "date": "2026-12-24",
    "weekday": 2,
    "start_time": "09:00:00",
    "end_time": "12:00:00",
    "capacity": 3,
    "minutes": 60,
    "price_credits": 1,
    "credits": 1,
    "expected_credits_charged": 1,
    "expected_credits_refunded": 1,
}


class ApiSchema(AutoSchema):
    """Says of each operation which group it belongs to, which scope it needs and which codes refuse it."""

    def get_operation(self, *args: Any, **options: Any) -> dict[str, Any] | None:
        """With `x-refusals`, codes and sentences, which `add_problems` turns into answers."""
        operation: dict[str, Any] | None = super().get_operation(*args, **options)
        return operation and operation | {"x-refusals": self._refusals(operation)}

    def _refusals(self, operation: dict[str, Any]) -> dict[str, str]:
        """What the view's `refusals` name for this method, and what follows from how the operation is called."""
        places = {one["in"] for one in operation.get("parameters", [])}
        implied = _ANY.union(
            _OF_PERSON if operation.get("security") else (),
            _OF_BODY if "requestBody" in operation else (),
            {"validation_error"} if places & {"query", "header"} else (),
            {"not_found"} if "path" in places else (),
            {"busy"} if self.method in _CHANGES else (),
        )
        own = {error.code: error.sentence for error in getattr(self.view, "refusals", {}).get(self.method, ())}
        return {code: problem["detail"] for code, problem in documented_problems().items() if code in implied} | own

    def get_tags(self) -> list[str]:
        """The group of the path; where a host changes the calendar, the hosts'."""
        path = self.path.removeprefix("/api/v1")
        first = path.split("/")[1]
        is_write = self.method != "GET" and first in _HOSTS_WRITE and not path.endswith(_CLIENTS_WRITE)
        if is_write or _HOSTS_OWN.search(path):
            return ["Host"]
        return [name for name, (_, begins) in GROUPS.items() if first in begins] or ["Account"]

    def get_auth(self) -> list[dict[str, Any]]:
        """With the scope that `HasScope` asks for."""
        scope = self._scope()
        found: list[dict[str, Any]] = super().get_auth()
        return [{"bearer": [scope]} if scope and "bearer" in one else one for one in found]

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular's, whose types are missing
        """The view's own words, and the scope."""
        scope, words = self._scope(), str(super().get_description() or "")
        return f"{words}\n\nScope: `{scope}`" if scope else words

    def _scope(self) -> str:
        return str(getattr(self.view, "required_scopes", {}).get(self.method, ""))


class BearerScheme(OpenApiAuthenticationExtension):
    """RFC 6750: an access token or a personal access token."""

    target_class = "tokens.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An access token or a personal access token."}


class TimeOfDay(OpenApiSerializerFieldExtension):
    """A local time. JSON Schema's format `time` does not fit: RFC 3339's has an offset."""

    target_class = "rest_framework.fields.TimeField"

    def map_serializer_field(self, auto_schema: object, direction: str) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$", "examples": ["09:30"]}


class EndOfDay(OpenApiSerializerFieldExtension):
    """A local time at which hours end."""

    target_class = "bookings.serializers.availability.EndTimeField"

    def map_serializer_field(self, auto_schema: object, direction: str) -> dict[str, Any]:
        pattern = r"^(([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?|24:00(:00)?)$"
        return {"type": "string", "pattern": pattern, "examples": ["17:30", "24:00"]}


def add_links(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: adds `LINKS`, for clients that chain operations."""
    operations = [item[method] for item in result["paths"].values() for method in METHODS if method in item]
    for (source, status), links in LINKS.items():
        (operation,) = (operation for operation in operations if operation["operationId"] == source)
        operation["responses"][status]["links"] = {
            name: {"operationId": target, "parameters": parameters} for name, (target, parameters) in links.items()
        }
    return result


def add_groups(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: the groups in their order, with what each is about."""
    return result | {"tags": [{"name": name, "description": words} for name, (words, _) in GROUPS.items()]}


def add_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: adds `EXAMPLES` to the properties that have none."""
    for schema in result["components"].get("schemas", {}).values():
        for name, shape in schema.get("properties", {}).items():
            example = _ID if shape.get("format") == "uuid" else EXAMPLES.get(name)
            if example is not None and not {"$ref", "enum", "examples", "oneOf", "allOf"} & shape.keys():
                shape["examples"] = [example]
    return result


def allow_both(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: an answer that is shaped by its caller may fit several shapes, not exactly one."""
    for name, schema in result["components"].get("schemas", {}).items():
        if name.endswith("Seen") and "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")
    return result


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: what refuses an operation becomes its answers, by status, with the codes of each."""
    problems = documented_problems()
    codes = {"code": {"type": "string", "enum": list(problems)}}
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM | {"properties": PROBLEM["properties"] | codes}
    result["components"]["examples"] = {code: {"value": problem} for code, problem in problems.items()}
    for item in result["paths"].values():
        for method in METHODS:
            if method in item:
                _describe_problems(item[method], problems)
    return result


def _describe_problems(operation: dict[str, Any], problems: dict[str, dict[str, Any]]) -> None:
    refusals = operation.pop("x-refusals")
    for status in sorted({problems[code]["status"] for code in refusals}):
        codes = sorted(code for code in refusals if problems[code]["status"] == status)
        answer = {
            "schema": {
                "allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": {"code": {"enum": codes}}}],
            },
            "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
        }
        words = "\n".join(f"- `{code}`: {refusals[code]}" for code in codes)
        operation["responses"].setdefault(str(status), {"description": words, "content": {MEDIA_TYPE: answer}})


_generating = Lock()


def whole_schema() -> dict[str, Any]:
    """The schema, generated once a process: it takes half a second and is the same for everybody."""
    # drf-spectacular fails in a thread while another one loads its extensions.
    with _generating:
        return _generated()


@cache
def _generated() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return schema


class CachedSchemaGenerator(SchemaGenerator):
    """`whole_schema` for drf-spectacular's view."""

    def get_schema(self, request: object = None, public: bool = False) -> dict[str, Any]:
        return whole_schema()
