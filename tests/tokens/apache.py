"""Debian's Apache with mod_auth_openidc, configured with what `register_client` prints."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from tests.deploy.cluster import program
from tests.people import Browser
from tests.processes import Live, Process, accepts, free_port
from tests.tokens.applications import printed_settings

PACKAGES = "apache2-bin libapache2-mod-auth-openidc"
MODULES = Path("/usr/lib/apache2/modules")
WANTED = "mpm_event authn_core authz_core authz_user dir headers rewrite auth_openidc".split()
PASSPHRASE = "/etc/apache2/oidc-passphrase"
# The lines above what is pasted are a server of its own; those below let a test look into the module's session.
SERVER = """
ServerName 127.0.0.2
Listen 127.0.0.2:{port}
PidFile {directory}/apache.pid
DefaultRuntimeDir {directory}
ErrorLog /dev/stderr
DocumentRoot {directory}/pages
{modules}
{account}
{pasted}
OIDCHTTPTimeoutShort 120
OIDCHTTPTimeoutLong 120
Header always set X-Remote-User expr=%{{REMOTE_USER}}
OIDCInfoHook access_token refresh_token id_token userinfo session
"""


@dataclass
class Apache:
    """A running Apache at `address`, whose `/wiki/` is for people who are signed in."""

    address: str
    redirect_uri: str
    client_id: str
    process: Process

    def open(self, browser: Browser, path: str = "/wiki/") -> httpx.Response:
        """The page, or the first page of ours that asks."""
        return browser.follow(browser.get(f"{self.address}{path}"), until="nowhere")

    def sign_in(self, browser: Browser) -> httpx.Response:
        """Through GitHub and the consent page to the page that was asked for."""
        asked = self.open(browser)
        return browser.follow(browser.submit(asked, decision="approve"), until="nowhere")

    def look_inside(self, browser: Browser, *, seconds: int | None = None) -> httpx.Response:
        """What the module keeps of the sign-in; tokens older than `seconds` are refreshed first."""
        query = {"info": "json"} | ({} if seconds is None else {"access_token_refresh_interval": str(seconds)})
        return browser.http.get(self.redirect_uri, params=query)


@contextmanager
def serve_apache(live: Live, *options: str) -> Iterator[Apache]:
    """An application that is registered with these options, behind an Apache of its own on 127.0.0.2."""
    path, port = program("apache2", PACKAGES), free_port()
    if not (MODULES / "mod_auth_openidc.so").exists():
        raise RuntimeError(f"This test needs mod_auth_openidc. On Debian: apt-get install {PACKAGES}")
    address = f"http://127.0.0.2:{port}"
    redirect_uri = f"{address}/wiki/oidc"
    text = live.manage(
        "register_client", "--name", "Wiki behind Apache", "--redirect-uri", redirect_uri,
        "--post-logout-redirect-uri", f"{address}/bye.html",
        "--backchannel-logout-uri", f"{redirect_uri}?logout=backchannel", *options,
    )  # fmt: skip
    directory = Path(tempfile.mkdtemp(prefix="insighta-apache-"))
    try:
        configuration = _write(directory, port, printed_settings(text, "Apache"))
        command = [path, "-d", str(directory), "-f", str(configuration), "-D", "FOREGROUND"]
        process = Process(command, {"PATH": os.environ["PATH"]}, is_ready=partial(accepts, port, "127.0.0.2"))
        try:
            client_id = re.search(r"OIDCClientID (\S+)", text)
            assert client_id is not None
            yield Apache(address, redirect_uri, client_id[1], process.start())
        finally:
            # Asked, it removes its shared memory.
            process.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _write(directory: Path, port: int, pasted: str) -> Path:
    directory.chmod(0o755)
    pages = directory / "pages"
    (pages / "wiki").mkdir(parents=True)
    (pages / "wiki" / "index.html").write_text("the wiki")
    (pages / "bye.html").write_text("bye")
    passphrase = directory / "passphrase"
    passphrase.write_text("a passphrase of this test")
    assert PASSPHRASE in pasted
    # Only a server that root starts changes its account.
    account = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    modules = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in WANTED)
    values = {"port": port, "directory": directory, "modules": modules, "account": account}
    configuration = directory / "httpd.conf"
    configuration.write_text(SERVER.format(pasted=pasted.replace(PASSPHRASE, str(passphrase)), **values))
    return configuration
