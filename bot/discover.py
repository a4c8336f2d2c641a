"""The folder is the registry: one typed constant per file, in sorted order, duplicates refused."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any


def found(package: str, constant: str, module: str = "") -> Iterator[Any]:
    """Yield `constant` of every module in `package` (of `<name>.<module>` for folders).

    Modules without the constant are passed over, so that a folder may hold other things.
    """
    path = importlib.import_module(package).__path__
    for info in sorted(pkgutil.iter_modules(path), key=lambda info: info.name):
        name = f"{package}.{info.name}"
        if module:
            if not info.ispkg or not _has(name, module):
                continue
            name = f"{name}.{module}"
        value = getattr(importlib.import_module(name), constant, None)
        if value is not None:
            yield value


def _has(package: str, module: str) -> bool:
    path = importlib.import_module(package).__path__
    return any(info.name == module for info in pkgutil.iter_modules(path))
