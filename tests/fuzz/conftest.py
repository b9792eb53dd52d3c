import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.specs.openapi.schemas import OpenApiSchema

from config.charsets import Application, with_readable_text
from config.openapi import whole_schema
from tests.fuzz.effort import SEED
from tests.fuzz.world import World, make_world


@pytest.fixture
def application(db: None, settings: Any) -> Iterator[Application]:
    """The backend as a server calls it, over the test's own connection, without rate limits and log lines."""
    settings.THROTTLE_SCALE = 1e6
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    logging.disable(logging.CRITICAL)
    yield with_readable_text(WSGIHandler())
    logging.disable(logging.NOTSET)
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def api(application: Application) -> OpenApiSchema:
    """The schema as it is served. Its security is left out: every request carries a credential, all of them matter."""
    served = json.loads(json.dumps(whole_schema()))
    for item in served["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
    schema = schemathesis.openapi.from_dict(served, config=schemathesis.Config(seed=SEED))
    schema.app = application
    return schema
