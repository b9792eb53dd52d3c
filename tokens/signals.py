"""Sent for whoever watches from outside; nothing in the product depends on an answer, but for `client_refused`.

`refresh_answered`: `outcome` (`rotated`, `retried`, `replayed`, `refused`), `cause` of the latter two, `client_id`, and
of a session that is known its `session_id` and `user_id`. `sign_in_refused`: `client_id` and `because`.
`client_refused`: a `request` of the API with wrong credentials of a client; the limit on guesses may raise Throttled.
"""

from django.dispatch import Signal

client_refused = Signal()
refresh_answered = Signal()
sign_in_refused = Signal()
