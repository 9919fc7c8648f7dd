"""Cells of a CSV file that a person will open. Knows no table."""

import re

FORMULA = ("=", "+", "-", "@", "\t", "\r")
PLAIN = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def guarded(cell: str) -> str:
    """A spreadsheet takes what begins so for a formula, which may be a stranger's: such a one gets a ' before it. A
    number is none, and stays as it is."""
    return f"'{cell}" if cell.startswith(FORMULA) and not PLAIN.fullmatch(cell) else cell
