import json
import logging
from collections.abc import Iterator
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.specs.openapi.schemas import OpenApiSchema

from config.http.openapi import whole_schema
from config.http.wsgi_handler import Handler
from tests.fuzz.effort import SEED
from tests.fuzz.world import World, make_world
from tests.tokens.ci import known_repositories


@pytest.fixture
def application(db: None, settings: Any) -> Iterator[WSGIApplication]:
    """The backend as a server calls it, over the test's own connection, without rate limits and log lines."""
    settings.THROTTLE_SCALE = 1e6
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    logging.disable(logging.CRITICAL)
    with known_repositories():
        yield Handler()
    logging.disable(logging.NOTSET)
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def api(application: WSGIApplication) -> OpenApiSchema:
    """The schema as it is served. Its security is left out: every request carries a credential, all of them matter."""
    served = json.loads(json.dumps(whole_schema()))
    for item in served["paths"].values():
        for operation in item.values():
            operation.pop("security", None)
    schema = schemathesis.openapi.from_dict(served, config=schemathesis.Config(seed=SEED))
    schema.app = application
    return schema
