"""Libraries that take seconds to import, loaded when something of them is first used.

Planning jobs, and serving those that have records, needs no network: modules that declare what
predictors and networks are take PyTorch from here, and modules that subclass it are imported where
they are used.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any


class _Lazy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        module = import_module(self.__name__)
        vars(self).update(vars(module))  # so that this is asked but once
        return getattr(module, name)


if TYPE_CHECKING:
    import torch
else:
    torch = _Lazy("torch")

__all__ = ["torch"]
