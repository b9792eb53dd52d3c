"""What can go wrong, each with its exit code: 1 failed, 2 wrong usage or cancelled by the person, 4 sign-in needed."""

FAILED = 1
USAGE = 2
SIGN_IN_NEEDED = 4


class CliError(Exception):
    """A sentence for the person and, in `advice`, what to do next. Neither ever holds a secret."""

    exit_code = FAILED

    def __init__(self, sentence: str, advice: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice


class UsageError(CliError):
    """The command line or an environment variable cannot be understood."""

    exit_code = USAGE


class Cancelled(CliError):
    """The person said no, here or in the browser."""

    exit_code = USAGE


class SignInNeeded(CliError):
    """No sign-in is stored, or the backend has ended it."""

    exit_code = SIGN_IN_NEEDED


class BackendUnreachable(CliError):
    """No answer, or not in time. The request may or may not have arrived."""


class UnexpectedAnswer(CliError):
    """Something answered, but not as an Insighta backend answers."""


class StoreError(CliError):
    """The credentials cannot be read or written; what is stored is untouched."""


class StoreDamaged(SignInNeeded):
    """The credentials file held something else than credentials; it has been kept aside."""


class Problem(CliError):
    """A refusal by the API (RFC 9457). `code` is stable."""

    def __init__(
        self,
        document: dict[str, object],
        *,
        code: str,
        sentence: str,
        advice: str,
        retry_after: float | None,
        lacks_scope: bool,
    ) -> None:
        super().__init__(sentence, advice)
        self.document = document
        self.code = code
        self.retry_after = retry_after
        self.lacks_scope = lacks_scope


class GrantRefused(CliError):
    """A refusal by an OAuth endpoint (RFC 6749 section 5.2). `error` is its code."""

    def __init__(self, error: str, description: str, *, retry_after: float | None = None) -> None:
        super().__init__(description or error)
        self.error = error
        self.retry_after = retry_after
