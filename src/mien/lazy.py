"""Names of a package that are imported when somebody asks for them, so that a start is fast."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def on_use(package: str, places: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """Make the `__getattr__` of a package (PEP 562).

    Args:
        package: its name.
        places: module of the package -> names in it. A module must not have one of these names,
            since Python would find the module instead.
    """
    homes = {name: module for module, names in places.items() for name in names}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(import_module(package), name, value)
        return value

    return find
