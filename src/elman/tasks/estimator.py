"""What every estimator shares: its arguments by name, as scikit-learn wants them.

scikit-learn itself is not imported (it takes a second); its ``clone``, searches and checks need no
more than this.
"""

from __future__ import annotations

from typing import Any, TypeVar

from elman.errors import InputError

__all__ = ["Estimator"]

_Self = TypeVar("_Self", bound="Estimator")


class Estimator:
    """An object whose constructor stores its arguments, and that :meth:`fit` makes a model of."""

    @classmethod
    def _parameter_names(cls) -> tuple[str, ...]:
        from inspect import signature

        return tuple(name for name in signature(cls.__init__).parameters if name != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name; ``deep`` is there for scikit-learn."""
        return {name: getattr(self, name) for name in self._parameter_names()}

    def set_params(self: _Self, **parameters: Any) -> _Self:
        """Changes constructor arguments; they take effect in the next :meth:`fit`.

        Raises:
            InputError: If there is none of a name.
        """
        known = self._parameter_names()
        for name, value in parameters.items():
            if name not in known:
                raise InputError(
                    f"set_params: {name!r} is no parameter of {type(self).__name__}; expected one "
                    f"of {', '.join(known)}"
                )
            setattr(self, name, value)
        return self

    def clone(self: _Self) -> _Self:
        """An unfitted estimator with the same arguments."""
        return type(self)(**self.get_params())

    def __repr__(self) -> str:
        from inspect import signature

        defaults = signature(type(self).__init__).parameters
        changed = (
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator."""
        from sklearn.utils import (  # type: ignore[import-untyped, unused-ignore]
            InputTags,
            Tags,
            TargetTags,
        )

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False, multi_output=True),
            input_tags=InputTags(two_d_array=True, three_d_array=True, allow_nan=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")
