"""The hidden state of a network, as a value: carry it, copy it, branch it, save it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import describe
from elman.errors import InputError

__all__ = ["NetworkState"]

Array: TypeAlias = NDArray[Any]

_FORMAT = "elman-state-1"


class NetworkState(Mapping[str, Array]):
    """The states of every recurrent layer, for a number of rows.

    A mapping from names, ``"0.h_l0"``, ``"0.c_l0"`` (layer of the network, state, level, as
    PyTorch counts them), to arrays ``(rows, hidden_size)``. Networks take one and give a new
    one; none is ever changed in place, so an old state can be gone back to.

    Args:
        parts: The arrays by name.
    """

    __slots__ = ("_names", "_parts")

    def __init__(self, parts: Mapping[str, Array]) -> None:
        self._names = tuple(parts)
        self._parts = tuple(np.asarray(part) for part in parts.values())
        rows = {part.shape[:1] for part in self._parts}
        if any(part.ndim != 2 for part in self._parts) or len(rows) > 1:
            shapes = ", ".join(f"{name} {part.shape}" for name, part in self.items())
            raise InputError(
                f"parts: expected arrays (rows, hidden_size) of as many rows each, got {shapes}"
            )

    @classmethod
    def of_parts(cls, names: tuple[str, ...], parts: tuple[Array, ...]) -> NetworkState:
        """A state of ``names`` and their ``parts``, without checks."""
        state = object.__new__(cls)
        state._names = names
        state._parts = parts
        return state

    @property
    def parts(self) -> tuple[Array, ...]:
        """The arrays, in the order of the names."""
        return self._parts

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return self._names

    @property
    def rows(self) -> int:
        """How many sequences the state belongs to."""
        return len(self._parts[0]) if self._parts else 0

    def __getitem__(self, name: str) -> Array:
        try:
            return self._parts[self._names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        listed = ", ".join(f"{name} {part.shape}" for name, part in self.items())
        return f"NetworkState({listed})"

    def copy(self) -> NetworkState:
        """An independent copy."""
        return self.of_parts(self._names, tuple(part.copy() for part in self._parts))

    def select(self, rows: int | slice | Sequence[int] | Array) -> NetworkState:
        """The state of some rows; name a row twice to branch it.

        Args:
            rows: A row's number, a slice, row numbers or a boolean mask.

        Raises:
            InputError: If a row does not exist.
        """
        index: Any = [rows] if isinstance(rows, (int, np.integer)) else rows
        if not isinstance(index, slice):
            index = np.asarray(index)
            if index.size == 0:
                index = index.astype(np.int64)
        try:
            parts = tuple(part[index].copy() for part in self._parts)
        except IndexError as error:
            raise InputError(
                f"rows: expected rows of a state of {self.rows}, got {rows!r}"
            ) from error
        return self.of_parts(self._names, parts)

    @staticmethod
    def stack(states: Sequence[NetworkState]) -> NetworkState:
        """The rows of several states of one network, one state after the other.

        Raises:
            InputError: If there is none, or their names or widths differ.
        """
        if not states:
            raise InputError("states: expected at least one NetworkState, got none")
        first = states[0]
        for state in states:
            if state.names != first.names or any(
                a.shape[1] != b.shape[1] for a, b in zip(state.parts, first.parts, strict=True)
            ):
                raise InputError(
                    f"states: expected states of one network, got {first!r} and {state!r}"
                )
        parts = zip(*(state.parts for state in states), strict=True)
        return NetworkState.of_parts(first.names, tuple(np.concatenate(part) for part in parts))

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Writes one safetensors file.

        Args:
            path: Where to.
            overwrite: Whether a file already there may be replaced.

        Raises:
            InputError: If the file exists and ``overwrite`` is not set.
        """
        from safetensors.numpy import save

        path = Path(path)
        if path.exists() and not overwrite:
            raise InputError(f"path: {path} exists already; pass overwrite=True to replace it")
        content = save(
            {name: np.ascontiguousarray(part) for name, part in self.items()},
            metadata={"format": _FORMAT, "names": "\n".join(self._names)},
        )
        temporary = path.with_name(path.name + ".partial")
        temporary.write_bytes(content)
        temporary.replace(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NetworkState:
        """Reads what :meth:`save` wrote.

        Raises:
            InputError: If there is no such file, or it holds no state.
        """
        from safetensors import SafetensorError, safe_open

        path = Path(path)
        if not path.is_file():
            raise InputError(f"path: expected a saved state, got {path}, which is no file")
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != _FORMAT:
                    raise InputError(
                        f"path: expected a state of format {_FORMAT}, got {path} of format "
                        f"{metadata.get('format')!r}"
                    )
                names = [name for name in metadata["names"].split("\n") if name]
                return cls({name: file.get_tensor(name) for name in names})
        except SafetensorError as error:
            raise InputError(f"path: {path} is not a safetensors file: {error}") from error


def check_state(state: Any, sizes: Mapping[str, int], rows: int, dtype: Any) -> NetworkState:
    """``state`` as one that fits a network, its arrays contiguous and of the network's dtype.

    Raises:
        InputError: If its names, widths or number of rows do not fit.
    """
    if not isinstance(state, NetworkState):
        raise InputError(
            f"state: expected a NetworkState as forward and step return, got {describe(state)}"
        )
    expected = {name: (rows, size) for name, size in sizes.items()}
    got = {name: part.shape for name, part in state.items()}
    if got != expected:
        raise InputError(f"state: expected arrays {expected}, got {got}")
    parts = tuple(np.ascontiguousarray(part, dtype) for part in state.parts)
    return NetworkState.of_parts(state.names, parts)
