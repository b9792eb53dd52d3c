import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter

HIDDEN = "[hidden]"
# What every line of a request or job carries. structlog's own context has a variable for each member, and looks through
# all variables of the process for each line.
_context: ContextVar[MappingProxyType[str, object]] = ContextVar("log_context", default=MappingProxyType({}))


def merge_context(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """structlog's processor: the members of the context that the line itself does not have."""
    for name, value in _context.get().items():
        event.setdefault(name, value)
    return event


_COMMON: list[structlog.typing.Processor] = [
    merge_context,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]
# Tokens of ours, JWTs, tokens of GitHub; parameters, headers and addresses that hold a credential.
_SECRETS = re.compile(
    r"(?P<prefix>\bins[rcpfdu]_)[A-Za-z0-9_=-]{6,}"
    r"|\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_.-]+"
    r"|\b(?:gh[a-z]_|github_pat_)[A-Za-z0-9_]{10,}"
    r"|(?P<parameter>\b(?:at|rt|code|state|flow|password|\w*(?:secret|token|verifier))=)[^&\s\"'\\]+"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s)[A-Za-z0-9+/=_.~-]{8,}"
    r"|(?P<address>://[^\s:/@]*:)[^\s@/]+(?=@)",
    re.IGNORECASE,
)
# Control characters except tab and line feed, and Unicode line separators.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_OWN_TOKEN, _GITHUB_TOKEN = re.compile("ins[rcpfdu]_"), re.compile("gh[a-z]_")


def mask_secrets(text: str) -> str:
    """`text` with every credential replaced; its kind stays readable."""
    if not _may_hold_secrets(text.lower()):
        return text
    return _SECRETS.sub(lambda match: f"{match[match.lastgroup] if match.lastgroup else ''}{HIDDEN}", text)


def _may_hold_secrets(lower: str) -> bool:
    """A cheap test first: most lines contain none of these. One expression for all would be tried at each character."""
    return (
        "=" in lower
        or "eyj" in lower
        or "://" in lower
        or "bearer" in lower
        or "basic" in lower
        or "github_pat_" in lower
        or _OWN_TOKEN.search(lower) is not None
        or _GITHUB_TOKEN.search(lower) is not None
    )


def quote_controls(text: str) -> str:
    """`text` as one log entry: control characters escaped, continuation lines indented (log injection, CWE-117)."""
    if text.isprintable():
        return text
    visible = _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return visible.replace("\n", "\n    ")


class MaskingFormatter(ProcessorFormatter):
    """Masks secrets in every line, those of libraries and tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        # A line of structlog needs to be rendered only; ProcessorFormatter copies the record and formats it again.
        line = self._render(record) if hasattr(record, "_logger") else super().format(record)
        return quote_controls(mask_secrets(line))

    def _render(self, record: logging.LogRecord) -> str:
        event: Any = {**record.msg}  # type: ignore[dict-item]  # structlog's event, not a text
        for process in self.processors[1:]:
            event = process(None, record.levelname.lower(), event)
        return str(event)


def make_formatter(*, as_json: bool) -> MaskingFormatter:
    """The formatter of `LOGGING`: JSON for programs, columns for people. Lines of libraries get the same fields."""
    _leave_out_what_no_line_shows()
    structlog.configure(
        processors=[*_COMMON, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    columns = structlog.dev.ConsoleRenderer(
        colors=False, timestamp_key="at", pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    # `json.dumps` would make an encoder for each line.
    encode = json.JSONEncoder(default=repr).encode
    rendering = [structlog.processors.format_exc_info, lambda _, __, event: encode(event)] if as_json else [columns]
    return MaskingFormatter(
        processors=[ProcessorFormatter.remove_processors_meta, *rendering], foreign_pre_chain=_COMMON
    )


def _leave_out_what_no_line_shows() -> None:
    """Caller, thread, process and task (Python's Logging HOWTO, "Optimization")."""
    logging._srcfile = None  # private by name, but documented there
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def begin_context(*, request_id: str) -> None:
    """From here on lines carry this id, and nothing of the request before. Apps find it in structlog's own context."""
    _context.set(MappingProxyType({"request_id": request_id}))
    structlog.contextvars.bind_contextvars(request_id=request_id)


@contextmanager
def added_context(**known: object) -> Iterator[None]:
    """Within the block lines carry these, too."""
    token = _context.set(MappingProxyType({**_context.get(), **known}))
    try:
        yield
    finally:
        _context.reset(token)


def note_refresh(
    *, outcome: str, cause: str = "", client_id: str = "", session_id: object = None, user_id: object = None, **_: Any
) -> None:
    """Add to the request's line what became of a refresh; receiver of `tokens.signals.refresh_answered`."""
    _note(outcome=outcome, cause=cause, client_id=client_id, session_id=session_id, user_id=user_id)


def note_refusal(*, client_id: str, because: str, **_: Any) -> None:
    """Add to the request's line why a sign-in was refused; receiver of `tokens.signals.sign_in_refused`."""
    _note(outcome="refused", cause=because, client_id=client_id)


def _note(**known: object) -> None:
    _context.set(MappingProxyType({**_context.get(), **{name: str(value) for name, value in known.items() if value}}))
