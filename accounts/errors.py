class AccountsError(Exception):
    """A refusal with a stable `code`; `str()` is a sentence for the person that says what to do next."""

    code = "accounts_error"
    sentence = "This did not work."

    def __init__(self, sentence: str = "") -> None:
        super().__init__(sentence or self.sentence)


class AccountPending(AccountsError):
    code = "account_pending"
    sentence = "This account waits for approval. You can sign in as soon as a member of the staff has approved it."


class AccountSuspended(AccountsError):
    code = "account_suspended"
    sentence = "This account is suspended. Write to the people who run this service if you think that is a mistake."


class AccountInactive(AccountsError):
    code = "account_inactive"
    sentence = "This account was deactivated. Sign in again to use it again."


class SignInFlowNotFound(AccountsError):
    code = "sign_in_expired"
    sentence = "This sign-in was started in another browser, was already used, or took too long. Start it again."


class PersonNotFound(AccountsError):
    code = "not_found"
    sentence = "There is no such person."


class LoginAmbiguous(AccountsError):
    """GitHub recycles names, so several people may have been called `login`; the sentence lists their ids."""

    code = "login_ambiguous"


class AlreadyErased(AccountsError):
    code = "already_erased"
    sentence = "This person has been erased already. Nothing is left to do."
