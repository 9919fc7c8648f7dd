"""The one error of this package: its message is a sentence for the person who started it."""


class StackError(Exception):
    """Something about this machine stops the embedded stack; the message says what, and what to do."""
