from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator

from config.http.problems import MEDIA_TYPE, documented_codes

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem. `code` is stable; programs decide by it. `detail` says what to do next.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
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
# Codes of every HTTP API, left out of the descriptions.
_UNDESCRIBED = {"method_not_allowed", "not_acceptable"}


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

    target_class = "bookings.serializers.requests.EndTimeField"

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


def allow_both(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: an answer that is shaped by its caller may fit several shapes, not exactly one."""
    for name, schema in result["components"].get("schemas", {}).items():
        if name.endswith("Seen") and "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")
    return result


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: adds the problem responses, by status and code, to every operation."""
    result["components"].setdefault("schemas", {})["Problem"] = _problem_schema()
    for item in result["paths"].values():
        for method in METHODS:
            if method in item:
                _describe_problems(item[method])
    return result


def _problem_schema() -> dict[str, Any]:
    properties = PROBLEM["properties"] | {"code": {"type": "string", "enum": sorted(documented_codes())}}
    return PROBLEM | {"properties": properties}


def _describe_problems(operation: dict[str, Any]) -> None:
    answer = {"schema": {"$ref": "#/components/schemas/Problem"}}
    statuses = {code: status.value for code, status in documented_codes().items()}
    for status in sorted({status for code, status in statuses.items() if code not in _UNDESCRIBED}):
        codes = ", ".join(f"`{code}`" for code, number in statuses.items() if number == status)
        operation["responses"].setdefault(
            str(status), {"description": f"A problem: {codes}.", "content": {MEDIA_TYPE: answer}}
        )


@cache
def whole_schema() -> dict[str, Any]:
    """The schema, generated once a process: it takes half a second and is the same for everybody."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return schema


class CachedSchemaGenerator(SchemaGenerator):
    """`whole_schema` for drf-spectacular's view."""

    def get_schema(self, request: object = None, public: bool = False) -> dict[str, Any]:
        return whole_schema()
