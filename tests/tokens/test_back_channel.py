"""Back-Channel Logout 1.0: an application is told when one of its sign-ins ends, whatever ended it, and only then."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client as Http
from procrastinate import JobContext
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job

from accounts.models import Event, User
from tests.tokens.applications import register
from tests.tokens.in_process import call, client_called, make_person, now, post, present, sign_in
from tests.tokens.receiver import Receiver, receiving
from tests.tokens.test_what_ends_what import ACTS, Act, Everything, ada, come_back, root, written
from tokens.errors import InvalidApplication, LogoutNotDelivered, LogoutRefused
from tokens.models import Application, Consent, Session
from tokens.policies.networks import is_reachable
from tokens.services import back_channel, ending_access, outgoing
from tokens.services.applications import set_disabled
from tokens.services.id_tokens import add_id_token, subject_of
from tokens.services.sessions import TokenPair
from tokens.tasks import JitteredBackoff, send_logout_token

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["ada", "root"]
SCOPE = "openid offline_access"


@pytest.fixture(autouse=True)
def nobody_is_silent() -> None:
    back_channel._silent.clear()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def wiki(receiver: Receiver) -> Any:
    return register(backchannel_logout_uri=receiver.uri)


def secret_of(wiki: Any) -> dict[str, str]:
    return {"client_id": "wiki", "client_secret": wiki.secret}


def logouts() -> list[dict[str, Any]]:
    """The arguments of the jobs that were ordered, oldest first."""
    jobs = ProcrastinateJob.objects.filter(task_name="tokens.send_logout_token").order_by("id")
    return [{name: job.args[name] for name in ("client_id", "user_id", "session_id")} for job in jobs]


def about(person: User, *pairs: TokenPair) -> list[dict[str, Any]]:
    return [{"client_id": "wiki", "user_id": str(person.id), "session_id": str(pair.session_id)} for pair in pairs]


def run(arguments: dict[str, Any], *, attempts: int = 0) -> None:
    """The job, as the worker runs it."""
    job = Job(id=1, queue="default", lock=None, queueing_lock=None, task_name="x", attempts=attempts)
    send_logout_token(JobContext(start_timestamp=0, app=None, job=job, abort_reason=lambda: None), **arguments)  # type: ignore[arg-type]  # the app is not looked at


# Whatever ends a sign-in


@pytest.mark.parametrize(
    ("name", "client_id", "act"), [(name, client_id, act) for name, acts in ACTS.items() for client_id, act in acts]
)
def test_the_application_is_told_of_each_of_its_sign_ins_that_ends(
    name: str, client_id: str, act: Act, ada: Everything, root: Http
) -> None:
    Application.objects.update(backchannel_logout_uri="https://wiki.example/out")
    act(ada, root)
    own = [ada.pair] if client_id == "wiki" and written()[name]["that sign-in"] == "ends" else []
    others = [ada.application] if written()[name]["an application"] == "ends" else []
    told = sorted(about(ada.user, *own, *others), key=str)
    assert sorted(logouts(), key=str) == told
    come_back(ada)
    assert sorted(logouts(), key=str) == told


def by_revoking(pair: TokenPair, wiki: Any) -> None:
    assert post(Http(), "revoke", token=pair.refresh_token, **secret_of(wiki)).status_code == 200


def by_revoking_the_access_token(pair: TokenPair, wiki: Any) -> None:
    assert post(Http(), "revoke", token=pair.access_token, **secret_of(wiki)).status_code == 200


def by_a_replay(pair: TokenPair, wiki: Any) -> None:
    client = client_called("wiki")
    second = present(pair.refresh_token, client=client, at=now())
    present(second.refresh_token, client=client, at=now())
    answer = post(Http(), "token", grant_type="refresh_token", refresh_token=pair.refresh_token, **secret_of(wiki))
    assert answer.json()["error_description"] == "refresh token reused"


def by_withdrawing(pair: TokenPair, wiki: Any) -> None:
    person = Session.objects.get(id=pair.session_id).user
    Consent.objects.create(user=person, client_id="wiki", scope=SCOPE)
    own = sign_in(person)
    assert call(Http(), "/applications/wiki", own.access_token, "DELETE").status_code == 204


def by_its_own_logout(pair: TokenPair, wiki: Any) -> None:
    person = Session.objects.get(id=pair.session_id).user
    hint = add_id_token(
        pair, client=client_called("wiki"), subject=subject_of(person), auth_time=None, now=now()
    ).id_token  # fmt: skip
    assert Http().get("/oauth/logout", {"id_token_hint": hint}).status_code == 200


@pytest.mark.parametrize(
    "end", [by_revoking, by_revoking_the_access_token, by_a_replay, by_withdrawing, by_its_own_logout]
)
def test_the_end_of_its_own_sign_in_is_told_once(end: Callable[[TokenPair, Any], None], wiki: Any) -> None:
    person = make_person("ada")
    pair, other = sign_in(person, client_id="wiki", scope=SCOPE), sign_in(make_person("eve"), client_id="wiki")
    end(pair, wiki)
    assert logouts() == about(person, pair)
    # Apache revokes what it has logged out.
    by_revoking(pair, wiki)
    assert logouts() == about(person, pair)
    assert Session.objects.get(id=other.session_id).revoked_at is None


def test_an_application_without_an_address_idle_expiry_and_disabling_tell_nobody(wiki: Any) -> None:
    person = make_person("ada")
    register("shop")
    sign_in(person, client_id="shop", scope=SCOPE)
    idle = sign_in(person, client_id="wiki", scope=SCOPE, at=now() - timedelta(days=40))
    set_disabled(client_id="wiki", is_disabled=True, now=now())
    ending_access.sign_out(session_id=idle.session_id, because="x", now=now())
    ending_access.sign_out_everywhere(user_id=person.id, actor_id=person.id, now=now())
    assert logouts() == []


def test_a_disabled_application_is_told_of_what_ends(wiki: Any) -> None:
    person = make_person("ada")
    pair = sign_in(person, client_id="wiki", scope=SCOPE)
    set_disabled(client_id="wiki", is_disabled=True, now=now())
    call_command("revoke_sessions", str(person.id))
    assert logouts() == about(person, pair)


@pytest.mark.slow
def test_a_hundred_sign_ins_are_ended_and_told_in_as_many_statements_as_one(
    wiki: Any, django_assert_max_num_queries: Any
) -> None:
    person = make_person("ada")
    for _ in range(100):
        sign_in(person, client_id="wiki", scope=SCOPE)
    with django_assert_max_num_queries(12), transaction.atomic():
        ending_access.end_access(user_id=person.id, because="x", now=now())
    assert len(logouts()) == 100


def test_an_ending_that_is_rolled_back_tells_nobody(wiki: Any) -> None:
    person = make_person("ada")
    sign_in(person, client_id="wiki", scope=SCOPE)
    with transaction.atomic():
        ending_access.end_access(user_id=person.id, because="x", now=now())
        transaction.set_rollback(True)
    assert logouts() == []


# What is sent


@pytest.fixture
def ended(wiki: Any) -> dict[str, Any]:
    person = make_person("ada")
    pair = sign_in(person, client_id="wiki", scope=SCOPE)
    ending_access.sign_out(session_id=pair.session_id, because="x", now=now())
    return logouts()[0]


def test_each_try_sends_another_token_about_the_same_sign_in(ended: dict[str, Any], receiver: Receiver) -> None:
    receiver.answers = [503, 204]
    with pytest.raises(LogoutNotDelivered):
        run(ended)
    run(ended, attempts=1)
    first, second = (jwt.decode(token, options={"verify_signature": False}) for token in receiver.tokens)
    assert first.pop("jti") != second.pop("jti")
    for claims in (first, second):
        assert 0 < claims.pop("exp") - claims.pop("iat") <= 120
        assert claims == {
            "iss": "http://127.0.0.1:8000",
            "aud": "wiki",
            "sub": ended["user_id"],
            "sid": ended["session_id"],
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        }
    assert {jwt.get_unverified_header(token)["typ"] for token in receiver.tokens} == {"logout+jwt"}
    assert receiver.requests[0] == ("POST", "/oidc?logout=backchannel", f"127.0.0.1:{receiver.port}")
    told = Event.objects.get(kind="application.logout_delivered")
    assert (told.client_id, told.detail) == ("wiki", {"status": 204, "attempts": 2})
    assert str(told.session_id) == ended["session_id"]


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_what_may_pass_is_tried_again_and_given_up_after_the_last_try(
    status: int, ended: dict[str, Any], receiver: Receiver
) -> None:
    receiver.answers = [status, status]
    with pytest.raises(LogoutNotDelivered):
        run(ended, attempts=38)
    assert not Event.objects.filter(kind__startswith="application.logout").exists()
    with pytest.raises(LogoutRefused):
        run(ended, attempts=39)
    assert Event.objects.get(kind="application.logout_failed").detail == {"status": status, "attempts": 40}


@pytest.mark.parametrize("status", [400, 401, 404, 302, 307, 201])
def test_a_refusal_is_final_and_a_redirect_is_not_followed(
    status: int, ended: dict[str, Any], receiver: Receiver
) -> None:
    receiver.answers = [status]
    with pytest.raises(LogoutRefused):
        run(ended)
    assert len(receiver.requests) == 1
    assert Event.objects.get(kind="application.logout_failed").detail == {"status": status, "attempts": 1}


def test_an_address_that_moves_takes_along_what_is_still_to_be_sent(ended: dict[str, Any], receiver: Receiver) -> None:
    with receiving() as moved:
        call_command("change_client", "wiki", "--backchannel-logout-uri", moved.uri)
        run(ended)
    call_command("change_client", "wiki", "--backchannel-logout-uri", "")
    run(ended)
    assert (len(moved.tokens), receiver.requests) == (1, [])
    changes = Event.objects.filter(kind="application.changed", client_id="wiki").order_by("id")
    assert [event.detail for event in changes] == [{"backchannel_logout_uri": uri} for uri in (moved.uri, "")]


def test_the_waits_grow_differ_and_end_within_about_a_day() -> None:
    def waits(error: Exception) -> list[float]:
        found = []
        for attempts in range(100):
            job = Job(id=1, queue="default", lock=None, queueing_lock=None, task_name="x", attempts=attempts)
            decision = JitteredBackoff().get_retry_decision(exception=error, job=job)
            if decision is None:
                break
            assert decision.retry_at is not None
            found.append((decision.retry_at - now()).total_seconds())
        return found

    first, second = waits(LogoutNotDelivered()), waits(ValueError())
    assert first != second
    assert first[0] <= 10
    assert 12 < sum(first) / 3600 < 36
    assert waits(LogoutRefused()) == []


def test_an_application_that_does_not_answer_is_left_alone_for_a_moment(
    ended: dict[str, Any], receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "SECONDS", 0.3)
    let_go = threading.Event()
    receiver.before_answer = let_go.wait
    for _ in range(3):
        with pytest.raises(LogoutNotDelivered):
            run(ended)
    let_go.set()
    assert len(receiver.requests) == 1


def test_an_answer_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "SECONDS", 0.5)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            taken, _ = listener.accept()
            with taken:
                try:
                    taken.sendall(b"HTTP/1.1 200 OK\r\n")
                    while not ended.wait(0.1):
                        taken.sendall(b"X-A: b\r\n")
                except OSError:
                    pass

        threading.Thread(target=drip, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(outgoing.Unreachable):
            outgoing.send_request(url=url, limit=0, networks=None)
        ended.set()


# Where it may go (CWE-918)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "::",
        "fe80::1", "fd00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1", "224.0.0.1", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_not_reached(address: str) -> None:
    assert not is_reachable(address, networks=())


def test_public_addresses_and_the_networks_of_the_operator_are_reached(settings: Any) -> None:
    assert all(is_reachable(address, networks=()) for address in ("93.184.216.34", "2606:4700::1", "64:ff9b::808:808"))
    assert is_reachable("10.1.2.3", networks=settings.BACKCHANNEL_NETWORKS)


def test_a_private_address_is_not_reached_unless_the_operator_says_so(
    ended: dict[str, Any], receiver: Receiver, settings: Any
) -> None:
    everywhere, settings.BACKCHANNEL_NETWORKS = settings.BACKCHANNEL_NETWORKS, ()
    with pytest.raises(LogoutNotDelivered):
        run(ended)
    assert receiver.requests == []
    back_channel._silent.clear()
    settings.BACKCHANNEL_NETWORKS = everywhere
    run(ended)
    assert len(receiver.tokens) == 1


def test_a_name_is_resolved_once_and_the_judged_address_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a second answer would be another address."""
    answers = iter(["93.184.216.34", "127.0.0.1"])
    connected: list[Any] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(address: Any, **_: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    for _ in range(2):
        with pytest.raises(outgoing.Unreachable):
            outgoing.send_request(url="http://rebinding.example/", limit=0, networks=())
    assert connected == [("93.184.216.34", 80)]


@pytest.mark.parametrize("uri", ["http://wiki.example/out", "https://wiki.example/out#f", "https://u:p@wiki.example/"])
def test_an_address_that_is_neither_https_nor_loopback_is_not_registered(uri: str) -> None:
    with pytest.raises(InvalidApplication):
        register(backchannel_logout_uri=uri)
    register()
    with pytest.raises(CommandError):
        call_command("change_client", "wiki", "--backchannel-logout-uri", uri)


# What a logout token is not good for


def test_a_logout_token_is_no_hint_and_no_bearer_token(ended: dict[str, Any], client: Http) -> None:
    person = User.objects.get(id=ended["user_id"])
    live = sign_in(person, client_id="wiki", scope=SCOPE)
    about_live = back_channel.Ended("wiki", person.id, live.session_id)
    for algorithm in ("RS256", "ES256"):
        token = back_channel.make_logout_token(about_live, algorithm=algorithm, now=now())
        assert "Nothing has ended" in client.get("/oauth/logout", {"id_token_hint": token}).text
        assert call(client, "/me", token).status_code == 401
    assert present(live.refresh_token, client=client_called("wiki"), at=now()).refresh_token
