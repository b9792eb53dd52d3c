"""The `insighta` command: sign in, book and cancel from a terminal. It speaks HTTP only."""

__version__ = "0.1.0"
BUILT_IN_API = "http://127.0.0.1:8000"
# Type checkers take this name for true; importing it from typing would cost a fifth of the start.
TYPE_CHECKING = False
