"""Log lines of every process: JSON where programs read them, columns in development, and never a secret in either."""

import logging
import re
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter

HIDDEN = "[hidden]"
_COMMON: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
]
# A word that begins like a token of ours, a JWT, one of GitHub's; a parameter, header or address with a credential.
_SECRETS = re.compile(
    r"(?P<prefix>\bins[rcpfd]_)[A-Za-z0-9_=-]{6,}"
    r"|\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_.-]+"
    r"|\b(?:gh[a-z]_|github_pat_)[A-Za-z0-9_]{10,}"
    r"|(?P<parameter>\b(?:at|rt|code|state|flow|password|\w*(?:secret|token|verifier))=)[^&\s\"'\\]+"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s)[A-Za-z0-9+/=_.~-]{8,}"
    r"|(?P<address>://[^\s:/@]*:)[^\s@/]+(?=@)",
    re.IGNORECASE,
)
# All but the tab and the line feed; what some programs take for the end of a line among them.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# Nearly every line has none of these, and is not searched any further.
_HINTS = ("insr_", "insc_", "insp_", "insf_", "insd_", "eyj", "gh", "=", "bearer", "basic", "://")


def mask_secrets(text: str) -> str:
    """`text` with every credential in it replaced; what kind it was stays readable."""
    lowered = text.lower()
    if not any(hint in lowered for hint in _HINTS):
        return text
    return _SECRETS.sub(lambda match: f"{match[match.lastgroup] if match.lastgroup else ''}{HIDDEN}", text)


def quote_controls(text: str) -> str:
    """`text` as one entry, whoever's words are in it: no escape for a terminal, and no further line begins like one."""
    visible = _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return visible.replace("\n", "\n    ")


class MaskingFormatter(ProcessorFormatter):
    """The last step before a line leaves the process, whoever wrote it: tracebacks pass here, too."""

    def format(self, record: logging.LogRecord) -> str:
        return quote_controls(mask_secrets(super().format(record)))


def make_formatter(*, as_json: bool) -> MaskingFormatter:
    """What `LOGGING` calls; lines of Django and other libraries get the same members as ours."""
    structlog.configure(
        processors=[*_COMMON, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    return MaskingFormatter(
        processors=[ProcessorFormatter.remove_processors_meta, *(_json() if as_json else _columns())],
        foreign_pre_chain=_COMMON,
    )


def note_refresh(*, session_id: object = None, user_id: object = None, **_: Any) -> None:
    """Join a refresh to its session in the request's line; a listener of `tokens.signals.refresh_answered`."""
    known = {"session_id": session_id, "user_id": user_id}
    structlog.contextvars.bind_contextvars(**{name: str(value) for name, value in known.items() if value})


def _json() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]


def _columns() -> list[structlog.typing.Processor]:
    return [
        structlog.dev.ConsoleRenderer(
            colors=False, timestamp_key="at", pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    ]
