"""The checks of `insighta doctor`: each says what is fine, what is not and what to do."""

import os
import platform
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from . import __version__
from .credentials import CredentialStore
from .errors import CliError, UsageError
from .settings import Settings, is_loopback, may_be_sent_to, suggest_address
from .signin.browser import find_command
from .signin.loopback import DEFAULT_PORT
from .times import read_now
from .transport import Answer, find_proxy, name_proxy, send

HARMLESS_SKEW_SECONDS = 60
SLOW_SECONDS = 2.0
TIMEOUT_SECONDS = 10.0
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Finding(NamedTuple):
    """One check's result: `level` is `ok`, `warning` or `failed`; `fix` says what to do unless all is well."""

    name: str
    level: str
    text: str
    fix: str = ""


def diagnose(settings: Settings) -> Iterator[Finding]:
    """Every check in the order in which a sign-in meets what it checks."""
    yield Finding("program", "ok", f"insighta {__version__}, Python {platform.python_version()}, {platform.platform()}")
    yield _check_address(settings)
    yield _check_proxy(settings)
    yield from _check_backend(settings)
    yield _check_port()
    yield _check_browser(settings)
    yield from _check_files(settings)
    yield _check_sign_in(settings)


def _check_address(settings: Settings) -> Finding:
    source = settings.api_source
    if settings.api.startswith("http:") and not is_loopback(settings.api):
        level = "warning" if may_be_sent_to(settings.api) else "failed"
        fix = "Use the https address: export INSIGHTA_API=https://…"
        return Finding("address", level, f"{settings.api} is not encrypted ({source})", fix)
    return Finding("address", "ok", f"{settings.api} ({source})")


def _check_proxy(settings: Settings) -> Finding:
    given = ", ".join(name for name in PROXY_VARIABLES if os.environ.get(name) or os.environ.get(name.upper()))
    try:
        proxy = find_proxy(settings.api)
    except UsageError as error:
        return Finding("proxy", "failed", error.sentence, error.advice)
    if not proxy:
        return Finding("proxy", "ok", f"none is used for this address{f' ({given} set)' if given else ''}")
    return Finding("proxy", "ok", f"requests go through {name_proxy(proxy)} ({given or 'system settings'})")


def _check_backend(settings: Settings) -> Iterator[Finding]:
    started = time.monotonic()
    try:
        answer = send("GET", settings.api, "/.well-known/oauth-authorization-server", timeout=TIMEOUT_SECONDS)
    except CliError as error:
        yield Finding("backend", "failed", error.sentence, error.advice)
        return
    yield _judge_answer(settings, answer, time.monotonic() - started)
    yield _check_tls(settings)
    yield _check_clock(answer)


def _judge_answer(settings: Settings, answer: Answer, seconds: float) -> Finding:
    try:
        issuer = answer.read_object().get("issuer")
    except CliError as error:
        return Finding("backend", "failed", error.sentence, error.advice)
    if issuer != settings.api:
        return Finding("backend", "failed", f"it calls itself {issuer}", suggest_address(issuer))
    if seconds > SLOW_SECONDS:
        return Finding("backend", "warning", f"answered after {seconds:.1f} s", "The network or the backend is slow.")
    return Finding("backend", "ok", f"answered after {seconds * 1000:.0f} ms")


def _check_tls(settings: Settings) -> Finding:
    if settings.api.startswith("https:"):
        return Finding("tls", "ok", "the certificate is valid for this address")
    where = "not needed, because the address is on this machine" if is_loopback(settings.api) else "none"
    return Finding("tls", "ok" if is_loopback(settings.api) else "warning", where, "Use an https address.")


def _check_clock(answer: Answer) -> Finding:
    try:
        theirs: datetime = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return Finding("clock", "ok", "the backend does not tell its time")
    skew = round((read_now() - theirs).total_seconds())
    if abs(skew) <= HARMLESS_SKEW_SECONDS:
        return Finding("clock", "ok", f"within {max(1, abs(skew))} s of the backend's")
    text = f"{abs(skew)} s {'ahead of' if skew > 0 else 'behind'} the backend's"
    return Finding("clock", "warning", text, "Signing in works all the same; times shown may be wrong. Turn on NTP.")


def _check_port() -> Finding:
    with socket.socket() as listener:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError as error:
            fix = "Nothing to do: login uses another free port."
            return Finding("port", "warning", f"{DEFAULT_PORT} is taken ({error.strerror})", fix)
    return Finding("port", "ok", f"{DEFAULT_PORT} is free for the browser to come back to")


def _check_browser(settings: Settings) -> Finding:
    command = find_command(os.environ, platform=sys.platform)
    if not settings.opens_browser:
        return Finding("browser", "ok", "none is opened, because INSIGHTA_NO_BROWSER is set")
    if command is None:
        return Finding("browser", "ok", "none here, so login shows a code for any other device")
    if command and not shutil.which(command[0]):
        return Finding("browser", "warning", f"{command[0]} cannot be found", "Correct BROWSER, or unset it.")
    return Finding("browser", "ok", f"opened with {command[0] if command else 'the system'}")


def _check_files(settings: Settings) -> Iterator[Finding]:
    store = CredentialStore(settings.home)
    if not os.path.exists(settings.home):
        yield Finding("folder", "ok", f"{settings.home} is made by the first login")
        return
    yield _check_folder(settings)
    yield _attempt("file", str(store.path), lambda: bool(store.list_addresses()))
    yield _attempt("writing", "sign-ins can be stored and locked", lambda: _try_writing(store))


def _check_folder(settings: Settings) -> Finding:
    mode = stat.S_IMODE(os.stat(settings.home).st_mode)
    if os.name != "posix":
        return Finding("folder", "ok", f"{settings.home}, protected by your profile's access list")
    if mode & 0o077:
        text, fix = f"{settings.home} is open to others (mode {mode:04o})", f"chmod 700 '{settings.home}'"
        return Finding("folder", "failed" if mode & 0o022 else "warning", text, fix)
    return Finding("folder", "ok", f"{settings.home} (mode {mode:04o})")


def _try_writing(store: CredentialStore) -> None:
    with store.locked():
        store.prove_writable()


def _attempt(name: str, text: str, action: Callable[[], object]) -> Finding:
    try:
        action()
    except CliError as error:
        return Finding(name, "failed", error.sentence, error.advice)
    return Finding(name, "ok", text)


def _check_sign_in(settings: Settings) -> Finding:
    if settings.token:
        return Finding("sign-in", "ok", "INSIGHTA_TOKEN is set and wins over what is stored")
    try:
        account = CredentialStore(settings.home).find_account(settings.api, settings.account)
    except CliError as error:
        return Finding("sign-in", "failed", error.sentence, error.advice)
    if account is None:
        return Finding("sign-in", "warning", "nobody is signed in at this address", "insighta login")
    return Finding("sign-in", "ok", f"{account.login or 'somebody'} is signed in; ask the backend: insighta status")
