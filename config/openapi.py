"""What every operation of the schema has in common: the credential, and RFC 9457 problems with their codes."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.generators import SchemaGenerator

from config.problems import MEDIA_TYPE, STATUS

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem. `code` is stable; programs decide by it. `detail` says what to do next.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(STATUS)},
        "errors": {
            "type": "object",
            "description": "For `validation_error`: each field with its messages.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
# What can be done next with the id that an answer holds: operation and status to name, operation and its parameters.
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
    ("availability_rules_create", "201"): {"RemoveRule": ("availability_rules_destroy", _RULE)},
    ("personal_access_tokens_create", "201"): {"RevokeToken": ("personal_access_tokens_destroy", _TOKEN)},
    ("device_requests_retrieve", "200"): {
        "ApproveDevice": ("device_requests_approve_create", {"user_code": "$response.body#/user_code"}),
        "DenyDevice": ("device_requests_deny_create", {"user_code": "$response.body#/user_code"}),
    },
}
_STATUSES = {status for code, status in STATUS.items() if code not in {"method_not_allowed", "not_acceptable"}}


class BearerScheme(OpenApiAuthenticationExtension):
    """RFC 6750: an access token or a personal access token."""

    target_class = "tokens.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An access token or a personal access token."}


class TimeOfDay(OpenApiSerializerFieldExtension):
    """A time in somebody's own zone. JSON Schema's format `time` is another thing: RFC 3339's, which has an offset."""

    target_class = "rest_framework.fields.TimeField"

    def map_serializer_field(self, auto_schema: object, direction: str) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?$", "examples": ["09:30"]}


def add_links(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's post-processing hook: OpenAPI links, for programs that follow one operation with another."""
    operations = [item[method] for item in result["paths"].values() for method in METHODS if method in item]
    for (source, status), links in LINKS.items():
        (operation,) = (operation for operation in operations if operation["operationId"] == source)
        operation["responses"][status]["links"] = {
            name: {"operationId": target, "parameters": parameters} for name, (target, parameters) in links.items()
        }
    return result


def add_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's post-processing hook: every operation may answer with a problem, listed by status and code."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for item in result["paths"].values():
        for method in METHODS:
            if method in item:
                _describe_problems(item[method])
    return result


def _describe_problems(operation: dict[str, Any]) -> None:
    answer = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for status in sorted(_STATUSES):
        codes = ", ".join(f"`{code}`" for code, number in STATUS.items() if number == status)
        operation["responses"].setdefault(
            str(status), {"description": f"A problem: {codes}.", "content": {MEDIA_TYPE: answer}}
        )


@cache
def whole_schema() -> dict[str, Any]:
    """The schema: half a second of work, the same for everybody, done once in a process."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return schema


class KnownSchema(SchemaGenerator):
    """What the schema's view asks for it."""

    def get_schema(self, request: object = None, public: bool = False) -> dict[str, Any]:
        return whole_schema()


@cache_control(public=True, max_age=300)
def docs(request: HttpRequest) -> HttpResponse:
    """The schema as a page to read, made here: no script and nothing from elsewhere."""
    schema = whole_schema()
    context = {"schema": schema, "operations": list(_operations(schema)), "codes": sorted(STATUS.items())}
    return render(request, "config/docs.html", context)


def _operations(schema: dict[str, Any]) -> Any:
    for path, item in schema["paths"].items():
        for method in METHODS:
            if method in item:
                yield {"path": path, "method": method.upper(), **_summary(item[method], schema)}


def _summary(operation: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    return {
        "id": operation["operationId"],
        "description": operation.get("description", ""),
        "parameters": operation.get("parameters", []),
        "body": _fields(operation.get("requestBody", {}), schema, is_body=True),
        "answers": [(status, _fields(answer, schema)) for status, answer in good.items()],
    }


def _fields(part: dict[str, Any], schema: dict[str, Any], *, is_body: bool = False) -> list[tuple[str, str, str]]:
    """Name, type and description of each field of a JSON body or answer."""
    schemas = schema["components"]["schemas"]
    described = part.get("content", {}).get("application/json", {}).get("schema", {})
    described = schemas.get(_name(described), described)
    needed = described.get("required", []) if is_body else []
    return [
        (field, _type(about, schemas) + (", required" if field in needed else ""), about.get("description", ""))
        for field, about in described.get("properties", {}).items()
    ]


def _name(about: dict[str, Any]) -> str:
    """The name of the component that is referred to, also where it is wrapped to carry a description."""
    wrapped = about.get("allOf") or about.get("oneOf") or [about]
    return str(wrapped[0].get("$ref", "")).rsplit("/", 1)[-1]


def _type(about: dict[str, Any], schemas: dict[str, Any]) -> str:
    referred = schemas.get(_name(about), {})
    if "enum" in {**about, **referred}:
        return "one of " + ", ".join(str(value) for value in {**about, **referred}["enum"])
    if about.get("type") == "array":
        return f"list of {_type(about.get('items', {}), schemas)}"
    kind = about.get("type") or _name(about) or "object"
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{text} ({about['format']})" if "format" in about else text
