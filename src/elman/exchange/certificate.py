"""How exact an export is: the file run in its own runtime, beside the model it came from."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

import numpy as np

from elman import __version__
from elman.errors import ElmanWarning, InputError
from elman.exchange.parts import Array

__all__ = [
    "SHAPES",
    "SUSPICIOUS",
    "Case",
    "begin_file",
    "certificate_path",
    "certify",
    "check_target",
    "compare",
    "network_cases",
]

SHAPES = ((1, 1), (1, 20), (3, 7), (8, 50))
"""Rows and steps of the random inputs."""

SUSPICIOUS = 1e-3
"""Relative difference beyond which rounding is no explanation, unless the network is chaotic."""

_DEFINITION = (
    "absolute: the largest difference between an output of the file and of the model; relative: "
    "that over the largest absolute value of the model's output; of outputs that are no measures "
    "(labels, numbers of classes) both are the share that differs"
)


class Case(NamedTuple):
    """Inputs by name, and how they are described.

    Attributes:
        shape: What the case is called.
        inputs: By the names of the exported file.
    """

    shape: str
    inputs: dict[str, Array]


def certificate_path(file: str | os.PathLike[str]) -> Path:
    """``<file>.certificate.json``."""
    return Path(f"{os.fspath(file)}.certificate.json")


def check_target(file: str | os.PathLike[str], overwrite: bool) -> Path:
    """The path, which must be free or may be overwritten, and so must its certificate's.

    Raises:
        InputError: If something stands there, or there is no folder for it that can be written.
    """
    path = Path(file)
    if not path.parent.is_dir():
        raise InputError(f"file: expected an existing folder to write in, got {path.parent}")
    try:
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(
            f"file: cannot write in {path.parent} ({error.strerror}); choose another folder"
        ) from error
    for one in (path, certificate_path(path)):
        if one.is_dir():
            raise InputError(f"file: {one} is a folder; choose another name")
        if one.exists() and not overwrite:
            raise InputError(f"file: {one} exists already; pass overwrite=True to replace it")
    return path


def begin_file(path: Path) -> Path:
    """The path of a file that is about to be written: the certificate of an old one goes first."""
    certificate_path(path).unlink(missing_ok=True)
    return path


def network_cases(
    network: Any, states: bool, lengths: bool, shapes: Iterable[tuple[int, int]] = SHAPES
) -> Iterable[Case]:
    """Random inputs of several shapes for a network's file; the same every time."""
    generator = np.random.default_rng(0)
    for number, (rows, steps) in enumerate(shapes):
        for more in (False, True):
            if more and not (states or lengths):
                continue
            inputs: dict[str, Array] = {}
            if network.reads_tokens:
                inputs["x"] = generator.integers(0, network._form.size_in, (rows, steps))
            else:
                x = generator.standard_normal((rows, steps, network.input_size))
                inputs["x"] = x.astype(network.dtype)
            named = f"{rows} rows, {steps} steps"
            if more and lengths:
                inputs["lengths"] = generator.integers(min(number, 1), steps + 1, rows)
                named += ", unequal lengths"
            if more and states:
                for name, part in network.initial_state(rows).items():
                    drawn = generator.standard_normal(part.shape)
                    inputs[name] = drawn.astype(network.dtype)
                named += ", given states"
            yield Case(named, inputs)


def certify(
    file: Path,
    runtime: str,
    version: str,
    cases: Iterable[Case],
    ours: Callable[[Case], Mapping[str, Array]],
    theirs: Callable[[Case], Mapping[str, Array]],
) -> dict[str, Any]:
    """Compares, and writes the certificate beside the file.

    Args:
        file: What was exported.
        runtime: What ran it.
        version: Of the runtime.
        cases: Inputs.
        ours: The model's outputs by name.
        theirs: The file's, read back and run.

    Returns:
        The certificate.
    """
    certificate = compare(file, runtime, version, cases, ours, theirs)
    relative = certificate["largest_relative_difference"]
    if relative > SUSPICIOUS:
        warnings.warn(
            f"{file.name} is off by {relative:.1e} of its outputs in {runtime} (see its "
            "certificate): a network that magnifies rounding may be, else please report it",
            ElmanWarning,
            stacklevel=4,
        )
    text = json.dumps(certificate, indent=2, allow_nan=False)
    certificate_path(file).write_text(text + "\n", encoding="utf-8")
    return certificate


def compare(
    file: Path,
    runtime: str,
    version: str,
    cases: Iterable[Case],
    ours: Callable[[Case], Mapping[str, Array]],
    theirs: Callable[[Case], Mapping[str, Array]],
) -> dict[str, Any]:
    """What a certificate says; arguments as :func:`certify`, nothing is written."""
    found = [_compared(case, ours(case), theirs(case)) for case in cases]
    return {
        "file": file.name,
        "sha256": sha256(file.read_bytes()).hexdigest(),
        "runtime": runtime,
        "runtime_version": version,
        "elman": __version__,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "largest_absolute_difference": max(one["absolute"] for one in found),
        "largest_relative_difference": max(one["relative"] for one in found),
        "definition": _DEFINITION,
        "cases": found,
    }


def _compared(case: Case, ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> dict[str, Any]:
    absolute = relative = 0.0
    for name, value in ours.items():
        if name not in theirs:
            raise InputError(
                f"file: it has no output {name!r}; expected {', '.join(ours)}, got "
                f"{', '.join(theirs)}"
            )
        own, other = np.asarray(value), np.asarray(theirs[name])
        where = f"file: its output {name!r} for {case.shape}"
        if other.shape != own.shape:
            raise InputError(f"{where} is of shape {other.shape}, expected {own.shape}")
        if not own.size:
            continue
        if own.dtype.kind != "f":
            difference = float(np.mean(own != other))
            found = difference, difference
        else:
            found = _apart(own, other, where)
        absolute, relative = max(absolute, found[0]), max(relative, found[1])
    return {"inputs": case.shape, "absolute": absolute, "relative": relative}


def _apart(own: Array, other: Array, where: str) -> tuple[float, float]:
    """The largest absolute difference, and that over the model's largest number.

    Raises:
        InputError: If either is not finite: nothing is proved by such numbers.
    """
    for whose, one in (("the file", other), ("the model", own)):
        if not np.isfinite(one).all():
            raise InputError(f"{where}: {whose} gives numbers that are not finite")
    difference = float(np.abs(np.asarray(other, np.float64) - own).max())
    largest = float(np.abs(own).max())
    return difference, difference / largest if largest else difference
