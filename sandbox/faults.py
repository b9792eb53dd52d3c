import threading
from dataclasses import asdict, dataclass

ENDPOINTS = ("access_token", "user", "emails", "authorize")
MODES = ("slow", "refuse", "nonsense", "error", "deny")


@dataclass
class Fault:
    """A planned misbehaviour of one endpoint.

    `slow` waits `seconds` and then answers as always, `refuse` closes the connection without an answer, `nonsense`
    answers 200 with a page where data was asked for, `error` answers 503, `deny` says no the way GitHub does.
    `times` None means until it is cleared; `login` None means everybody.
    """

    endpoint: str
    mode: str
    seconds: float = 0.0
    times: int | None = None
    login: str | None = None

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"endpoint must be one of {', '.join(ENDPOINTS)}.")
        if self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}.")
        if not isinstance(self.seconds, int | float) or not isinstance(self.times, int | None):
            raise ValueError("seconds and times must be numbers.")
        self.login = self.login.lower() if self.login else None


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self, login: str | None) -> None:
        """Forget the faults of one login, or all of them."""
        with self._lock:
            self._faults = [fault for fault in self._faults if login and fault.login != login.lower()]

    def take(self, endpoint: str, login: str | None) -> Fault | None:
        """The fault that this request meets, counted down, or None. Without a login only general ones are met."""
        with self._lock:
            for fault in self._faults:
                if fault.endpoint == endpoint and fault.login in {None, login and login.lower()} and fault.times != 0:
                    fault.times = None if fault.times is None else fault.times - 1
                    return fault
        return None

    def as_list(self) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]
