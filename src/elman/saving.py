"""Saved models: a folder with a description in JSON and the numbers in safetensors.

The description, ``network.json`` for a network, states the kind of model, the version of the
format and the version of elman that wrote it. Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman import __version__
from elman.errors import InputError

__all__ = ["FORMAT_VERSION", "load", "read_model", "tensor_of", "write_model"]

Array: TypeAlias = NDArray[Any]

FORMAT_VERSION = 1
"""Version of the format that this elman writes, and the latest it reads."""

WEIGHTS = "weights.safetensors"

# kind of model -> the class that has `from_saved(path)`
_KINDS = {
    "network": ("elman.network", "Network"),
    "forecaster": ("elman.tasks.forecasting", "Forecaster"),
    "classifier": ("elman.tasks.classification", "SequenceClassifier"),
    "translator": ("elman.tasks.translation", "Translator"),
    "regressor": ("elman.tasks.regression", "SequenceRegressor"),
    "labeller": ("elman.tasks.labelling", "SequenceLabeller"),
    "language_model": ("elman.tasks.language", "LanguageModel"),
    "emulator": ("elman.tasks.emulation", "Emulator"),
    "autoencoder": ("elman.tasks.reconstruction", "SequenceAutoencoder"),
}


def load(path: str | os.PathLike[str]) -> Any:
    """Reads back what ``save`` wrote: an :class:`elman.Network`, :class:`elman.Forecaster` ...

    Args:
        path: The folder.

    Raises:
        InputError: If there is no saved model there, or it is of a later format, or something
            in it is missing, unknown or of the wrong shape.
    """
    kind = _kind_of(Path(path))
    module, name = _KINDS[kind]
    return getattr(import_module(module), name).from_saved(path)


def write_model(
    path: str | os.PathLike[str],
    kind: str,
    description: Mapping[str, Any],
    tensors: Mapping[str, Array],
    overwrite: bool = False,
) -> None:
    """Writes a model's folder, whole or not at all.

    Args:
        path: The folder; its parent must exist.
        kind: ``"network"``, ``"forecaster"`` ...: the description is ``{kind}.json``.
        description: Plain values.
        tensors: Arrays by name.
        overwrite: Whether a saved model of elman's already there may be replaced. Anything
            else is never replaced.

    Raises:
        InputError: If something stands there that must not be replaced, or there is no parent.
    """
    import shutil  # these two take longer to import than a small network to train
    import tempfile

    path = Path(path)
    _check_target(path, overwrite)
    content = {"kind": kind, "format": FORMAT_VERSION, "elman": __version__, **description}
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        temporary.chmod(0o777 & ~_umask())
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (temporary / f"{kind}.json").write_text(text + "\n", encoding="utf-8")
        (temporary / WEIGHTS).write_bytes(_tensor_bytes(tensors))
        _put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read_model(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """The description and the tensors of a saved model of one kind.

    Raises:
        InputError: See :func:`load`.
    """
    path = Path(path)
    found = _kind_of(path)
    if found != kind:
        raise InputError(f"path: expected a saved {kind}, got a {found} in {path}")
    file = path / f"{kind}.json"
    try:
        description = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"path: {file} is not valid JSON: {error}") from error
    if not isinstance(description, dict) or description.get("kind") != kind:
        raise InputError(f"path: {file} does not describe a {kind}")
    version = description.get("format")
    if version != FORMAT_VERSION:
        raise InputError(
            f"path: expected format version {FORMAT_VERSION}, got {version!r} in {file}, written "
            f"by elman {description.get('elman', 'of an unknown version')}; this is elman "
            f"{__version__}"
        )
    return description, _read_tensors(path / WEIGHTS)


def tensor_of(tensors: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> Array:
    """A tensor of a saved model, which must have a shape.

    Raises:
        InputError: If it is missing or of another shape.
    """
    if name not in tensors:
        raise InputError(f"expected the tensor {name!r}, which is missing")
    found = tensors[name]
    if found.shape != shape:
        raise InputError(f"expected the tensor {name!r} of shape {shape}, got {found.shape}")
    return found


def _kind_of(path: Path) -> str:
    for kind in _KINDS:
        if (path / f"{kind}.json").is_file():
            return kind
    expected = " or ".join(f"{kind}.json" for kind in _KINDS)
    state = "which does not exist" if not path.exists() else "which has none"
    raise InputError(f"path: expected a folder with {expected}, got {path}, {state}")


def _check_target(path: Path, overwrite: bool) -> None:
    if not path.parent.is_dir():
        raise InputError(f"path: expected an existing folder to save in, got {path.parent}")
    if not (path.exists() or path.is_symlink()):
        return
    is_model = path.is_dir() and any((path / f"{kind}.json").is_file() for kind in _KINDS)
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        return
    if not is_model or path.is_symlink():
        raise InputError(
            f"path: {path} exists and is not a model that elman saved; it is never replaced, "
            "choose another path"
        )
    if not overwrite:
        raise InputError(
            f"path: {path} holds a saved model already; pass overwrite=True to replace it"
        )
    foreign = [item.name for item in path.iterdir() if not _is_ours(item)]
    if foreign:
        raise InputError(
            f"path: {path} holds a saved model and other files ({', '.join(sorted(foreign)[:5])}), "
            "which replacing it would delete; choose another path or move them away"
        )


def _is_ours(item: Path) -> bool:
    return item.name == WEIGHTS or item.name in {f"{kind}.json" for kind in _KINDS}


def _put_in_place(temporary: Path, path: Path) -> None:
    """Moves a finished folder to its place; an old one there goes only once that is done."""
    import shutil
    import tempfile

    if not path.exists():
        temporary.replace(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
    path.replace(old / "model")
    try:
        temporary.replace(path)
    except OSError:
        (old / "model").replace(path)
        raise
    finally:
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _tensor_bytes(tensors: Mapping[str, Array]) -> bytes:
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in tensors.items()})


def _read_tensors(file: Path) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_tensors

    if not file.is_file():
        raise InputError(f"path: expected {file.name} in {file.parent}, which is missing")
    try:
        return dict(sorted(load_tensors(file.read_bytes()).items()))
    except SafetensorError as error:
        raise InputError(f"path: {file} is not a safetensors file: {error}") from error
