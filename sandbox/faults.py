import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from sandbox.http_messages import NoResponse, Response, json_response, page
from sandbox.pages import message_page

ENDPOINTS = ("access_token", "user", "emails", "authorize")
MODES = ("slow", "refuse", "nonsense", "error", "deny")


@dataclass
class Fault:
    """An injected fault of one endpoint.

    `slow` waits `seconds` and then answers correctly, `refuse` closes the connection without a response, `nonsense`
    answers 200 with `body` or a page instead of data, `error` answers `status`, `deny` answers with GitHub's own
    refusal: that of the error `code` where one is named. `times` None means until it is cleared; `login` None means for
    everybody.
    """

    endpoint: str
    mode: str
    seconds: float = 0.0
    times: int | None = None
    login: str | None = None
    status: int = 503
    code: str | None = None
    body: object = None

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"endpoint must be one of {', '.join(ENDPOINTS)}.")
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}.")
        if not isinstance(self.seconds, int | float) or not isinstance(self.times, int | None):
            raise ValueError("seconds and times must be numbers.")
        if not isinstance(self.status, int) or not 400 <= self.status <= 599 or not isinstance(self.code, str | None):
            raise ValueError("status must be a number from 400 to 599, code a text.")
        self.login = self.login.lower() if self.login else None


class Faults:
    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._mutex:
            self._faults.append(fault)

    def clear(self, login: str | None) -> None:
        """Clear the faults of one login, or all."""
        with self._mutex:
            self._faults = [fault for fault in self._faults if login and fault.login != login.lower()]

    def as_list(self) -> list[dict[str, object]]:
        with self._mutex:
            return [asdict(fault) for fault in self._faults]

    def inject(self, endpoint: str, login: str | None, *, denied: Callable[[str | None], Response]) -> Response | None:
        """The faulty response to this request, or None for the correct one. Raises NoResponse for `refuse`.

        `denied` makes GitHub's refusal, of an error code or of None, which stands for the endpoint's usual one.
        """
        fault = self._take(endpoint, login)
        if fault is None:
            return None
        if fault.mode == "slow":
            time.sleep(fault.seconds)
            return None
        if fault.mode == "refuse":
            raise NoResponse
        if fault.mode == "nonsense":
            unicorn = page(message_page("Unicorn!", "This is not the data that was asked for."))
            return unicorn if fault.body is None else json_response(fault.body)
        if fault.mode == "error":
            return json_response({"message": "Service unavailable"}, fault.status)
        return denied(fault.code)

    def _take(self, endpoint: str, login: str | None) -> Fault | None:
        """The first fault that applies, counted down. A request without a login meets only faults for everybody."""
        with self._mutex:
            for fault in self._faults:
                if fault.endpoint == endpoint and fault.login in {None, login and login.lower()} and fault.times != 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None
