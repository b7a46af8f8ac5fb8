"""Measures of emulated dynamics: how errors grow, for how long a rollout is right, its climate.

Errors are normalised: at each lead time the root of the mean over the channels of the squared
error over the channel's variance. The mean state has an error of about 1, and two states picked
at random one of about 1.41.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.checks import real, whole
from elman.errors import InputError

__all__ = [
    "climate_distance",
    "growth_curve",
    "largest_lyapunov",
    "lyapunov_from_data",
    "normalised_error",
    "power_spectrum",
    "successive_maxima",
    "valid_steps",
]

Array: TypeAlias = NDArray[Any]


def normalised_error(forecast: Array, truth: Array, deviation: Array) -> Array:
    """The normalised error of every start at every lead time.

    Args:
        forecast: ``(N, H, C)``.
        truth: ``(N, H, C)``.
        deviation: Of each channel over the climate, ``(C,)``.

    Returns:
        ``(N, H)``.
    """
    return np.asarray(np.sqrt((((forecast - truth) / deviation) ** 2).mean(axis=2)))


def valid_steps(errors: Array, threshold: float = 0.4) -> Array:
    """For how many steps each rollout stays below the threshold, ``(N,)``; at most all of them.

    The valid prediction time, in steps. In Lyapunov times it is comparable between systems.

    Args:
        errors: Normalised, ``(N, H)``.
        threshold: Above 0; 0.4 is usual (N. A. K. Doan, W. Polifke and L. Magri, "Physics-informed
            echo state networks", Journal of Computational Science 47 (2020) 101237).
    """
    real("threshold", threshold, 0.0, open_below=True)
    above = ~(errors <= threshold)  # NaN counts as above
    return np.asarray(np.where(above.any(axis=1), above.argmax(axis=1), errors.shape[1]))


def growth_curve(errors: Array) -> dict[str, list[float]]:
    """Median, tenth and ninetieth percentile over the starts at each lead time."""
    low, middle, high = np.quantile(errors, (0.1, 0.5, 0.9), axis=0)
    return {"median": middle.tolist(), "low": low.tolist(), "high": high.tolist()}


def largest_lyapunov(
    advance: Callable[[Array], Array],
    states: Array,
    dt: float,
    rounds: int,
    separation: float = 1e-8,
    skip: int = 10,
    seed: int = 0,
) -> tuple[float, float]:
    """The largest Lyapunov exponent, by Benettin's method of two neighbouring trajectories.

    A neighbour is started at a small distance, both are advanced, the growth of their distance is
    noted, and the neighbour is put back to the small distance in the direction it has gone. For
    a delay equation the state is the whole history that it needs.

    Args:
        advance: States ``(N, D)`` a time ``dt`` later.
        states: ``(N, D)`` on the attractor.
        dt: Time of one call of ``advance``.
        rounds: How often they are advanced.
        separation: The small distance.
        skip: Rounds at the beginning that count nothing, in which the direction is found.
        seed: Of the first direction.

    Returns:
        The mean over the ``N`` trajectories for a unit of time, and its standard error.

    Source: G. Benettin, L. Galgani and J.-M. Strelcyn, "Kolmogorov entropy and numerical
    experiments", Physical Review A 14 (1976) 2338-2345.
    """
    whole("rounds", rounds, skip + 1)
    direction = np.random.default_rng(seed).standard_normal(states.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    states = np.asarray(states, np.float64)
    total = np.zeros(len(states))
    for number in range(rounds):
        both = advance(np.concatenate([states, states + separation * direction]))
        states, neighbours = np.split(both, 2)
        apart = neighbours - states
        distance = np.linalg.norm(apart, axis=1, keepdims=True)
        direction = apart / np.maximum(distance, 1e-300)
        if number >= skip:
            total += np.log(np.maximum(distance[:, 0], 1e-300) / separation)
    each = total / ((rounds - skip) * dt)
    error = float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else 0.0
    return float(each.mean()), error


def lyapunov_from_data(
    series: Sequence[Array],
    dt: float,
    dimension: int = 1,
    delay: int = 1,
    fit: int = 50,
    exclude: int = 50,
    most: int = 1000,
) -> float:
    """An estimate of the largest Lyapunov exponent from trajectories alone.

    Each state's nearest neighbour (apart in time) is followed; the exponent is the slope of the
    mean logarithm of their distance over the first steps. A rough estimate: it depends on where
    the curve is taken to be straight.

    Args:
        series: ``(T_i, C)`` each.
        dt: Time from step to step.
        dimension: Copies of the state, delayed, that are compared; 1 where the whole state is
            measured.
        delay: Steps from copy to copy.
        fit: Steps over which the line is fitted.
        exclude: Neighbours nearer in time than so many steps do not count.
        most: States that are followed, evenly spread.

    Raises:
        InputError: If no trajectory is long enough.

    Source: M. T. Rosenstein, J. J. Collins and C. J. De Luca, "A practical method for calculating
    largest Lyapunov exponents from small data sets", Physica D 65 (1993) 117-134.
    """
    embedded = [_embed(np.asarray(one, np.float64), dimension, delay) for one in series]
    embedded = [one for one in embedded if len(one) > fit + 1]
    if not embedded:
        raise InputError(
            f"series: expected a trajectory of more than {fit + 1 + (dimension - 1) * delay} steps"
        )
    deviation = np.concatenate(embedded).std(axis=0)
    points = [one / np.where(deviation > 0, deviation, 1.0) for one in embedded]
    begins = np.cumsum([0, *(len(one) for one in points[:-1])])
    every = np.concatenate(points)
    usable = np.concatenate(
        [np.arange(len(one) - fit) + at for one, at in zip(points, begins, strict=True)]
    )
    chosen = usable[np.unique(np.linspace(0, len(usable) - 1, most).astype(np.int64))]
    logs: list[Array] = []
    for one in chosen:
        squares = ((every[usable] - every[one]) ** 2).sum(axis=1)
        squares[np.abs(usable - one) < exclude] = np.inf
        near = usable[int(squares.argmin())]
        apart = every[one : one + fit + 1] - every[near : near + fit + 1]
        distance = np.linalg.norm(apart, axis=1)
        if np.isfinite(squares.min()) and (distance > 0).all():
            logs.append(np.log(distance))
    if not logs:
        raise InputError("series: expected states with neighbours apart in time, found none")
    return float(np.polyfit(np.arange(fit + 1) * dt, np.mean(logs, axis=0), 1)[0])


def power_spectrum(series: Sequence[Array], dt: float, segment: int = 256) -> tuple[Array, Array]:
    """The power spectral density by Welch's method: Hann windows that overlap by half.

    Args:
        series: ``(T_i, C)`` each; those shorter than a segment are left out.
        dt: Time from step to step.
        segment: Steps of a window.

    Returns:
        Frequencies ``(K,)`` in cycles for a unit of time, without 0, and densities ``(K, C)``,
        whose sum times the spacing of the frequencies is about the variance.

    Raises:
        InputError: If every trajectory is shorter than a segment.

    Source: P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra",
    IEEE Transactions on Audio and Electroacoustics 15 (1967) 70-73.
    """
    whole("segment", segment, 4)
    window = np.hanning(segment + 1)[:-1]
    spectra = []
    for one in series:
        for begin in range(0, len(one) - segment + 1, segment // 2):
            part = one[begin : begin + segment]
            part = (part - part.mean(axis=0)) * window[:, None]
            spectra.append(np.abs(np.fft.rfft(part, axis=0)) ** 2)
    if not spectra:
        raise InputError(f"segment: expected one no longer than a trajectory, got {segment}")
    density = np.mean(spectra, axis=0) * (dt / (window**2).sum())
    density[1:] *= 2.0
    if segment % 2 == 0:
        density[-1] /= 2.0  # the highest frequency has no twin
    return np.fft.rfftfreq(segment, dt)[1:], density[1:]


def climate_distance(emulated: Array, truth: Array, bins: int = 40) -> float:
    """How far the histograms of two sets of states lie apart, the mean over the channels.

    Args:
        emulated: ``(M, C)``.
        truth: ``(L, C)``; the bins cover its range, and what lies outside is counted in the
            outermost.
        bins: Of each channel.

    Returns:
        Half the sum of the absolute differences of the shares: 0 where they agree, 1 where they
        have no bin in common.
    """
    distances = []
    for own, other in zip(emulated.T, truth.T, strict=True):
        edges = np.linspace(other.min(), max(other.max(), other.min() + 1e-12), bins + 1)
        shares = [
            np.histogram(np.clip(one, edges[0], edges[-1]), edges)[0] / max(len(one), 1)
            for one in (own, other)
        ]
        distances.append(0.5 * np.abs(shares[0] - shares[1]).sum())
    return float(np.mean(distances))


def successive_maxima(series: Sequence[Array], channel: int) -> Array:
    """Pairs of a channel's maximum and the next one, ``(K, 2)``: Lorenz's return map.

    Each maximum is that of the parabola through the highest step and its two neighbours.

    Args:
        series: ``(T_i, C)`` each.
        channel: Which channel.
    """
    pairs = []
    for one in series:
        value = one[:, channel]
        before, at, after = value[:-2], value[1:-1], value[2:]
        top = (at > before) & (at >= after)
        before, at, after = before[top], at[top], after[top]
        bend = before - 2.0 * at + after
        peaks = at - (after - before) ** 2 / (8.0 * np.where(bend < 0, bend, -1.0))
        pairs.append(np.stack([peaks[:-1], peaks[1:]], axis=1))
    return np.concatenate(pairs) if pairs else np.empty((0, 2))


def _embed(one: Array, dimension: int, delay: int) -> Array:
    steps = len(one) - (dimension - 1) * delay
    if steps < 1:
        return np.empty((0, one.shape[1] * dimension))
    parts = [one[number * delay : number * delay + steps] for number in range(dimension)]
    return np.concatenate(parts, axis=1)
