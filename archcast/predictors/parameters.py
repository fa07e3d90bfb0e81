"""Parameters as scikit-learn's estimators have them, without the second that importing it takes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from copy import deepcopy
from functools import cache
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Protocol, Self, cast


class HasParameters(Protocol):
    """What takes part in `sklearn.base.clone`: our predictors, scikit-learn's estimators."""

    def get_params(self, deep: bool = True) -> dict[str, Any]: ...

    def set_params(self, **params: Any) -> Self: ...


class Parametrised:
    """A class whose `__init__` stores its parameters under their names and does nothing else."""

    if TYPE_CHECKING:  # each class has its own

        def __init__(self, *args: Any, **params: Any) -> None: ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; if `deep`, also those of parameters, as `name__theirs`."""
        found = {name: getattr(self, name) for name in parameters_of(type(self))}
        if deep:
            for name, each in [*found.items()]:
                if has_parameters(each):
                    found |= {f"{name}__{key}": value for key, value in each.get_params().items()}
        return found

    def set_params(self, **params: Any) -> Self:
        """Change parameters by name, in place.

        Raises:
            ValueError: an unknown name.
        """
        for name, value in params.items():
            own, _, theirs = name.partition("__")
            if own not in parameters_of(type(self)):
                known = ", ".join(parameters_of(type(self))) or "none"
                raise ValueError(f"{type(self).__name__} has no parameter {own!r}; it has {known}")
            if theirs:
                getattr(self, own).set_params(**{theirs: value})
            else:
                setattr(self, own, value)
        return self

    def __repr__(self) -> str:
        defaults = parameters_of(type(self))
        values = self.get_params(deep=False).items()
        said = (f"{k}={v!r}" for k, v in values if repr(v) != repr(defaults[k].default))
        return f"{type(self).__name__}({', '.join(said)})"


def has_parameters(thing: object) -> bool:
    """Whether it is an object, and no class, that has parameters."""
    return hasattr(thing, "get_params") and not isinstance(thing, type)


def unfitted(thing: Any) -> Any:
    """A copy with the same parameters and nothing learned, as of `sklearn.base.clone`.

    Raises:
        TypeError: its `__init__` stores something else than what it is given.
    """
    if isinstance(thing, list | tuple):
        return type(thing)(map(unfitted, thing))
    if not has_parameters(thing):
        return deepcopy(thing)
    if not isinstance(thing, Parametrised) or hasattr(thing, "__sklearn_clone__"):
        from sklearn.base import clone

        return clone(thing)
    given = {name: unfitted(value) for name, value in thing.get_params(deep=False).items()}
    made = type(thing)(**given)
    stored = made.get_params(deep=False)
    if changed := [name for name in given if stored[name] is not given[name]]:
        raise TypeError(f"{type(thing).__name__}.__init__ changes {', '.join(changed)}; only store")
    return made


def parameters_of(kind: type) -> Mapping[str, Parameter]:
    """What the `__init__` of a class takes, in order.

    Raises:
        TypeError: any number of arguments, which could not be told apart.
    """
    return _parameters_of(cast("Hashable", kind))


@cache
def _parameters_of(kind: Callable[..., Any]) -> Mapping[str, Parameter]:
    known = signature(kind).parameters
    if any(each.kind is Parameter.VAR_POSITIONAL for each in known.values()):
        raise TypeError(f"{kind.__name__}.__init__ takes any number of arguments; name them")
    return {name: each for name, each in known.items() if each.kind is not Parameter.VAR_KEYWORD}
