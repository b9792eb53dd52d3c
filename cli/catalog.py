"""Every command's name, its module and its line in the overview. Modules are imported when their command runs."""


class Entry:
    """One command; a name of two words belongs to the group of its first."""

    def __init__(self, name: str, module: str, summary: str) -> None:
        self.name = name
        self.module = module
        self.summary = summary


GROUPS = (
    (
        "Sign in",
        (
            Entry("login", "login", "sign this terminal in"),
            Entry("logout", "logout", "sign this terminal out"),
            Entry("status", "status", "who is signed in, where and how it is stored"),
            Entry("whoami", "whoami", "print your login name"),
            Entry("token", "token", "print an access token for scripts"),
        ),
    ),
    (
        "Book",
        (
            Entry("slots list", "slots_list", "open slots you can book"),
            Entry("book", "book", "book a seat in a slot"),
            Entry("bookings list", "bookings_list", "your bookings"),
            Entry("bookings show", "bookings_show", "one booking in full"),
            Entry("cancel", "cancel", "cancel a booking, after showing the refund"),
            Entry("reschedule", "reschedule", "move a booking to another slot"),
            Entry("credits", "credits", "your credits and where they went"),
            Entry("calendar", "calendar", "your week"),
        ),
    ),
    (
        "Your account",
        (
            Entry("sessions list", "sessions_list", "where you are signed in"),
            Entry("sessions revoke", "sessions_revoke", "end a sign-in elsewhere"),
            Entry("tokens list", "tokens_list", "your personal access tokens"),
            Entry("tokens create", "tokens_create", "make a token for a script or a CI job"),
            Entry("tokens revoke", "tokens_revoke", "make a token useless"),
        ),
    ),
    (
        "Help",
        (
            Entry("doctor", "doctor", "check address, clock, port, browser, files"),
            Entry("completion", "completion", "completion for bash, zsh and fish"),
        ),
    ),
)

HIDDEN = (Entry("__complete", "complete", ""),)

COMMANDS = {entry.name: entry for _, entries in GROUPS for entry in entries} | {entry.name: entry for entry in HIDDEN}


def list_names() -> list[str]:
    """The public commands in the overview's order."""
    return [entry.name for _, entries in GROUPS for entry in entries]


def list_members(group: str) -> list[Entry]:
    """The commands of a group such as `sessions`; empty when there is no such group."""
    return [entry for name, entry in COMMANDS.items() if name.startswith(f"{group} ")]
