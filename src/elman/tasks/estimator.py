"""What every estimator shares: its arguments by name, as scikit-learn wants them, and saving.

scikit-learn itself is not imported (it takes a second); its ``clone``, searches and checks need no
more than this.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

from numpy.typing import NDArray

from elman.errors import ElmanWarning, InputError, NotFittedError
from elman.history import History
from elman.saving import read_model, write_model

__all__ = ["Estimator", "SavedEstimator", "TrainedModel"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="Estimator")
_Saved = TypeVar("_Saved", bound="SavedEstimator")


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


class TrainedModel(Protocol):
    """What an estimator's ``fit`` makes."""

    @property
    def parameter_count(self) -> int:
        """Parameters of all its networks together."""

    def description(self) -> dict[str, Any]:
        """All but the parameters, as plain values."""

    def tensors(self) -> Mapping[str, Array]:
        """The parameters by name."""


class SavedEstimator(Estimator):
    """An estimator that, once fitted, is saved as a folder and read back.

    A kind of estimator names itself in ``_kind`` (see :mod:`elman.saving`), and says what its
    model is and what else ``fit`` learned.

    Attributes:
        model_: What was trained.
        scores_: Measures on held-out data beside baselines, or ``None``.
        history_: The record of the training.
        notes_: What was done or should be known, a sentence each.
        seconds_: Wall-clock time of the parts of ``fit``; empty in one that was read back.
        chosen_: What ``fit`` took for arguments left at ``None``, where the network does not show
            it; of one just fitted alone.
    """

    _kind: ClassVar[str]

    model_: Any
    scores_: dict[str, Any] | None
    history_: History
    notes_: list[str]
    seconds_: dict[str, float]
    chosen_: Mapping[str, Any] = MappingProxyType({})

    def _load_model(self, record: Mapping[str, Any], tensors: Mapping[str, Array]) -> TrainedModel:
        """The model back from its description and its parameters."""
        raise NotImplementedError

    def _state(self) -> dict[str, Any]:
        """What else ``fit`` learned, as plain values."""
        raise NotImplementedError

    def _set_state(self, record: dict[str, Any]) -> None:
        """Puts back what :meth:`_state` gave."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Saves the fitted estimator as a folder (JSON and safetensors).

        Args:
            path: The folder; its parent must exist.
            overwrite: Whether a saved model already there may be replaced.

        Raises:
            InputError: If something stands there that must not be replaced.
            NotFittedError: Before ``fit``.
        """
        self._require_fitted()
        description = {
            "parameters": self.get_params(),
            "model": self.model_.description(),
            "state": self._state(),
            "scores": self.scores_,
            "notes": self.notes_,
            "history": self.history_.to_dict(),
            "features": getattr(self, "n_features_in_", None),
        }
        write_model(path, self._kind, description, self.model_.tensors(), overwrite)

    @classmethod
    def from_saved(cls: type[_Saved], path: str | os.PathLike[str]) -> _Saved:
        """Reads back what :meth:`save` wrote, as :func:`elman.load` does.

        Args:
            path: The folder.

        Raises:
            InputError: If it is no such model, of a later version, or damaged.
        """
        record, tensors = read_model(path, cls._kind)
        try:
            estimator = cls(**record["parameters"])
            estimator.model_ = estimator._load_model(record["model"], tensors)
            estimator._set_state(record["state"])
            estimator.scores_ = record["scores"]
            estimator.notes_, estimator.seconds_ = list(record["notes"]), {}
            estimator.history_ = History.from_dict(record["history"])
            if record["features"] is not None:
                estimator.n_features_in_ = int(record["features"])  # type: ignore[attr-defined]
        except InputError:
            raise
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            raise InputError(
                f"path: the saved {cls._kind} in {path} is damaged or of another version: {error!r}"
            ) from error
        return estimator

    def _require_fitted(self) -> None:
        if not hasattr(self, "model_"):
            raise NotFittedError(f"This {type(self).__name__} is not fitted; call fit first")

    @staticmethod
    def _warn(text: str) -> None:
        warnings.warn(text, ElmanWarning, stacklevel=4)
