from uuid import UUID

from accounts.services import lookup
from accounts.services.lookup import get_person_called
from accounts.services.people import mark_host
from bookings.services import subscriptions, transactions


def make_host(*, person: str, is_host: bool = True, actor_id: UUID | None = None) -> UUID:
    """Let somebody, by login or id, offer sessions, or not any more; their id. Slots that they have stay.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    transactions.run(lambda now: mark_host(user_id=user_id, is_host=is_host, actor_id=actor_id))
    return user_id


def give_credits(*, person: str, credits: int, actor_id: UUID | None = None) -> UUID:
    """`grant_credits` to somebody by login or id; the subscription's id.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, NotValid, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    return subscriptions.grant_credits(user_id=user_id, credits=credits, actor_id=actor_id)


def give_plan(*, person: str, plan_name: str, renews: bool = True, actor_id: UUID | None = None) -> UUID:
    """`grant_plan` to somebody by login or id; the subscription's id.

    Raises PersonNotFound and LoginAmbiguous of `accounts`, PlanUnknown, Busy.
    """
    user_id = get_person_called(login_or_id=person).id
    return subscriptions.grant_plan(user_id=user_id, plan_name=plan_name, renews=renews, actor_id=actor_id)


def list_ids_called(*, words: str) -> list[UUID]:
    """Whom the words of a search name, by id, login or address."""
    return lookup.list_ids_called(words=words)
