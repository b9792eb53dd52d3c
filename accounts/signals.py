"""Sent synchronously, inside the transaction that changes the person, with `user_id` and `now`.

Apps above subscribe in their `receivers`, so that one sign-up, suspension or deactivation is all or nothing.
"""

from django.dispatch import Signal

person_created = Signal()
person_deactivated = Signal()
person_suspended = Signal()
person_erased = Signal()
# Asks, with `user_id` alone: each receiver gives what its app keeps about the person, by name, ready for JSON.
person_exported = Signal()

# Sent after the commit, for whoever watches from outside, with the line's `kind`, `client_id` and `detail`.
event_recorded = Signal()
