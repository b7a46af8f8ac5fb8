"""Walks of a cell over time: made at random, run on a backend or in torch, and compared.

A :class:`Walk` is everything that goes into one forward and backward walk, a :class:`Result`
everything that comes out. The tests of the backends are comparisons of results.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elman.backends import Backend
from elman.backends.regularization import PLAIN, Noise, Regularization
from elman.cells import CELLS

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Walk:
    """The arguments of one forward and one backward walk, time-major."""

    cell: str
    parameters: tuple[Array | None, ...]
    x: Array
    state: tuple[Array, ...] | None
    live: Array | None
    d_output: Array | None
    d_final_state: tuple[Array, ...] | None
    reverse: bool = False
    truncate: int | None = None
    regularization: Regularization = PLAIN
    noise: Noise | None = None

    @property
    def hidden_size(self) -> int:
        return int(self.parameters[1].shape[1])

    @property
    def lengths(self) -> Array:
        time_steps, batch_size = self.x.shape[:2]
        if self.live is None:
            return np.full(batch_size, time_steps)
        return lengths_of(self.live, batch_size)


@dataclass(frozen=True)
class Result:
    """What a walk gives: values forward, gradients backward."""

    output: Array
    final_state: tuple[Array, ...]
    d_x: Array | None
    d_state: tuple[Array, ...] | None
    gradients: tuple[Array | None, ...]
    names: tuple[str, ...]

    def arrays(self) -> dict[str, Array]:
        """Every array by a name fit for a message."""
        named = {"output": self.output, "d_x": self.d_x}
        named |= {f"final_state[{i}]": part for i, part in enumerate(self.final_state)}
        named |= {f"d_state[{i}]": part for i, part in enumerate(self.d_state or ())}
        named |= {f"d_{name}": part for name, part in zip(self.names, self.gradients, strict=True)}
        return {name: part for name, part in named.items() if part is not None}


def lengths_of(live: Array, batch_size: int) -> Array:
    """The number of live steps of each row."""
    return (live[:, None] > np.arange(batch_size)).sum(axis=0)


def live_of(lengths: Array, time_steps: int) -> Array:
    """The number of live rows at each step, for non-increasing ``lengths``."""
    return (np.asarray(lengths) > np.arange(time_steps)[:, None]).sum(axis=1).astype(np.int64)


def random_lengths(generator: np.random.Generator, time_steps: int, batch_size: int) -> Array:
    """Non-increasing lengths: the longest row is full, the last of three or more empty."""
    lengths = np.sort(generator.integers(0, time_steps + 1, batch_size))[::-1].copy()
    lengths[:1] = time_steps
    if batch_size > 2:
        lengths[-1] = 0
    return lengths


def fill_dead(array: Array, live: Array | None, value: float) -> Array:
    """A copy of a ``[T, B, C]`` array with ``value`` at every dead position."""
    array = array.copy()
    if live is not None:
        array[np.arange(array.shape[1]) >= live[:, None]] = value
    return array


def make_walk(
    cell: str,
    size: tuple[int, int, int, int],
    *,
    seed: int = 0,
    dtype: str = "float64",
    bias: bool = True,
    reverse: bool = False,
    ragged: bool = False,
    state: bool = True,
    d_output: bool = True,
    d_final_state: bool = True,
    truncate: int | None = None,
    regularization: Regularization = PLAIN,
    noise: bool = True,
) -> Walk:
    """A random walk of ``size`` (T, B, D, H); dead positions hold NaN.

    Gains and shifts of layer normalisation are drawn too; ``noise`` is for its random kinds.
    """
    time_steps, batch_size, input_size, hidden_size = size
    generator = np.random.default_rng([seed, *size])

    def normal(*shape: int) -> Array:
        return generator.standard_normal(shape).astype(dtype)

    names = CELLS[cell].parameter_names(regularization.layer_norm)
    shapes = CELLS[cell].parameter_shapes(input_size, hidden_size, bias, regularization.layer_norm)
    drawn = CELLS[cell].initialize(shapes, generator)
    for name in names[4:]:
        drawn[name] += 0.3 * generator.standard_normal(shapes[name])
    parameters = tuple(drawn[name].astype(dtype) if name in drawn else None for name in names)
    live = None
    if ragged:
        live = live_of(random_lengths(generator, time_steps, batch_size), time_steps)
    states = range(len(CELLS[cell].states))
    x = normal(time_steps, batch_size, input_size)
    initial = tuple(normal(batch_size, hidden_size) for _ in states)
    d_out = normal(time_steps, batch_size, hidden_size)
    d_final = tuple(normal(batch_size, hidden_size) for _ in states)
    return Walk(
        cell,
        parameters,
        fill_dead(x, live, np.nan),
        initial if state else None,
        live,
        fill_dead(d_out, live, np.nan) if d_output else None,
        d_final if d_final_state else None,
        reverse,
        truncate,
        regularization,
        make_noise(generator, batch_size) if noise and regularization.random else None,
    )


def make_noise(generator: np.random.Generator, batch_size: int) -> Noise:
    """A seed, and numbers of the rows that are not their places."""
    seed = generator.integers(0, 2**64, 1, np.uint64)
    return Noise(seed, generator.permutation(batch_size + 5)[:batch_size])


def rows_of(walk: Walk, rows: Array) -> Walk:
    """The walk of some rows only, in the given order (lengths must stay non-increasing)."""

    def take(parts: tuple[Array, ...] | None) -> tuple[Array, ...] | None:
        return None if parts is None else tuple(part[rows].copy() for part in parts)

    time_steps = len(walk.x)
    return replace(
        walk,
        x=walk.x[:, rows].copy(),
        state=take(walk.state),
        live=None if walk.live is None else live_of(walk.lengths[rows], time_steps),
        d_output=None if walk.d_output is None else walk.d_output[:, rows].copy(),
        d_final_state=take(walk.d_final_state),
        noise=None if walk.noise is None else walk.noise._replace(rows=walk.noise.rows[rows]),
    )


def new_workspace(backend: Backend, walk: Walk) -> Any:
    """A workspace fit for the walk."""
    _, _, input_size = walk.x.shape
    bias = walk.parameters[2] is not None
    return backend.create_workspace(
        walk.cell,
        input_size,
        walk.hidden_size,
        bias,
        walk.x.dtype,
        walk.reverse,
        walk.regularization,
    )


def run_forward(
    backend: Backend,
    walk: Walk,
    workspace: Any = None,
    output: Array | None = None,
    training: bool = False,
) -> tuple[Array, tuple[Array, ...]]:
    """Output and final state; every array to be written starts as NaN."""
    time_steps, batch_size, _ = walk.x.shape
    hidden_size, dtype = walk.hidden_size, walk.x.dtype
    if workspace is None:
        workspace = new_workspace(backend, walk)
    if output is None:
        output = np.full((time_steps, batch_size, hidden_size), np.nan, dtype)
    final_state = tuple(
        np.full((batch_size, hidden_size), np.nan, dtype) for _ in CELLS[walk.cell].states
    )
    backend.forward(
        workspace,
        walk.parameters,
        walk.x,
        walk.state,
        walk.live,
        output,
        final_state,
        training,
        noise=walk.noise,
    )
    return output, final_state


def run(
    backend: Backend,
    walk: Walk,
    *,
    workspace: Any = None,
    need_d_x: bool = True,
    need_d_state: bool = True,
    gradients: tuple[Array | None, ...] | None = None,
    output: Array | None = None,
) -> Result:
    """Walk forward and backward on a backend; arrays to be written start as NaN."""
    if workspace is None:
        workspace = new_workspace(backend, walk)
    output, final_state = run_forward(backend, walk, workspace, output, training=True)
    d_x = np.full(walk.x.shape, np.nan, walk.x.dtype) if need_d_x else None
    d_state = tuple(np.full_like(part, np.nan) for part in final_state) if need_d_state else None
    if gradients is None:
        gradients = tuple(None if p is None else np.zeros_like(p) for p in walk.parameters)
    backend.backward(
        workspace,
        walk.parameters,
        walk.x,
        walk.d_output,
        walk.d_final_state,
        d_x,
        d_state,
        gradients,
        walk.truncate,
    )
    names = CELLS[walk.cell].parameter_names(walk.regularization.layer_norm)
    return Result(output, final_state, d_x, d_state, gradients, names)


TOLERANCE = {"float64": 1e-10, "float32": 1e-5}
"""Largest error allowed, relative to the largest magnitude of the array or to 1, the magnitude of
the walks' inputs: where sums of such numbers cancel, no arithmetic keeps more."""


def assert_close(actual: Array, expected: Array, name: str, tolerance: float | None = None) -> None:
    """Equal shapes, and equal values up to rounding, see :data:`TOLERANCE`."""
    assert actual.shape == expected.shape, f"{name}: shape {actual.shape}, not {expected.shape}"
    assert np.isfinite(expected).all(), f"{name}: the expected values are not finite"
    assert np.isfinite(actual).all(), f"{name}: {(~np.isfinite(actual)).sum()} not finite"
    if tolerance is None:
        tolerance = TOLERANCE[actual.dtype.name]
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    error = float(np.abs(actual.astype(np.float64) - expected).max(initial=0.0)) / scale
    assert error <= tolerance, f"{name}: relative error {error:.2e} above {tolerance:.0e}"


def assert_results_close(actual: Result, expected: Result, tolerance: float | None = None) -> None:
    """Every array of one result against the other's."""
    ours, theirs = actual.arrays(), expected.arrays()
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert_close(array, theirs[name], name, tolerance)


def assert_same_bits(actual: Array, expected: Array, name: str) -> None:
    """Equal shapes, dtypes and bits."""
    assert actual.shape == expected.shape, f"{name}: shape {actual.shape}, not {expected.shape}"
    assert actual.dtype == expected.dtype, f"{name}: {actual.dtype}, not {expected.dtype}"
    if actual.tobytes() != expected.tobytes():
        differ = (actual != expected).sum()
        largest = np.nanmax(np.abs(actual - expected))
        raise AssertionError(
            f"{name}: {differ} of {actual.size} values differ, by {largest:.2e} at most"
        )


def assert_results_same_bits(actual: Result, expected: Result) -> None:
    """Every array of one result against the other's, bit by bit."""
    ours, theirs = actual.arrays(), expected.arrays()
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert_same_bits(array, theirs[name], name)


def in_float64(walk: Walk) -> Walk:
    """The same numbers in float64, for an oracle that computes in the dtype it is given."""

    def cast(part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(cast(p) for p in part)
        return None if part is None else part.astype(np.float64)

    return replace(
        walk,
        parameters=cast(walk.parameters),
        x=cast(walk.x),
        state=cast(walk.state),
        d_output=cast(walk.d_output),
        d_final_state=cast(walk.d_final_state),
    )
