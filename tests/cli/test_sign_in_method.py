"""Which way of signing in is chosen where."""

import pytest

from cli.signin.method import choose_method

DESKTOP = {"DISPLAY": ":0"}
CASES = [
    ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, ["xdg-open"], [], "browser", "there is a browser here"),
    ("linux", DESKTOP, ["firefox"], [], "browser", "there is a browser here"),
    ("linux", DESKTOP, [], [], "device", "there is no browser here"),
    ("linux", {}, ["xdg-open"], [], "device", "there is no display"),
    ("linux", {}, [], ["/.dockerenv"], "device", "this is a container"),
    ("linux", {}, [], ["/run/.containerenv"], "device", "this is a container"),
    ("linux", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, [], [], "device", "this is a container"),
    ("linux", DESKTOP, ["xdg-open"], ["/run/.containerenv"], "browser", "there is a browser here"),
    ("linux", {"BROWSER": "/vscode/open.sh"}, [], ["/.dockerenv"], "browser", "BROWSER is set"),
    ("linux", DESKTOP | {"SSH_TTY": "/dev/pts/0"}, ["xdg-open"], [], "device", "this is an SSH session"),
    ("linux", {"WSL_DISTRO_NAME": "Debian"}, ["wslview"], [], "browser", "there is a browser here"),
    ("linux", {"WSL_DISTRO_NAME": "Debian"}, ["rundll32.exe"], [], "browser", "there is a browser here"),
    ("linux", {"WSL_DISTRO_NAME": "Debian"}, [], [], "device", "WSL has no browser here"),
    ("darwin", {}, ["open"], [], "browser", "there is a browser here"),
    ("darwin", {"SSH_CONNECTION": "1 2 3 4"}, ["open"], [], "device", "this is an SSH session"),
    ("win32", {}, [], [], "browser", "there is a browser here"),
    ("linux", {"CI": "true"} | DESKTOP, ["xdg-open"], [], "token", "this is a CI job"),
]


@pytest.mark.parametrize(("system", "variables", "programs", "files", "name", "reason"), CASES)
def test_the_way_is_chosen_without_being_asked(
    system: str, variables: dict[str, str], programs: list[str], files: list[str], name: str, reason: str
) -> None:
    method = choose_method(
        variables,
        system=system,
        is_interactive=False,
        exists=files.__contains__,
        which=lambda program: program if program in programs else None,
    )
    assert method == (name, reason)


def test_a_person_at_a_terminal_with_ci_set_is_no_ci_job() -> None:
    method = choose_method({"CI": "1"} | DESKTOP, system="linux", is_interactive=True, which=lambda name: name)
    assert method.name == "browser"
