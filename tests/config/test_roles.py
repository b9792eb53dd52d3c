"""Roles of the staff: what each opens, that nobody acts upon more rights than their own, and how a role ends."""

import itertools
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.apps.registry import Apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.db.models.signals import post_migrate
from django.test import Client as Http
from django.utils import timezone

from accounts.admin import ReadOnlyAdmin
from accounts.errors import LastAdministrator
from accounts.models import Event, User
from accounts.services import erasure, people, roles
from bookings.models import Booking, Subscription
from bookings.services.booking import book_slot
from tests.bookings.people import make_person, make_slot
from tests.tokens.in_process import call, sign_in
from tests.tokens.test_access_races import at_once
from tokens.models import PersonalAccessToken, Session
from tokens.services.staff import revoke_staff_called

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
BACKEND = "accounts.authentication.StaffBackend"
SUPPORT = {"accounts.user", "accounts.event", "tokens.session", "tokens.personalaccesstoken"}
ANSWERS = {"answered": "yes", "reason": "x", "credits": "3", "days": "3", "amount": "3", "note": "x", "text": "x"}


def browser_of(person: User) -> Http:
    browser = Http()
    browser.force_login(person, backend=BACKEND)
    return browser


def make_staff(login: str, role: str) -> User:
    person = make_person(login)
    call_command("grant_staff", str(person.pk), "--role", role)
    return User.objects.get(pk=person.pk)


def pages(browser: Http) -> dict[str, int]:
    lists = {model._meta.label_lower: model._meta for model in admin.site._registry}
    return {
        label: browser.get(f"/admin/{meta.app_label}/{meta.model_name}/").status_code for label, meta in lists.items()
    }


# What a role opens


def test_each_role_opens_its_lists_and_no_others() -> None:
    found = {role: pages(browser_of(make_staff(role, role))) for role in ("support", "bookings", "administrator")}
    opened = {role: {label for label, status in lists.items() if status == 200} for role, lists in found.items()}
    calendar = {label for label in found["bookings"] if label.startswith("bookings.")}
    assert opened["support"] == SUPPORT
    assert opened["bookings"] == calendar | {"accounts.user"}
    assert opened["administrator"] == set(found["administrator"])
    assert {status for lists in found.values() for status in lists.values()} == {200, 403}


ON_ACCESS = {"approve", "suspend", "reinstate", "sign_out_everywhere", "write_note_on_people"}
ON_BOOKINGS = {"grant_credits_to_people", "make_hosts"}


@pytest.mark.parametrize(
    ("role", "offered", "hidden"), [("support", ON_ACCESS, ON_BOOKINGS), ("bookings", ON_BOOKINGS, ON_ACCESS)]
)
def test_each_role_is_offered_its_actions_on_people(role: str, offered: set[str], hidden: set[str]) -> None:
    ada = make_person("ada")
    browser = browser_of(make_staff("sam", role))
    page = browser.get("/admin/accounts/user/").content.decode()
    assert {name for name in offered | hidden if f'value="{name}"' in page} == offered
    for name in hidden:
        browser.post("/admin/accounts/user/", {"action": name, "_selected_action": [str(ada.pk)], **ANSWERS})
    assert not Event.objects.filter(user_id=ada.pk).exclude(kind="person.created").exists()


def test_the_role_before_is_replaced_and_the_trail_names_both() -> None:
    administrator()
    person = make_staff("sam", "administrator")
    person.user_permissions.add(Permission.objects.get(codename="view_plan"))
    call_command("grant_staff", "sam", "--role", "bookings")
    call_command("grant_staff", "sam", "--role", "support")
    person = User.objects.get(pk=person.pk)
    assert (person.is_staff, person.is_superuser) == (True, False)
    assert {label.rpartition(".")[0] for label in person.get_all_permissions()} == {"accounts", "tokens"}
    events = Event.objects.filter(kind="person.staff_granted", user_id=person.pk).order_by("id")
    assert [event.detail["role"] for event in events] == ["administrator", "bookings", "support"]


def test_without_a_role_somebody_is_an_administrator(capsys: pytest.CaptureFixture[str]) -> None:
    person = make_person("sam")
    call_command("grant_staff", "sam")
    assert User.objects.get(pk=person.pk).is_superuser
    assert "administrator" in capsys.readouterr().out
    page = browser_of(User.objects.get(pk=person.pk)).get(f"/admin/accounts/user/{person.pk}/change/")
    assert b"administrator" in page.content


def test_a_migration_gives_each_role_what_the_release_says() -> None:
    support = browser_of(make_staff("sam", "support"))
    Group.objects.get(name="support").permissions.set(Permission.objects.filter(codename="view_plan"))
    assert pages(support)["bookings.plan"] == 200
    for _ in range(2):
        call_command("migrate", verbosity=0)
        opened = {label for label, status in pages(support).items() if status == 200}
        assert opened == SUPPORT


@pytest.mark.django_db
def test_migrating_before_there_are_groups_is_no_error() -> None:
    last = [app for app in apps.get_app_configs() if app.models_module is not None][-1]
    Group.objects.all().delete()
    post_migrate.send(last, app_config=last, apps=Apps(), using="default", verbosity=0, interactive=False, plan=[])
    assert not Group.objects.exists()


# Nobody acts upon more rights than their own


def administrator() -> User:
    return make_staff("root", "administrator")


def superuser_who_is_no_staff() -> User:
    root = make_person("root")
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    return root


def staff_of_bookings() -> User:
    return make_staff("root", "bookings")


def holder_of_one_permission() -> User:
    root = make_person("root")
    root.user_permissions.add(Permission.objects.get(codename="change_plan"))
    return root


ABOVE = [administrator, superuser_who_is_no_staff, staff_of_bookings, holder_of_one_permission]
STATES: dict[str, dict[str, Any]] = {
    "active": {},
    "suspended": {"standing": "suspended"},
    "deactivated": {"is_active": False},
}


LONG_AGO = {"starts_at": "2020-01-01T00:00Z", "ends_at": "2020-02-01T00:00Z"}
# What a subscription is like that something can be done to.
TO_DO: dict[str, dict[str, Any]] = {
    "renew": {"renews": True, **LONG_AGO},
    "expire": {"renews": False, **LONG_AGO},
    "stop_renewing": {"renews": True},
}


def actions() -> Iterator[tuple[type, str]]:
    """Every action on people, on what gives access to their accounts, on their bookings and credits."""
    for model, listed in admin.site._registry.items():
        if isinstance(listed, ReadOnlyAdmin) and listed.acts_upon:
            names = [action if isinstance(action, str) else action.__name__ for action in listed.actions or ()]
            yield from ((model, name) for name in names)


def give_rows(person: User) -> None:
    """One row of each kind that an action is done to."""
    pair = sign_in(person)
    body = {"name": "ci", "scopes": ["account:read"]}
    assert call(Http(), "/personal-access-tokens", pair.access_token, "POST", body).status_code == 201
    book_slot(client_id=person.pk, slot_id=make_slot(make_person(f"host-{person.login}", is_host=True)).pk)


def act(browser: Http, model: type[Any], name: str, *persons: User, **more: str) -> str:
    """Do an action to what these people have; what is said about it. The list that follows is not made."""
    column = {User: "pk", Booking: "client"}.get(model, "user")
    rows = model.objects.filter(**{f"{column}__in": [person.pk for person in persons]})
    chosen = {"action": name, "_selected_action": [str(row.pk) for row in rows], **ANSWERS, **more}
    assert chosen["_selected_action"]
    address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    if "select_across" in more:
        address += f"?q={persons[0].login}"
    answer = browser.post(address, chosen)
    assert answer.status_code == 302
    # Or the next answer would say it again.
    browser.cookies.pop("messages")
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def test_actions_on_people_are_known() -> None:
    assert {model for model, _ in actions()} == {User, Session, PersonalAccessToken, Booking, Subscription}
    assert len(list(actions())) >= 9


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("make_above", ABOVE)
def test_no_action_touches_somebody_with_a_right_that_the_actor_lacks(
    make_above: Callable[[], User], state: str
) -> None:
    """The actor has every right but one, so that each action is offered."""
    root = make_above()
    give_rows(root)
    User.objects.filter(pk=root.pk).update(**STATES[state])
    sam = make_person("sam")
    User.objects.filter(pk=sam.pk).update(is_staff=True)
    sam.user_permissions.set(Permission.objects.exclude(codename="change_plan"))
    browser = browser_of(User.objects.get(pk=sam.pk))
    for model, name in actions():
        for more in ({}, {"select_across": "1"}):
            assert "rights that you lack" in act(browser, model, name, root, **more), name
    assert not Event.objects.filter(user_id=root.pk, actor_id=sam.pk).exists()


def test_the_same_actions_are_done_to_people_of_equal_rights_in_the_same_choice() -> None:
    root, other, sam = administrator(), make_staff("other", "support"), make_staff("sam", "support")
    for person in (root, other):
        give_rows(person)
    page = act(browser_of(sam), Session, "end", root, other)
    assert "Left out 1 of the chosen" in page
    assert "1 device signed out" in page
    page = act(browser_of(sam), User, "suspend", root, other)
    assert "other is suspended" in page
    standings = dict(User.objects.values_list("login", "standing"))
    assert (standings["root"], standings["other"]) == ("approved", "suspended")


@pytest.mark.parametrize(("model", "name"), list(actions()), ids=str)
def test_an_administrator_does_every_one_of_them(model: type[Any], name: str) -> None:
    root, other = administrator(), make_staff("other", "administrator")
    give_rows(other)
    Subscription.objects.filter(user=other).update(**TO_DO.get(name, {}))
    before = Event.objects.filter(user_id=other.pk).count()
    act(browser_of(root), model, name, other)
    events = Event.objects.filter(user_id=other.pk)
    assert events.count() > before
    # What has expired has done so by itself.
    assert events.latest("id").actor_id == (None if name == "expire" else root.pk)


def test_the_page_that_asks_shows_only_those_who_can_be_met() -> None:
    root, ada = administrator(), make_person("ada")
    browser = browser_of(make_staff("sam", "support"))
    chosen = {"action": "suspend", "_selected_action": [str(root.pk), str(ada.pk)]}
    page = browser.post("/admin/accounts/user/", chosen).content.decode()
    assert str(ada.pk) in page
    assert str(root.pk) not in page


def test_no_form_of_the_admin_gives_a_right() -> None:
    browser = browser_of(administrator())
    for path in ("auth/group/", "auth/group/add/", "auth/permission/", "accounts/user/add/"):
        assert browser.post(f"/admin/{path}", {"name": "x", "is_superuser": "on"}).status_code in {403, 404}, path
    editable = {model for model, listed in admin.site._registry.items() if not isinstance(listed, ReadOnlyAdmin)}
    assert {model._meta.label for model in editable} == {"bookings.Plan", "procrastinate.ProcrastinateJob"}


# How a role ends


@pytest.mark.parametrize("everywhere", [False, True])
def test_revoking_a_role_ends_the_sessions_in_the_admin_and_the_others_where_asked(everywhere: bool) -> None:
    sam = make_staff("sam", "support")
    browser, terminal = browser_of(sam), sign_in(sam).access_token
    assert browser.get("/admin/").status_code == 200
    call_command("revoke_staff", "sam", *["--everywhere"] * everywhere)
    assert browser.get("/admin/").status_code == 302
    assert call(Http(), "/me", terminal).status_code == (401 if everywhere else 200)
    person = User.objects.get(pk=sam.pk)
    assert (person.is_staff, person.is_superuser, person.get_all_permissions()) == (False, False, set())
    event = Event.objects.get(kind="person.staff_revoked")
    assert (event.user_id, event.detail) == (sam.pk, {"role": "support"})
    ended = Event.objects.get(kind="session.all_ended" if everywhere else "session.staff_ended")
    assert ended.detail == {"sessions": 1 + everywhere}
    roles.grant_staff(user_id=sam.pk)
    assert browser.get("/admin/").status_code == 302


def test_the_last_administrator_who_can_sign_in_keeps_the_role() -> None:
    root, other = administrator(), make_staff("other", "administrator")
    User.objects.filter(pk=other.pk).update(standing="suspended")
    for command in (["revoke_staff", "root"], ["grant_staff", "root", "--role", "support"]):
        with pytest.raises(CommandError, match="only administrator who can sign in"):
            call_command(*command)
    assert User.objects.get(pk=root.pk).is_superuser
    call_command("revoke_staff", "other")
    make_staff("third", "administrator")
    call_command("revoke_staff", "root")
    assert not User.objects.get(pk=root.pk).is_staff


def suspend(person: User) -> None:
    people.suspend_person(user_id=person.pk, reason="x", actor_id=None, now=timezone.now())


def deactivate(person: User) -> None:
    people.deactivate_person(user_id=person.pk, now=timezone.now())


def erase(person: User) -> None:
    erasure.erase_person(login_or_id=str(person.pk), now=timezone.now())


def revoke(person: User) -> None:
    revoke_staff_called(login_or_id=str(person.pk), everywhere=False, now=timezone.now())


ENDS = (revoke, suspend, deactivate, erase)


@pytest.mark.parametrize("end", ENDS)
def test_nothing_takes_the_last_administrator(end: Callable[[User], None]) -> None:
    root = administrator()
    with pytest.raises(LastAdministrator):
        end(root)
    person = User.objects.get(pk=root.pk)
    assert (person.is_superuser, person.is_active, person.standing) == (True, True, "approved")
    assert browser_of(person).get("/admin/").status_code == 200
    make_staff("other", "administrator")
    end(root)


@pytest.mark.parametrize("ends", list(itertools.combinations_with_replacement(ENDS, 2)))
def test_of_two_administrators_who_end_at_one_moment_one_stays(ends: tuple[Callable[[User], None], ...]) -> None:
    for number in range(3):
        User.objects.update(is_superuser=False, is_staff=False)
        two = [make_staff(f"{name}-{number}", "administrator") for name in ("root", "other")]
        refused: list[Exception] = []

        def run(end: Callable[[User], None], person: User, refused: list[Exception] = refused) -> None:
            try:
                end(person)
            except LastAdministrator as error:
                refused.append(error)

        at_once(*(partial(run, end, person) for end, person in zip(ends, two, strict=True)))
        assert len(refused) == 1
        able = User.objects.filter(is_superuser=True, is_staff=True, is_active=True, standing="approved")
        assert able.count() == 1


def test_somebody_who_does_not_belong_to_the_staff_is_refused_in_a_sentence() -> None:
    make_person("ada")
    with pytest.raises(CommandError, match=r"does not belong to the staff\. Nothing was changed\.$"):
        call_command("revoke_staff", "ada")


@pytest.mark.parametrize("command", ["grant_staff", "revoke_staff"])
def test_a_login_that_several_people_had_is_refused_with_their_ids(command: str) -> None:
    two = [make_person("sam"), make_person("lee")]
    User.objects.filter(login="lee").update(login="sam")
    with pytest.raises(CommandError) as refused:
        call_command(command, "sam")
    assert all(str(person.pk) in str(refused.value) for person in two)
    assert not Event.objects.filter(kind__startswith="person.staff").exists()
    call_command("grant_staff", str(two[0].pk))
    assert User.objects.filter(is_staff=True).get() == User.objects.get(pk=two[0].pk)


def test_erasing_somebody_takes_their_role_and_an_export_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    sam = make_staff("sam", "support")
    capsys.readouterr()
    call_command("export_person", "sam")
    assert json.loads(capsys.readouterr().out)["person"]["role"] == "support"
    call_command("erase_person", "sam", "--yes")
    assert not Group.objects.filter(user=sam.pk).exists()
