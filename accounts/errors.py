from typing import ClassVar


class AccountsError(Exception):
    """A refusal. `str()` is a sentence for the person that says what to do next.

    Each subclass has a stable `code` and a `kind`; the API's status follows from the kind (config/http/problems.py).
    `in_api` is False where only pages, OAuth endpoints and commands answer with it. Where `sends_to_support` is True,
    the API adds where to write.
    """

    code: ClassVar[str]
    kind: ClassVar[str]
    in_api: ClassVar[bool] = True
    sends_to_support: ClassVar[bool] = False
    sentence: ClassVar[str] = "This did not work."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class AccountPending(AccountsError):
    code = "account_pending"
    kind = "forbidden"
    sentence = "This account waits for approval. You can sign in as soon as a member of the staff has approved it."


class AccountSuspended(AccountsError):
    code = "account_suspended"
    kind = "forbidden"
    sends_to_support = True
    sentence = "This account is suspended. The people who run this service can lift that."


class AccountInactive(AccountsError):
    code = "account_inactive"
    kind = "forbidden"
    sentence = "This account was deactivated. Sign in again to use it again."


class SignInFlowNotFound(AccountsError):
    code = "sign_in_expired"
    kind = "invalid"
    in_api = False
    sentence = "This sign-in was started in another browser, was already used, or took too long. Start it again."


class SignInFlowOver(SignInFlowNotFound):
    """The flow is this browser's own and can no longer be used; `restart_path` begins the same sign-in again."""

    sentence = "This sign-in took too long. Nothing has been changed. Try again."

    def __init__(self, sentence: str = "", *, restart_path: str = "") -> None:
        super().__init__(sentence)
        self.restart_path = restart_path


class SignInDecided(SignInFlowOver):
    """The person has answered this sign-in before, some time ago or otherwise."""

    code = "sign_in_decided"
    sentence = (
        "You have answered this sign-in already, and that answer stands. Where it was approved, the device is signed "
        "in: you can close this page. To sign in once more, begin again."
    )


class GitHubUnavailable(AccountsError):
    code = "github_unavailable"
    kind = "unavailable"
    in_api = False
    sentence = "GitHub did not answer as it should. Nothing has been changed. Try again in a moment."


class GitHubRefusesService(AccountsError):
    """GitHub's code says that the app's registration or this service's settings are wrong, or that it is suspended."""

    code = "github_misconfigured"
    kind = "unavailable"
    in_api = False
    sentence = (
        "GitHub refuses sign-ins of this service because of how it is set up there. Trying again does not help until "
        "the people who run this service have mended it: tell them, with the error code. Nothing has been changed."
    )


class GitHubAddressUnverified(AccountsError):
    code = "github_address_unverified"
    kind = "forbidden"
    in_api = False
    sentence = (
        "GitHub lets nobody sign in here whose primary address there is not verified. Verify yours in GitHub's "
        "settings, under Emails. Then try again."
    )


class PersonNotFound(AccountsError):
    code = "not_found"
    kind = "missing"
    sentence = "There is no such person."


class LoginAmbiguous(AccountsError):
    """GitHub recycles names, so several people may have been called `login`; the sentence lists their ids."""

    code = "login_ambiguous"
    kind = "conflict"
    in_api = False


class NotOfTheStaff(AccountsError):
    code = "not_staff"
    kind = "conflict"
    in_api = False
    sentence = "This person does not belong to the staff. Nothing was changed."


class LastAdministrator(AccountsError):
    code = "last_administrator"
    kind = "conflict"
    sentence = (
        "This person is the only administrator who can sign in. Make somebody else one first: grant_staff LOGIN. "
        "Nothing was changed."
    )


class AlreadyErased(AccountsError):
    code = "already_erased"
    kind = "conflict"
    in_api = False
    sentence = "This person has been erased already. Nothing is left to do."
