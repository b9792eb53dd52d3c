# The standard library's webbrowser can block, and lets browsers write to the terminal.
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

LINUX_OPENERS = ("xdg-open", "gio open", "x-www-browser", "firefox", "chromium", "google-chrome")
WSL_OPENERS = ("wslview", "rundll32.exe url.dll,FileProtocolHandler")
SECONDS_TO_FAIL = 1.0


def find_command(
    environment: Mapping[str, str], *, platform: str, which: Callable[[str], str | None] | None = None
) -> list[str] | None:
    """The command, to be followed by the address, or None where no browser can be opened. Empty: Windows' own call."""
    which = which or shutil.which
    if environment.get("BROWSER"):
        return _split(environment["BROWSER"].split(os.pathsep)[0])
    if platform == "win32":
        return []
    if platform == "darwin":
        return ["open"]
    has_display = environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")
    openers = (WSL_OPENERS if environment.get("WSL_DISTRO_NAME") else ()) + (LINUX_OPENERS if has_display else ())
    return next((opener.split() for opener in openers if which(opener.split()[0])), None)


def open_page(url: str) -> bool:
    """Whether a browser was started; it is not waited for."""
    command = find_command(os.environ, platform=sys.platform)
    if command is None:
        return False
    try:
        return _open_with(command, url)
    except OSError:
        return False


def _open_with(command: list[str], url: str) -> bool:
    if sys.platform == "win32" and not command:
        os.startfile(url)  # noqa: S606 the counterpart of xdg-open
        return True
    words = [word.replace("%s", url) for word in command]
    process = subprocess.Popen(  # noqa: S603 the person's own browser; the address is one argument, no shell
        words if words != command else [*command, url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=os.name == "posix",
    )
    deadline = time.monotonic() + SECONDS_TO_FAIL
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return process.returncode in {None, 0}


def _split(command: str) -> list[str]:
    try:
        words = shlex.split(command.removesuffix("&"), posix=os.name == "posix")
    except ValueError:  # An open quotation mark
        words = [command]
    return words or ["xdg-open"]
