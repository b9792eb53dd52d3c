GROUPS = {
    "Sign in": {
        "login": "sign this terminal in",
        "logout": "sign this terminal out",
        "switch": "act as another person who is signed in here",
        "status": "who is signed in, where and how it is stored",
        "whoami": "print your login name",
        "token": "print an access token for scripts",
    },
    "Book": {
        "slots list": "open slots you can book",
        "book": "book a seat in a slot",
        "bookings list": "your bookings",
        "bookings show": "one booking in full",
        "cancel": "cancel a booking, after showing the refund",
        "reschedule": "move a booking to another slot",
        "waitlist list": "what you wait for, and your place",
        "waitlist join": "wait for a seat in a full slot",
        "waitlist leave": "stop waiting for it",
        "credits": "your credits and where they went",
        "calendar": "your week",
    },
    "Host": {
        "hosting list": "the sessions you host",
        "hosting new": "open a new one",
        "hosting change": "change one, after showing whom it concerns",
        "hosting cancel": "cancel one; everybody gets their credits back",
        "hosting reopen": "open a cancelled one again",
        "hosting roster": "who has booked one",
        "hosting book": "book somebody in",
        "hosting remove": "take somebody out; they get their credits back",
        "hosting no-show": "note that somebody did not come, or undo that",
        "hosting give-back": "give back credits of a booking",
        "hours list": "your weekly hours and days off",
        "hours set": "the weekly hours of an offering, after a look",
        "hours day-off": "take a day off, after showing what it closes",
        "offerings list": "what you offer",
        "offerings create": "offer something",
        "offerings change": "change it, and the sessions ahead",
        "offerings archive": "make nothing new of it",
    },
    "Your account": {
        "sessions list": "the devices where you are signed in",
        "sessions revoke": "sign a device out",
        "tokens list": "your personal access tokens",
        "tokens create": "make a token for a script or a CI job",
        "tokens revoke": "make a token useless",
        "applications list": "applications you have signed in to",
        "applications withdraw": "end your sign-ins there; it asks again",
        "publishers list": "CI jobs that may act as you without a secret",
        "publishers add": "let a CI job act as you",
        "publishers remove": "stop a CI job from acting as you",
    },
    "Everything else": {
        "api": "call the API and print the answer",
        "open": "open a page of the portal",
    },
    "Help": {
        "doctor": "check address, clock, port, browser, files",
        "completion": "completion for bash, zsh and fish",
    },
}
# Every public command in the order of the help, with its line there. Two words are a group and its verb.
COMMANDS = {name: summary for commands in GROUPS.values() for name, summary in commands.items()}
HIDDEN = ("__complete",)


def name_module(command: str) -> str:
    """The module in `commands/`; it is imported when its command runs."""
    return command.strip("_").replace(" ", "_").replace("-", "_")


def find_command(words: list[str]) -> str | None:
    """The command that the line begins with."""
    names = (" ".join(words[:length]) for length in (2, 1) if len(words) >= length)
    return next((name for name in names if name in COMMANDS or name in HIDDEN), None)


def list_members(group: str) -> list[str]:
    """The commands of a group such as `sessions`; empty when there is no such group."""
    return [name for name in COMMANDS if name.startswith(f"{group} ")]
