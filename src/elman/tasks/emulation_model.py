"""Trained emulators of one shape, averaged at every step, over one scaling; and their rollouts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.trajectories import Trajectories
from elman.errors import ElmanWarning
from elman.evaluate.dynamics import largest_lyapunov
from elman.history import History
from elman.losses import MeanSquaredError
from elman.optimizers import Adam
from elman.saving import tensor_of
from elman.schedules import CosineDecay
from elman.tasks.emulation_network import EmulatorNetwork, EmulatorShape, Stretches
from elman.training import EpochRecord, Options, train

__all__ = ["LIMIT", "Curriculum", "EmulatorModel", "EmulatorTraining", "Scales", "stretches_of"]

Array: TypeAlias = NDArray[Any]

CLIP_NORM = 1.0
LIMIT = 1e3
"""Scaled states beyond this are held there, and said so."""
_PERTURBATION = 1e-7


@dataclass(frozen=True)
class Scales:
    """Mean and deviation of states, forcing and parameters over the part trained on.

    Attributes:
        mean: Of the states, ``(C,)``.
        deviation: The same way, 1 where a channel is constant; so with the others.
        forcing_mean: ``(F,)``.
        forcing_deviation: ``(F,)``.
        parameter_mean: ``(P,)``.
        parameter_deviation: ``(P,)``.
        step_size: Root mean square of the increments of the scaled states, ``(C,)``; ones where
            states are predicted.
    """

    mean: Array
    deviation: Array
    forcing_mean: Array
    forcing_deviation: Array
    parameter_mean: Array
    parameter_deviation: Array
    step_size: Array

    @classmethod
    def fit(cls, data: Trajectories, increments: bool) -> Scales:
        """Learns the scaling of trajectories."""
        states = _moments(np.concatenate(data.states))
        none = np.empty((1, 0))
        forcing = _moments(none if data.forcing is None else np.concatenate(data.forcing))
        parameters = _moments(none if data.parameters is None else data.parameters)
        size = np.ones(data.width)
        if increments:
            steps = np.concatenate([np.diff(one, axis=0) for one in data.states]) / states[1]
            size = np.sqrt((steps**2).mean(axis=0))
            size = np.where(size > 1e-12, size, 1.0)
        return cls(*states, *forcing, *parameters, size)

    @property
    def widths(self) -> tuple[int, int, int]:
        """Channels of state and forcing, and parameters."""
        return len(self.mean), len(self.forcing_mean), len(self.parameter_mean)

    def scaled(self, states: Array) -> Array:
        """States as the network reads them."""
        return np.asarray((states - self.mean) / self.deviation)

    def unscaled(self, states: Array) -> Array:
        """States in their own units."""
        return np.asarray(states * self.deviation + self.mean)

    def beside(self, steps: int, forcing: Array | None, parameters: Array | None) -> Array:
        """What is read beside the state at each of ``steps - 1`` steps, ``(steps - 1, K)``.

        Forcing at the beginning and at the end of the step, then the parameters.
        """
        parts = [np.empty((steps - 1, 0))]
        if forcing is not None:
            drive = (forcing - self.forcing_mean) / self.forcing_deviation
            parts += [drive[:-1], drive[1:]]
        if parameters is not None:
            own = (parameters - self.parameter_mean) / self.parameter_deviation
            parts.append(np.tile(own, (steps - 1, 1)))
        return np.concatenate(parts, axis=1)

    def all_beside(self, data: Trajectories) -> list[Array]:
        """:meth:`beside` of whole trajectories."""
        return [
            self.beside(
                len(one),
                None if data.forcing is None else data.forcing[number],
                None if data.parameters is None else data.parameters[number],
            )
            for number, one in enumerate(data.states)
        ]


@dataclass(frozen=True)
class EmulatorTraining:
    """How a network is trained, see :class:`elman.Emulator`."""

    epochs: int
    batch_size: int
    learning_rate: float
    history: int
    window: int
    rollout_steps: int
    rollout_share: float


class EmulatorModel:
    """Networks of one shape over one scaling.

    Attributes:
        scales: Fitted on the part trained on.
        networks: At least one.
        histories: The record of each training.
        history: Steps that are read before the network runs free, at most.
        dt: Time from step to step.
    """

    def __init__(
        self,
        scales: Scales,
        networks: Sequence[EmulatorNetwork],
        histories: Sequence[History],
        history: int,
        dt: float,
    ) -> None:
        self.scales, self.networks, self.histories = scales, list(networks), list(histories)
        self.history, self.dt = history, dt

    @classmethod
    def train(
        cls,
        data: Trajectories,
        watched: Trajectories | None,
        *,
        shape: EmulatorShape,
        training: EmulatorTraining,
        ensemble: int,
        seed: np.random.SeedSequence,
        dtype: Any,
        backend: str,
        progress: bool | None,
    ) -> EmulatorModel:
        """Fits the scaling and trains the networks.

        Args:
            data: To train on.
            watched: Trajectories whose loss picks the best epoch, or ``None``.
            shape: The network.
            training: How it is trained.
            ensemble: How many networks.
            seed: Each network's is spawned from it.
            dtype: Of the arithmetic.
            backend: Of the networks.
            progress: Whether a bar is shown; ``None``: on a terminal.
        """
        scales = Scales.fit(data, shape.increments)
        batches = stretches_of(data, scales, shape, training, dtype)
        judged = None if watched is None else stretches_of(watched, scales, shape, training, dtype)
        networks, histories = [], []
        for child in seed.spawn(ensemble):
            generator = np.random.default_rng(child)
            network = EmulatorNetwork(shape, scales.step_size, generator, dtype, backend)
            network.free_judged = training.rollout_steps
            options = Options(
                optimizer=Adam(training.learning_rate),
                schedule=CosineDecay(warmup=min(1.0, training.epochs / 10), final=0.001),
                epochs=training.epochs,
                clip_norm=CLIP_NORM,
                progress=progress,
                on_epoch=Curriculum(network, training),
            )
            history = train(network, batches, MeanSquaredError(), options, generator, judged)
            networks.append(network)
            histories.append(history)
            if history.interrupted:
                break
        return cls(scales, networks, histories, training.history, data.dt)

    @property
    def shape(self) -> EmulatorShape:
        """Of every network."""
        return self.networks[0].shape

    @property
    def parameter_count(self) -> int:
        """Parameters of all networks together."""
        return sum(network.flat.values.size for network in self.networks)

    # ------------------------------------------------------------------------------- rollouts

    def rollout(
        self,
        history: list[Array],
        steps: int,
        forcing: list[Array] | None,
        parameters: Array | None,
    ) -> Array:
        """Free-running states ``(N, steps, C)``, in their own units.

        Args:
            history: ``(k_i, C)`` each, the last ones alone are read.
            steps: How many.
            forcing: ``(k_i + steps, F)`` each, or ``None``.
            parameters: ``(N, P)``, or ``None``.
        """
        read = np.array([min(len(one), self.history) for one in history])
        result = np.empty((len(history), steps, len(self.scales.mean)))
        beside = []
        for row, length in enumerate(read):
            drive = None if forcing is None else forcing[row][-(length + steps) :]
            own = None if parameters is None else parameters[row]
            beside.append(self.scales.beside(length + steps, drive, own))
        for length in np.unique(read):
            rows = np.flatnonzero(read == length)
            past = np.stack([self.scales.scaled(history[row][-length:]) for row in rows], axis=1)
            around = np.stack([beside[row] for row in rows], axis=1)
            result[rows] = self.run_free(past, around, steps).transpose(1, 0, 2)
        return self.scales.unscaled(result)

    def run_free(self, past: Array, beside: Array, steps: int) -> Array:
        """Scaled states ``[steps, B, C]`` after ``[k, B, C]``.

        At every step each network says what comes next, and all go on from the mean.

        Args:
            past: Scaled histories.
            beside: ``[k - 1 + steps, B, K]``.
            steps: How many.
        """
        runners = [_Runner(network, past, beside) for network in self.networks]
        known, value = len(past) - 1, past[-1]
        result = np.empty((steps, *value.shape))
        for step in range(steps):
            ahead = [one.step(value, beside[known + step]) for one in runners]
            value = ahead[0] if len(ahead) == 1 else np.mean(ahead, axis=0)
            if not np.abs(value).max(initial=0.0) < LIMIT:  # NaN compares false
                value = np.clip(np.nan_to_num(value, nan=LIMIT), -LIMIT, LIMIT)
            result[step] = value
        lost = int((np.abs(result[-1]) >= LIMIT).any(axis=1).sum()) if steps else 0
        if lost:
            warnings.warn(
                f"{lost} of {result.shape[1]} rollouts left the range of the training states a "
                "thousandfold and are held there; train for longer, with noise or rollout_steps",
                ElmanWarning,
                stacklevel=4,
            )
        return result

    def lyapunov(self, past: Array, rounds: int = 300, every: int = 5) -> tuple[float, float]:
        """The emulator's own largest Lyapunov exponent for a unit of time, and its error.

        By Benettin's method on the whole state of the first network (values and hidden state), in
        double precision.

        Args:
            past: Scaled histories ``[k, B, C]``; without forcing and parameters.
            rounds: How often the distance is measured.
            every: Steps between.
        """
        network = self.networks[0].in_double()
        runner = _Runner(network, past, np.empty((len(past), past.shape[1], 0)))
        channels = past.shape[2]

        def advance(flat: Array) -> Array:
            value, runner.state = flat[:, :channels], network.unpacked(flat[:, channels:])
            for _ in range(every):
                value = runner.step(value, np.empty((len(value), 0)))
            return np.concatenate([value, network.packed(runner.state)], axis=1)

        first = runner.step(past[-1], np.empty((past.shape[1], 0)))
        flat = np.concatenate([first, network.packed(runner.state)], axis=1)
        return largest_lyapunov(advance, flat, every * self.dt, rounds, _PERTURBATION, skip=40)

    # --------------------------------------------------------------------------------- saving

    def description(self) -> dict[str, Any]:
        """All but the parameters, as plain values."""
        return {
            "shape": asdict(self.shape),
            "dtype": self.networks[0].dtype.name,
            "scales": {name: value.tolist() for name, value in asdict(self.scales).items()},
            "networks": len(self.networks),
            "histories": [history.to_dict() for history in self.histories],
            "history": self.history,
            "dt": self.dt,
        }

    def tensors(self) -> dict[str, Array]:
        """The parameters by name."""
        return {
            f"{number}.{name}": value
            for number, network in enumerate(self.networks)
            for name, value in network.flat.state_dict().items()
        }

    @classmethod
    def from_saved(
        cls, record: Mapping[str, Any], tensors: Mapping[str, Array], backend: str
    ) -> EmulatorModel:
        """Back from :meth:`description` and :meth:`tensors`."""
        scales = Scales(
            **{name: np.array(value, np.float64) for name, value in record["scales"].items()}
        )
        shape = EmulatorShape(**record["shape"])
        networks = []
        for number in range(record["networks"]):
            generator = np.random.default_rng(0)
            network = EmulatorNetwork(shape, scales.step_size, generator, record["dtype"], backend)
            shapes = shape.parameter_shapes()
            network.flat.load_state_dict(
                {name: tensor_of(tensors, f"{number}.{name}", shapes[name]) for name in shapes}
            )
            networks.append(network)
        histories = [History.from_dict(one) for one in record["histories"]]
        return cls(scales, networks, histories, int(record["history"]), float(record["dt"]))


class _Runner:
    """One network running: its hidden state after a history."""

    def __init__(self, network: EmulatorNetwork, past: Array, beside: Array) -> None:
        self._network, self.state, self._walker = network, None, network.walker()
        known = len(past) - 1
        if known:
            x = np.concatenate([past[:-1], beside[:known]], axis=2)
            x = np.ascontiguousarray(x, network.dtype)
            _, self.state = network.advance(x, None, self._walker)

    def step(self, value: Array, beside: Array) -> Array:
        """The next scaled states ``(B, C)``."""
        x = np.concatenate([value, beside], axis=1)[None].astype(self._network.dtype)
        output, self.state = self._network.advance(x, self.state, self._walker)
        return self._network.following(value, output[0])


class Curriculum:
    """Lets the steps on which the network reads itself grow over the last part of a training.

    From one up to all of them in the first half of that part, so that the network is always asked
    for little more than it can. To be called after every epoch.

    Args:
        network: Whose steps they are.
        training: How many, and over which share of the epochs.
    """

    def __init__(self, network: EmulatorNetwork, training: EmulatorTraining) -> None:
        self._network, self._training = network, training
        self._set(0)

    def __call__(self, record: EpochRecord) -> bool:
        """Sets the steps of the next epoch; never ends the training."""
        self._set(record.epoch)
        return False

    def _set(self, done: int) -> None:
        training = self._training
        begin = training.epochs * (1.0 - training.rollout_share)
        grown = min(1.0, max(0.0, done - begin) / max(0.5 * (training.epochs - begin), 1e-9))
        self._network.free = int(np.ceil(training.rollout_steps * grown))


def stretches_of(
    data: Trajectories, scales: Scales, shape: EmulatorShape, training: EmulatorTraining, dtype: Any
) -> Stretches:
    """Trajectories as the training reads them: scaled, with the targets of the network's outputs.

    The first quarter of a history's length is read and not compared, so that nothing is learnt
    of a hidden state that has yet to find its way.

    Args:
        data: The trajectories.
        scales: Fitted on those trained on.
        shape: The network.
        training: How it is trained.
        dtype: Of the arithmetic.
    """
    inputs, targets = [], []
    for states, beside in zip(data.states, scales.all_beside(data), strict=True):
        scaled = scales.scaled(states)
        inputs.append(np.concatenate([scaled[:-1], beside], axis=1).astype(dtype))
        ahead = np.diff(scaled, axis=0) / scales.step_size if shape.increments else scaled[1:]
        targets.append(ahead.astype(dtype))
    length = min([training.window, *map(len, inputs)])
    washout = min(training.history // 4, length // 4)
    return Stretches(inputs, targets, length, washout, training.batch_size)


def _moments(values: Array) -> tuple[Array, Array]:
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    constant = deviation <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
    return mean, np.where(constant, 1.0, deviation)
