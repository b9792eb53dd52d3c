from datetime import timedelta

import pytest

from accounts.models import User
from bookings import errors
from bookings.models import CreditEntry, Plan, Subscription
from bookings.repositories import clock
from bookings.services.credits import grant_credits, grant_plan
from bookings.services.renewing import expire_subscription, renew_subscription, settle_subscriptions
from tests.bookings.people import credits_of, failing, make_person


def end(person: User, *, days_ago: float = 1, **changes: object) -> Subscription:
    now = clock.read_now()
    ends_at = now - timedelta(days=days_ago)
    Subscription.objects.filter(user=person).update(starts_at=ends_at - timedelta(9), ends_at=ends_at, **changes)
    return Subscription.objects.get(user=person)


def test_a_new_person_is_welcomed_once(ada: User) -> None:
    make_person("ada")
    entry = CreditEntry.objects.get(subscription__user=ada)
    assert (credits_of(ada), entry.amount, entry.reason) == (5, 5, "welcome")


def test_credits_go_to_the_usable_subscription_that_ends_last(ada: User) -> None:
    Plan.objects.create(name="Monthly", credits=10, period_days=30)
    month = grant_plan(user_id=ada.id, plan_name="Monthly")
    granted = grant_credits(user_id=ada.id, credits=2)
    assert granted != month
    balances = dict(Subscription.objects.values_list("plan__name", "credits_remaining"))
    assert balances == {"Welcome": 7, "Monthly": 10}


def test_credits_for_somebody_without_a_usable_subscription_open_one(ada: User) -> None:
    end(ada)
    grant_credits(user_id=ada.id, credits=3)
    assert set(Subscription.objects.values_list("plan__name", "credits_remaining")) == {
        ("Welcome", 5),
        ("Granted credits", 3),
    }


def test_refused_grants(ada: User) -> None:
    with pytest.raises(errors.NotValid):
        grant_credits(user_id=ada.id, credits=0)
    with pytest.raises(errors.PlanUnknown):
        grant_plan(user_id=ada.id, plan_name="Nothing")


def test_a_renewal_keeps_what_is_left_and_happens_once(ada: User) -> None:
    subscription = end(ada, renews=True)
    assert settle_subscriptions() == 1
    assert settle_subscriptions() == 0
    assert not renew_subscription(subscription_id=subscription.id)
    renewed = Subscription.objects.get(id=subscription.id)
    assert (renewed.credits_remaining, renewed.starts_at) == (10, subscription.ends_at)
    assert CreditEntry.objects.filter(reason="renewal").count() == 1


def test_one_subscriptions_failure_is_its_own(ada: User, caplog: pytest.LogCaptureFixture) -> None:
    broken = end(ada, renews=True)
    other = end(make_person("bob"), renews=True)
    with failing("bookings_subscription", id=broken.id):
        assert settle_subscriptions() == 1
    assert "subscription_not_settled" in caplog.text
    assert str(broken.id) in caplog.text
    assert Subscription.objects.get(id=other.id).credits_remaining == 10
    assert settle_subscriptions() == 1


def test_an_expiry_keeps_the_credits_for_a_later_renewal(ada: User) -> None:
    subscription = end(ada)
    assert settle_subscriptions() == 1
    assert settle_subscriptions() == 0
    assert not expire_subscription(subscription_id=subscription.id)
    assert credits_of(ada) == 5
    assert renew_subscription(subscription_id=subscription.id)
    renewed = Subscription.objects.get(id=subscription.id)
    assert (renewed.credits_remaining, renewed.expired_at) == (10, None)


def test_nothing_is_renewed_before_its_end_nor_for_people_who_left(ada: User, mallory: User) -> None:
    assert not renew_subscription(subscription_id=Subscription.objects.get(user=mallory).id)
    end(ada, renews=True)
    User.objects.filter(id=ada.id).update(is_active=False)
    assert settle_subscriptions() == 0
    with pytest.raises(errors.NotFound):
        renew_subscription(subscription_id=ada.id)
