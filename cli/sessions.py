from typing import Any


def name_session(session: dict[str, Any]) -> str:
    """Where a sign-in is: its device and, for another application's, the application."""
    label, client_id = str(session.get("label") or ""), str(session.get("client_id") or "")
    if client_id.startswith("insighta-") or not client_id:
        return label
    name = str(session.get("client_name") or client_id)
    return f"{name}, {label}" if label else name
