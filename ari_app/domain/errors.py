"""Who is at fault is the type. Refusals that are part of the contract are values, not these."""


class CallerError(ValueError):
    """What was asked makes no sense: a sentence for whoever asked. Nothing was changed; asking again will not help."""


class CarrierError(Exception):
    """The carrier failed, not the called person: the next trunk may do better."""


class Unavailable(Exception):
    """A store or server did not answer. What was asked may or may not have been done: ask again by the same id."""
