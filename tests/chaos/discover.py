"""Finds what a folder offers: a new kind of traffic or of fault is one more file there, named nowhere else."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def discover(folder: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """Every class of the folder's modules that is a `base` and can be made, by its name, in the order of the names."""
    found = {}
    for module in pkgutil.iter_modules(folder.__path__, folder.__name__ + "."):
        for name, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(one, base) and not inspect.isabstract(one) and one.__module__ == module.name:
                found[name] = one
    return dict(sorted(found.items()))
