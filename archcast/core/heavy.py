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
    import loky
    import torch
    from scipy import linalg, optimize, sparse
else:
    loky, torch = _Lazy("loky"), _Lazy("torch")
    linalg, optimize = _Lazy("scipy.linalg"), _Lazy("scipy.optimize")
    sparse = _Lazy("scipy.sparse")

__all__ = ["linalg", "loky", "optimize", "sparse", "torch"]
