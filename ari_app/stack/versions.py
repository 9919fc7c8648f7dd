"""What version a server is, from the words it prints; knows nothing of where it lies."""

import re

Version = tuple[int, ...]

ASTERISK_MIN: Version = (22, 10, 1)
REDIS_MIN: Version = (7, 2, 0)


def parse(text: str) -> Version | None:
    """The first dotted number in `text`: `Asterisk 22.10.1~dfsg` → (22, 10, 1). A Debian epoch is skipped."""
    found = re.search(r"(?<![\d.:])(?:\d+:)?(\d+(?:\.\d+)+)", text)
    return tuple(int(part) for part in found.group(1).split(".")) if found else None


def at_least(version: Version | None, minimum: Version) -> bool:
    if version is None:
        return False
    width = max(len(version), len(minimum))
    return version + (0,) * (width - len(version)) >= minimum + (0,) * (width - len(minimum))


def show(version: Version | None) -> str:
    return ".".join(map(str, version)) if version else "unknown"
