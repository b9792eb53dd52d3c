"""Where the sign-in is kept: who can read it, and what happens where it cannot be read or written."""

import ctypes
import json
import os
import re
import resource
import stat
from pathlib import Path

import pytest

from cli.atomic_files import replace_file
from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Pointed

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE = 1


def obey_modes() -> None:
    """Run by the child before the command starts: root obeys file modes as everybody else does."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def allow_files_of(size: int) -> None:
    """Run by the child before the command starts: the disk is full after `size` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_only_the_owner_can_read_what_login_stores(machine: Pointed) -> None:
    machine.backend.personal_tokens["insp_good"] = "ada"
    assert machine.run("login", "--with-token", typed="insp_good\n").code == 0
    assert stat.S_IMODE(machine.credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(machine.folder.stat().st_mode) == 0o700


def test_login_closes_a_folder_of_its_own_and_no_other(machine: Pointed) -> None:
    machine.backend.personal_tokens["insp_good"] = "ada"
    machine.folder.mkdir(mode=0o755)
    machine.run("login", "--with-token", typed="insp_good\n")
    assert stat.S_IMODE(machine.folder.stat().st_mode) == 0o700
    shared = machine.home / "shared"
    shared.mkdir(mode=0o755)
    shared.joinpath("photos").mkdir()
    machine.run("login", "--with-token", typed="insp_good\n", INSIGHTA_HOME=str(shared))
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o622])
def test_a_file_that_others_can_read_is_refused_with_the_fix(stale: Pointed, mode: int) -> None:
    stale.credentials.chmod(mode)
    done = stale.run("token")
    assert (done.code, done.out) == (1, "")
    assert f"(mode {mode:04o})" in done.err
    assert f"chmod 600 '{stale.credentials}'" in done.err
    stale.credentials.chmod(0o600)
    assert stale.run("token").code == 0


def test_a_folder_in_which_others_can_write_is_refused_with_the_fix(stale: Pointed) -> None:
    stale.folder.chmod(0o777)
    done = stale.run("token")
    assert done.code == 1
    assert f"chmod 700 '{stale.folder}'" in done.err


def test_a_read_only_home_sends_nothing_and_loses_nothing(stale: Pointed) -> None:
    before = stale.credentials.read_text()
    stale.folder.joinpath("credentials.json.lock").touch(0o600)
    stale.folder.chmod(0o500)
    done = stale.run("token", before=obey_modes)
    assert done.code == 1
    assert "Cannot write" in done.err
    assert "You are still signed in" in done.err
    assert (stale.backend.requests, stale.credentials.read_text()) == ([], before)
    stale.folder.chmod(0o700)
    assert stale.run("token").code == 0


def test_a_read_only_home_serves_a_token_that_is_still_good(machine: Pointed) -> None:
    machine.sign_in(seconds_left=30)
    machine.folder.chmod(0o500)
    done = machine.run("token", before=obey_modes)
    assert (done.code, done.out.strip()) == (0, machine.account()["access_token"])


def test_login_in_a_read_only_home_fails_before_anybody_goes_to_a_browser(machine: Pointed) -> None:
    machine.home.chmod(0o500)
    done = machine.run("login", "--device", before=obey_modes)
    machine.home.chmod(0o700)
    assert done.code == 1
    assert "Set INSIGHTA_HOME to a folder you can write to." in done.err
    assert machine.backend.requests == []


def test_a_full_disk_sends_nothing_and_loses_nothing(stale: Pointed) -> None:
    before = stale.credentials.read_text()
    done = stale.run("token", before=lambda: allow_files_of(100))
    assert done.code == 1
    assert "File too large" in done.err
    assert "You are still signed in" in done.err
    assert (stale.backend.requests, stale.credentials.read_text()) == ([], before)
    assert sorted(path.name for path in stale.folder.iterdir()) == ["credentials.json", "credentials.json.lock"]
    assert stale.run("token").code == 0


def test_a_disk_that_fills_up_before_the_answer_is_stored(stale: Pointed) -> None:
    stale.backend.padding = "x" * 3000
    done = stale.run("token", before=lambda: allow_files_of(2000))
    assert done.code == 0
    assert stale.backend.find_session(done.out.strip()) is stale.session
    assert "You are still signed in" in done.err
    assert "insr_" not in done.err
    assert stale.account()["retry_key"] is not None
    assert stale.run("whoami").out == "ada\n"
    assert (stale.session.rotations, stale.session.revoked) == (1, False)


def test_login_on_a_full_disk_fails_before_anybody_goes_to_a_browser(machine: Pointed) -> None:
    done = machine.run("login", "--device", before=lambda: allow_files_of(100))
    assert done.code == 1
    assert "Cannot write" in done.err
    assert machine.backend.requests == []


def test_tokens_that_cannot_be_stored_are_revoked(machine: Pointed) -> None:
    machine.backend.device["decision"] = "approve"
    machine.backend.padding = "x" * 9000
    done = machine.run("login", "--device", before=lambda: allow_files_of(6000))
    assert done.code == 1
    assert "Cannot write" in done.err
    assert [session.revoked for session in machine.backend.sessions] == [True]


DAMAGE = {
    "cut short": '{"version": 1, "accounts": {"http',
    "empty": "",
    "not an object": "[]",
    "zeros": "\0" * 200,
    "not text": "\udcff\udcfe",
    "accounts of another kind": '{"version": 1, "accounts": []}',
    "a token of another kind": '{"version": 1, "accounts": {"http://127.0.0.1:1": {"access_token": 5}}}',
    "deeply nested": "[" * 100_000,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_kept_aside_and_named(machine: Pointed, damage: str) -> None:
    machine.store("")
    content = DAMAGE[damage].encode(errors="surrogateescape")
    machine.credentials.write_bytes(content)
    done = machine.run("token")
    assert (done.code, done.out) == (4, "")
    (aside,) = machine.folder.glob("credentials.json.damaged-*")
    assert str(aside) in done.err
    assert aside.read_bytes() == content
    assert "Sign in again: insighta login" in done.err


def test_login_over_a_damaged_file_keeps_it_and_goes_on(machine: Pointed) -> None:
    machine.backend.personal_tokens["insp_good"] = "ada"
    machine.store('{"version": 1, "acc')
    done = machine.run("login", "--with-token", typed="insp_good\n")
    assert done.code == 0
    (aside,) = machine.folder.glob("credentials.json.damaged-*")
    assert aside.read_text() == '{"version": 1, "acc'
    assert str(aside) in done.err
    assert machine.account()["login"] == "ada"


def test_a_damaged_file_in_a_read_only_home_stays_and_is_named(machine: Pointed) -> None:
    machine.store("{")
    machine.folder.chmod(0o500)
    done = machine.run("token", before=obey_modes)
    assert done.code == 4
    assert str(machine.credentials) in done.err
    assert machine.credentials.read_text() == "{"


def test_a_file_of_a_later_version_is_left_alone(machine: Pointed) -> None:
    content = json.dumps({"version": 2, "vault": "keychain"})
    machine.store(content)
    for words in (["token"], ["login", "--with-token"], ["logout"]):
        done = machine.run(*words, typed="insp_good\n")
        assert done.code == 1
        assert "newer insighta" in done.err
    assert machine.credentials.read_text() == content


def test_backends_are_kept_side_by_side(machine: Pointed, tmp_path: Path) -> None:
    content = machine.backend.store_for(machine.backend.sign_in(), seconds_left=150)
    with FakeBackend() as other:
        content["accounts"] |= other.store_for(other.sign_in("grace"), seconds_left=150)["accounts"]
        machine.store(content)
        assert machine.run("whoami").out == "ada\n"
        assert machine.run("whoami", INSIGHTA_API=f"{other.url}/").out == "grace\n"
        assert re.search(rf"Also at +{other.url}", machine.run("status").out)
        assert machine.run("logout", INSIGHTA_API=other.url).code == 0
    assert machine.run("whoami").out == "ada\n"
    assert other.url not in machine.credentials.read_text()


def test_what_replaces_the_file_is_on_disk_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut cannot be staged, so the order of the calls stands for it."""
    calls: list[str] = []
    sync, replace = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        calls.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        sync(descriptor)

    def note_replace(source: str, target: str) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    replace_file(str(tmp_path / "credentials.json"), "{}")
    assert calls == ["sync file", "replace", "sync folder"]


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root leaves files that others cannot open.")
def test_root_in_somebodys_home_leaves_nothing_that_they_cannot_open(machine: Pointed, tmp_path: Path) -> None:
    nobody = 65534
    os.chown(tmp_path, nobody, nobody)
    machine.backend.personal_tokens["insp_good"] = "ada"
    machine.run("login", "--with-token", typed="insp_good\n")
    owners = {path.stat().st_uid for path in [machine.folder, *machine.folder.iterdir()]}
    assert owners == {nobody}
