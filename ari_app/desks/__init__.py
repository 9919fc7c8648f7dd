"""Errands that ask for calls of one type, and know it by its name; the engine, below them, knows none by name."""
