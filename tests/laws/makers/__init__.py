"""Random calls for the laws: one file for each call type, of its name, with a MAKER (tests/laws/maker.py)."""
