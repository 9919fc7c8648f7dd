"""The rows of the carrier's CEL file, and how a value is read out of one. Knows no call."""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

# asterisk_conf/carrier/cel_custom.conf has the same order
FIELDS = ("eventtype", "eventtime", "uniqueid", "exten", "channame", "eventextra")

Row = Mapping[str, str]
Rows = list[Row]


def at_ms(row: Row) -> int:
    """CEL's "seconds.microseconds", cut down to ms without a float in between."""
    seconds, _, micro = row["eventtime"].partition(".")
    return int(seconds) * 1000 + int(micro.ljust(6, "0")[:3])


def when(row: Row | None) -> int | None:
    return at_ms(row) if row else None


def extra(row: Row | None) -> dict[str, Any]:
    """What Asterisk adds to an event."""
    return json.loads(row["eventextra"]) if row and row["eventextra"] else {}


def said(row: Row | None) -> dict[str, str]:
    """What the dialplan wrote down with an event of its own: `name=value&…`."""
    return {name: values[0] for name, values in parse_qs(extra(row).get("extra", "")).items()}


def user_part(header: str | None) -> str | None:
    """The user of a From or P-Asserted-Identity header: `"Li" <sip:+86139@h>;tag=1` → `+86139`; tel: URIs too."""
    address = re.sub(r'"(?:[^"\\]|\\.)*"', "", header or "")  # without the display name, which may say anything
    found = re.search(r"sips?:([^@;>\s]+)[^>\s]*@|tel:([^;>\s]+)", address)
    return found and (found[1] or found[2])
