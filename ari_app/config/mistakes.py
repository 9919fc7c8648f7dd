"""What a person got wrong in a file or in the environment, said so that it can be put right.

Knows nothing of any particular option or file format.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Mistake:
    place: str  # "ringbridge.toml:12" or "RINGBRIDGE_HTTP_PORT"
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


class Mistakes(ValueError):
    """Every mistake found, so that nobody has to fix them one start at a time."""

    def __init__(self, found: Sequence[Mistake]) -> None:
        self.found = tuple(found)
        super().__init__("\n".join(str(mistake) for mistake in self.found))


def unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why a file that is there to be read was not."""
    return f"cannot be read: {error.strerror if isinstance(error, OSError) else 'it is not text in UTF-8'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing when no known word is near."""
    return hint(nearest(word, known))


def hint(near: str) -> str:
    return f'; did you mean "{near}"?' if near else ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that may be meant, or ""."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), "")
