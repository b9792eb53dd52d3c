"""Whatever the OpenAPI schema lets a program send, and much of what it does not, is answered as the schema says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.generation.stateful import APIStateMachine
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from bookings.services.audit import find_breaches
from tests.fuzz.effort import bounded, tried
from tests.fuzz.world import KINDS, World, taken_back

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def name_what_exists(case: Case[Any], world: World, data: st.DataObject) -> None:
    """Half of the ids and bodies of a request become ones that mean something here."""
    for name in case.path_parameters.keys() & world.known.keys():
        if data.draw(st.booleans()):
            case.path_parameters[name] = data.draw(st.sampled_from(world.known[name]))
    bodies = world.bodies.get(case.operation.label)
    if bodies and data.draw(st.booleans()):
        case.body = data.draw(st.sampled_from(bodies))


@pytest.mark.parametrize("kind", KINDS)
def test_every_operation_answers_within_the_schema(api: OpenApiSchema, world: World, kind: str) -> None:
    for found in api.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        cases = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

        @tried(8)
        @given(case=st.one_of(cases), data=st.data())
        def send(case: Case[Any], data: st.DataObject) -> None:
            name_what_exists(case, world, data)
            with taken_back():
                response = case.call(headers={"Authorization": f"Bearer {world.bearers[kind]}"})
            case.validate_response(response, checks=CHECKS)

        send()


def test_the_public_calendar_answers_nobody_within_the_schema(api: OpenApiSchema, world: World, settings: Any) -> None:
    settings.PUBLIC_CALENDAR = True
    paths = ("/hosts", "/hosts/{login}", "/slots", "/slots/days", "/slots/{slot_id}", "/offerings")
    for path in paths:
        operation = api[f"/api/v1{path}"]["GET"]

        @tried(8)
        @given(case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]), data=st.data())
        def send(case: Case[Any], data: st.DataObject) -> None:
            name_what_exists(case, world, data)
            case.validate_response(case.call(), checks=CHECKS)

        send()


@pytest.mark.parametrize("kind", KINDS)
def test_every_chain_of_links_answers_within_the_schema(api: OpenApiSchema, world: World, kind: str) -> None:
    run_state_machine_as_test(_machine(api, world, kind), settings=bounded(6))


def _machine(api: OpenApiSchema, world: World, kind: str) -> type[APIStateMachine]:
    """Requests that follow one another through the links; all of a scenario is undone at its end."""

    class Machine(api.as_state_machine()):  # type: ignore[misc]  # a class that is made from the schema
        def setup(self) -> None:
            self.attempt = taken_back()
            self.attempt.__enter__()

        def teardown(self) -> None:
            assert find_breaches() == {}
            self.attempt.__exit__(None, None, None)

        def get_call_kwargs(self, case: Case[Any]) -> dict[str, Any]:
            bodies = world.bodies.get(case.operation.label)
            if bodies and not self.recorder.interactions.keys() - {case.id}:
                case.body = bodies[0]
            return {"headers": {"Authorization": f"Bearer {world.bearers[kind]}"}}

        def validate_response(self, response: Response, case: Case[Any], *_: Any, **__: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    return Machine
