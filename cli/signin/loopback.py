import queue
import secrets
import time

from .. import oauth
from ..errors import Cancelled, CliError, UsageError
from ..terminal import can_ask, paint, say
from .browser import open_page
from .callback import Callback, Expectation
from .listener import CALLBACK, Listener, bind
from .method import make_device_label
from .pasted_input import read_lines_aside
from .result_pages import make_failure_page, make_success_page

DEFAULT_PORT = 9876
SECONDS_TO_SIGN_IN = 300.0
WITHOUT_INPUT = "Sign in on any device (insighta login --device), or in a script set INSIGHTA_TOKEN."
NOT_AN_ANSWER = "That is not the answer to this sign-in. Paste the whole address that the browser shows at the end."


class BrowserSignIn:
    """One sign-in. `listens` is False in paste mode, where the browser is on another machine."""

    def __init__(self, api: str, *, port: int, listens: bool, prompt: str = "") -> None:
        self._api = api
        self._prompt = prompt
        self._verifier = oauth.make_verifier()
        self._answers: queue.Queue[Callback | None] = queue.Queue()
        self._expectation = Expectation(secrets.token_urlsafe(24), oauth.read_issuer(api))
        self._listener = self._listen(port) if listens else None
        if self._listener is None:
            self._port = port or DEFAULT_PORT

    @property
    def redirect_uri(self) -> str:
        """Where the browser is sent; in paste mode nothing listens there."""
        return f"http://127.0.0.1:{self._port}{CALLBACK}"

    @property
    def url(self) -> str:
        """Where the person starts."""
        return oauth.make_authorize_url(
            self._api,
            redirect_uri=self.redirect_uri,
            state=self._expectation.state,
            challenge=self._verifier.challenge,
            device_label=make_device_label(),
            prompt=self._prompt,
        )

    def run(self, *, opens_browser: bool, seconds: float = SECONDS_TO_SIGN_IN) -> oauth.Grant:
        """Raises Cancelled when the person says no, and CliError when nobody comes in time or the code is refused."""
        try:
            self._invite(opens_browser)
            answer = self._wait(seconds)
            return self._redeem(answer)
        except BaseException:
            self.close("")
            raise

    def close(self, login: str | None) -> None:
        """Show the browser the end: a login name, None for an unknown one, empty for a failure."""
        if self._listener:
            result = make_failure_page() if login == "" else make_success_page(login or "")
            self._listener.close(result)
            self._listener = None

    def _listen(self, port: int) -> Listener | None:
        try:
            server, self._port = bind(port)
        except OSError:
            return None
        if port and self._port != port:
            say(f"Port {port} is taken, so port {self._port} is used.")
        return Listener(server, self._expectation, self._answers.put)

    def _invite(self, opens_browser: bool) -> None:
        opening = "Your browser opens this address; if it does not, open it:"
        say(opening if opens_browser else "Sign in at this address:", "", f"  {paint(self.url, 'cyan')}", "")
        if self._listener is None:
            say("At the end the browser shows a page that cannot be opened. Paste its address here:")
            read_lines_aside(self._take_pasted, on_end=lambda: self._answers.put(None))
        elif can_ask():
            say("Waiting for the browser. If it ends on a page that cannot be opened, paste that page's address here.")
            read_lines_aside(self._take_pasted)
        else:
            say("Waiting for the browser.")
        if opens_browser and not open_page(self.url):
            say("No browser could be opened here: open the address above yourself.")

    def _take_pasted(self, line: str) -> None:
        answer = self._expectation.read_pasted(line)
        if answer:
            self._answers.put(answer)
        else:
            say(NOT_AN_ANSWER)

    def _wait(self, seconds: float) -> Callback:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                answer = self._answers.get(timeout=0.2)  # Short, because Windows cannot interrupt a longer wait.
            except queue.Empty:
                continue
            if answer is None:
                raise UsageError("Nothing more can be pasted here: standard input has ended.", WITHOUT_INPUT)
            return answer
        raise CliError(
            f"Nobody signed in within {seconds / 60:.0f} minutes.",
            "Run it again, or sign in on any device: insighta login --device",
        )

    def _redeem(self, answer: Callback) -> oauth.Grant:
        if answer.error == "access_denied":
            raise Cancelled(answer.description or "You did not allow this terminal to sign in.")
        if answer.error:
            raise CliError(f"The backend did not sign you in: {answer.description or answer.error}.", "Try again.")
        return oauth.redeem_code(
            self._api, code=answer.code, verifier=self._verifier.verifier, redirect_uri=self.redirect_uri
        )
