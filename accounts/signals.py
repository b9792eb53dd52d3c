"""Sent synchronously, inside the transaction that changes the person, with `user_id` and `now`.

Apps above subscribe in their `receivers`, so that one sign-up, suspension or deactivation is all or nothing.
"""

from django.dispatch import Signal

person_created = Signal()
person_deactivated = Signal()
person_suspended = Signal()
person_erased = Signal()
# Sent with `user_id` alone, in the same manner: what outlives a person's sign-ins ends, too.
lasting_access_ended = Signal()
# Active or approved again; `user_id` alone.
person_returned = Signal()
# Sent with `user_id` alone: each receiver returns what the change has done, by name, ready for JSON.
time_zone_changed = Signal()
# Sent with `user_id` alone: each receiver returns what its app stores about the person, by name, ready for JSON.
person_exported = Signal()

# Sent after the commit, for logs and metrics, with the event's `kind`, `client_id` and `detail`.
event_recorded = Signal()
