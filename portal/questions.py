from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """What is asked before something that cannot be taken back: what it means, and the words of the two ways on.

    `{name}` in title, text and `back` is what it happens to. `back` is the page that it is asked from, and `part` the
    part of the portal whose pages stand beside it.
    """

    title: str
    text: str
    do: str
    keep: str
    back: str
    part: str = ""


# By the name of the route whose page asks it.
QUESTIONS = {
    "rotate_feed": Question(
        "Make a new calendar address?",
        "The old address stops working at once. Calendar programs that use it show nothing new until you give them "
        "the new one.",
        "Make a new address",
        "Keep the address",
        "Your bookings",
    ),
    "leave_waitlist": Question(
        "Leave the waitlist of {name}?",
        "You lose your place. If you join again, you are last in the queue.",
        "Leave the waitlist",
        "Keep my place",
        "{name}",
    ),
    "revoke_other_sessions": Question(
        "Sign out everything else?",
        "Everything but this browser is signed out at once. {name} Access tokens and trusted publishers stay.",
        "Sign out all others",
        "Keep them signed in",
        "Access",
        "account",
    ),
    "withdraw_application": Question(
        "Disconnect {name}?",
        "It is signed out at once, and asks you again before it can sign you in.",
        "Disconnect",
        "Keep it connected",
        "Access",
        "account",
    ),
    "remove_publisher": Question(
        "Stop trusting {name}?",
        "Its jobs are refused from then on.",
        "Stop trusting it",
        "Keep trusting it",
        "Access",
        "account",
    ),
    "archive_offering": Question(
        "Archive {name}?",
        "Nothing new is made from it, and it cannot be offered again. Sessions that were made from it stay.",
        "Archive it",
        "Keep offering it",
        "{name}",
        "hosting",
    ),
}
