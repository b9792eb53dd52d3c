"""The `insighta` command: sign in, book and cancel from a terminal. Speaks HTTP only."""

__version__ = "0.1.0"
