from collections.abc import Iterator

import pytest
from django.db import connection

from tests import templates
from tests.processes import Live
from tokens.services import signing_keys


@pytest.fixture(autouse=True)
def _own_signing_keys() -> None:
    """This process forgets the keys of the test before, whose rows are gone."""
    signing_keys.forget_keys()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Before pytest-django makes the database of this process: it copies what the run has migrated already."""
    connection.settings_dict["TEST"]["TEMPLATE"] = templates.migrated_template()


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """The whole product as processes, shared by the run: tests sign in people of their own and look only at those."""
    with Live() as product:
        yield product
