from django.db import Error, InterfaceError, OperationalError

_READ_ONLY = "25006"
"""PostgreSQL's code for a write to a standby."""


def is_away(error: Exception) -> bool:
    """Whether the database is unreachable, full, without a free connection or a standby for now: try again later."""
    return isinstance(error, OperationalError | InterfaceError) or _sqlstate_of(error) == _READ_ONLY


def explain_outage(error: Error) -> str | None:
    """What to tell an operator; None where a database that can be written to has refused a statement."""
    code, cause = _sqlstate_of(error), str(error).strip()
    if code == _READ_ONLY:
        return f"The database is a standby: {cause}\nDoes DATABASE_URL lead to the primary, or is one being promoted?"
    # PostgreSQL gives what it refuses a code. What has none did not reach it.
    if code is None and is_away(error):
        return f"The database does not answer: {cause}\nIs PostgreSQL running, and is DATABASE_URL its address?"
    return None


def _sqlstate_of(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)
