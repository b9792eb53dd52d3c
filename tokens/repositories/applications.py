from datetime import datetime

from tokens.models import Application


def find_enabled(client_id: str) -> Application | None:
    return Application.objects.filter(client_id=client_id, disabled_at=None).first()


def find_application(client_id: str) -> Application | None:
    return Application.objects.filter(client_id=client_id).first()


def has_public_origin(origin: str) -> bool:
    """Whether an enabled public application has registered this origin."""
    return Application.objects.filter(origins__contains=[origin], is_public=True, disabled_at=None).exists()


def list_told(client_ids: set[str]) -> set[str]:
    """Those of these clients that are told when a sign-in ends, disabled ones included."""
    told = Application.objects.filter(client_id__in=client_ids).exclude(backchannel_logout_uri="")
    return set(told.values_list("client_id", flat=True))


def lock_application(client_id: str) -> Application | None:
    """The application, locked until the caller's transaction ends."""
    return Application.objects.select_for_update().filter(client_id=client_id).first()


def list_applications() -> list[Application]:
    """All of them, oldest first."""
    return list(Application.objects.order_by("id"))


def insert_application(application: Application) -> bool:
    """Store a new application; false where its client id is taken."""
    Application.objects.bulk_create([application], ignore_conflicts=True)
    return Application.objects.filter(id=application.id).exists()


def set_secrets(client_id: str, digests: list[str]) -> None:
    Application.objects.filter(client_id=client_id).update(secret_digests=digests)


def set_backchannel_logout_uri(client_id: str, uri: str) -> None:
    Application.objects.filter(client_id=client_id).update(backchannel_logout_uri=uri)


def set_disabled(client_id: str, *, disabled_at: datetime | None) -> bool:
    """Disable (or, for None, enable) an application; false where it was so already."""
    found = Application.objects.filter(client_id=client_id, disabled_at__isnull=disabled_at is not None)
    return bool(found.update(disabled_at=disabled_at))


def build_application(**columns: object) -> Application:
    """An application that is not stored yet."""
    return Application(**columns)
