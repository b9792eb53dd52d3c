"""Sent for whoever watches from outside; nothing in the product depends on an answer.

`operation_retried`, after its rollback: `because` (`changed`, `deadlock`, `serialization`, `lock_timeout`). The
operation starts over, or is refused as busy when it has done so often enough.
"""

from django.dispatch import Signal

operation_retried = Signal()
