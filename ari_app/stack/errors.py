"""The errors of this package: the message is a sentence for the person who started it."""


class StackError(Exception):
    """Something about this machine stops the embedded stack; the message says what, and what to do."""


class BrokenOff(StackError):
    """Whoever asked for the start does not want it any more; what it had started is stopped again."""
