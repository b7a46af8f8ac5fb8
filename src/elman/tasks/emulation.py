"""The emulator: learns a dynamical system from trajectories, and runs free from any state."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from elman.cells import CELLS
from elman.checks import one_of, real, whole
from elman.crossing import TaskCrossing
from elman.data.trajectories import Trajectories, as_trajectories
from elman.errors import InputError
from elman.evaluate.dynamics import lyapunov_from_data
from elman.tasks.emulation_data import (
    check_same_kind,
    forcing_ahead,
    histories,
    own_parameters,
    parts,
    usable,
)
from elman.tasks.emulation_model import EmulatorModel, EmulatorTraining
from elman.tasks.emulation_network import EmulatorShape
from elman.tasks.emulation_scores import Judged, fit_rivals, judge, simple_rivals
from elman.tasks.estimator import SavedEstimator

__all__ = ["Emulator"]

Array: TypeAlias = NDArray[Any]
_Self = TypeVar("_Self", bound="Emulator")

_UPDATES = 3000
_CELLS = {"rnn": "rnn_tanh", **{name: name for name in CELLS}}


class Emulator(SavedEstimator, TaskCrossing):
    """Learns how a system goes on from its state, and then stands in for it.

    From the state, the forcing at both ends of a step and the parameters, a recurrent network
    gives the state one step later. Free-running, it reads its own output, for as many steps as
    are wanted. So that it can, it is trained not only on true states: noise may be added to what
    it reads, and over the last part of the training it reads its own outputs for a growing number
    of steps, with the gradient through the whole rollout or cut (pushforward).

    Trajectories are an array ``(N, T, C)``, a list of ``(T_i, C)`` of unequal lengths, or a single
    ``(T, C)``; steps are equally far apart in time.

    Args:
        cell: ``"lstm"``, ``"gru"``, ``"rnn"``, ``"rnn_relu"`` or ``"gru_reset_before"``.
        hidden_size: Units.
        num_layers: How many cells are stacked.
        history: Steps read before the network runs free; of a longer history the last ones.
        window: Steps of a stretch in training, those of the rollout included.
        predict: ``"increments"`` of the state, or ``"states"`` themselves.
        noise: Deviation of the noise added to the states read in training, in deviations of each
            channel.
        rollout_steps: The most steps that the network reads itself in training; 0 for none.
        rollout_share: Share of the epochs, the last ones, in which it does.
        multi_step: ``"unrolled"`` carries the gradient through the rollout, ``"pushforward"``
            cuts it at what is read.
        epochs: Passes over the trajectories; default: what comes to 3000 updates.
        batch_size: Stretches of a batch.
        learning_rate: Of Adam at its highest, falling along a cosine.
        ensemble: How many networks are trained; at every step all go on from their mean.
        held_out: Share held out, up to 0.5: half of it picks the best epoch, half is scored. 0:
            none.
        split: What is held out: whole ``"trajectories"``, the last part in ``"time"`` of each, or
            ``"auto"``: trajectories if there are five or more.
        missing: ``"error"`` refuses NaN in states; ``"cut"`` cuts trajectories there.
        lyapunov: The system's largest Lyapunov exponent for a unit of time, by which times are
            then measured; ``"estimate"`` from the trajectories trained on (Rosenstein's method);
            ``None``: times are in their own unit.
        dtype: ``"float32"`` or ``"float64"``, of all arithmetic.
        seed: Of all randomness: same seed, same bits.
        verbose: Whether a progress bar is shown.
        backend: ``"auto"``, ``"native"`` or ``"reference"``.

    Attributes:
        model_: The networks, an :class:`elman.tasks.emulation_model.EmulatorModel`.
        scores_: What :meth:`evaluate` says of the held-out part, or ``None``.
        judged_: The held-out rollouts, for pictures, or ``None``; it is not saved.
        history_: The record of the training.
        notes_: What was done or should be known, in words.
        seconds_: Wall-clock time of the parts of :meth:`fit`.

    Raises:
        InputError: From :meth:`fit`, for an argument or data that do not fit.

    Source: J. Brandstetter, D. Worrall and M. Welling, "Message passing neural PDE solvers", ICLR
    2022; P. R. Vlachas et al., "Backpropagation algorithms and reservoir computing in recurrent
    neural networks for the forecasting of complex spatiotemporal dynamics", Neural Networks 126
    (2020) 191-217.
    """

    _kind = "emulator"

    def __init__(
        self,
        cell: str = "lstm",
        hidden_size: int = 64,
        num_layers: int = 1,
        history: int = 20,
        window: int = 40,
        predict: str = "increments",
        noise: float = 0.0,
        rollout_steps: int = 20,
        rollout_share: float = 0.2,
        multi_step: str = "unrolled",
        epochs: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 0.007,
        ensemble: int = 1,
        held_out: float = 0.2,
        split: str = "auto",
        missing: str = "error",
        lyapunov: float | str | None = None,
        dtype: str = "float32",
        seed: int = 0,
        verbose: bool = False,
        backend: str = "auto",
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.history = history
        self.window = window
        self.predict = predict
        self.noise = noise
        self.rollout_steps = rollout_steps
        self.rollout_share = rollout_share
        self.multi_step = multi_step
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.ensemble = ensemble
        self.held_out = held_out
        self.split = split
        self.missing = missing
        self.lyapunov = lyapunov
        self.dtype = dtype
        self.seed = seed
        self.verbose = verbose
        self.backend = backend

    # -------------------------------------------------------------------------------- fitting

    def fit(
        self: _Self,
        trajectories: Any,
        forcing: Any = None,
        parameters: Any = None,
        *,
        dt: float = 1.0,
        lengths: Any = None,
    ) -> _Self:
        """Trains, and scores on the part held out.

        Args:
            trajectories: States, see the class, or :class:`~elman.data.trajectories.Trajectories`
                with all the rest in it.
            forcing: What drives the system, at the same steps, ``(N, T, F)`` or a list of ``(T_i,
                F)``; or ``None``.
            parameters: What stays the same in a trajectory, ``(N, P)``, or ``None``.
            dt: Time from step to step.
            lengths: How many steps of each trajectory of an array are live, ``(N,)``.

        Returns:
            The emulator itself.

        Raises:
            InputError: If an argument or the data do not fit; nothing was trained then.
            TrainingError: If training does not converge to finite numbers.
        """
        started = clock.perf_counter()
        self._check_options()
        data = as_trajectories(trajectories, forcing, parameters, dt, lengths)
        notes: list[str] = []
        data = usable(data, self.missing, self.window, notes)
        longest = max(map(len, data.states))
        if self.history >= longest:
            raise InputError(
                f"history: expected fewer steps than the longest trajectory has, {longest:,}, got "
                f"{self.history:,}; lower it (--history)"
            )
        train, watched, held = self._parts(data, notes)
        exponent = self._exponent(train, notes)
        begun = clock.perf_counter()
        model = EmulatorModel.train(
            train,
            watched,
            shape=self._shape(train),
            training=self._training(train),
            ensemble=self.ensemble,
            seed=np.random.SeedSequence(self.seed),
            dtype=self.dtype,
            backend=self.backend,
            progress=None if self.verbose else False,
        )
        self.seconds_ = {"training": clock.perf_counter() - begun}
        self.model_, self.history_ = model, model.histories[0]
        if any(history.interrupted for history in model.histories):
            notes.append("Training was interrupted; the weights are the best until then.")
        if watched is not None and self.rollout_steps and self.rollout_share:
            notes.append(
                "The validation loss is that of rollouts from the first epoch on; the training "
                "loss becomes so only over the last part of the epochs."
            )
        self.lyapunov_ = exponent
        self._rivals = fit_rivals(model, train)
        self.scores_: dict[str, Any] | None = None
        self.judged_: Judged | None = None
        if held is not None:
            begun = clock.perf_counter()
            self.judged_ = self._judge(held, None, 60, 0.4)
            self.scores_ = self.judged_.scores
            self.seconds_["scoring"] = clock.perf_counter() - begun
        self.notes_ = notes
        self.seconds_["total"] = clock.perf_counter() - started
        return self

    # ------------------------------------------------------------------------------- emulating

    def rollout(
        self, history: Any, steps: int, forcing: Any = None, parameters: Any = None
    ) -> Array:
        """Runs free from a given state.

        Args:
            history: The last states, the newest last: ``(k, C)``, ``(N, k, C)`` or a list of
                ``(k_i, C)``. A single state will do; the network was trained with more, and of a
                longer history the last ``history`` steps are read.
            steps: How many states are wanted.
            forcing: Of the steps of the history and, known ahead, of those wanted: ``(k + steps,
                F)``, batched as the history is; ``None`` if there was none in :meth:`fit`.
            parameters: ``(P,)``, or ``(N, P)`` of a batch; ``None`` if there were none.

        Returns:
            ``(steps, C)``, or ``(N, steps, C)`` of a batch, float64.

        Raises:
            InputError: If something does not fit.
            NotFittedError: Before :meth:`fit`.
        """
        self._require_fitted()
        steps = whole("steps", steps)
        widths = self.model_.scales.widths
        rows, single = histories(history, widths[0])
        drive = forcing_ahead(forcing, rows, steps, widths[1], single)
        own = own_parameters(parameters, len(rows), widths[2], single)
        result = self.model_.rollout(rows, steps, drive, own)
        return np.asarray(result[0] if single else result)

    def predict_next(self, history: Any, forcing: Any = None, parameters: Any = None) -> Array:
        """The state one step after a history.

        Args:
            history: As :meth:`rollout` takes it.
            forcing: Of the history and of the step wanted, ``(k + 1, F)``.
            parameters: As :meth:`rollout` takes them.

        Returns:
            ``(C,)``, or ``(N, C)`` of a batch, float64.

        Raises:
            InputError: As :meth:`rollout`.
        """
        return np.asarray(self.rollout(history, 1, forcing, parameters)[..., 0, :])

    def evaluate(
        self,
        trajectories: Any,
        forcing: Any = None,
        parameters: Any = None,
        *,
        lengths: Any = None,
        horizon: int | None = None,
        starts: int = 60,
        threshold: float = 0.4,
    ) -> dict[str, Any]:
        """Rolls out from states of given trajectories, and says how the errors grow.

        Args:
            trajectories: As in :meth:`fit`, at the same distance from step to step.
            forcing: As in :meth:`fit`.
            parameters: As in :meth:`fit`.
            lengths: As in :meth:`fit`.
            horizon: Steps of a rollout; default: 12 Lyapunov times where they are known, at most
                two thirds of the shortest trajectory.
            starts: Rollouts, spread evenly over all states.
            threshold: Of the normalised error (:mod:`elman.evaluate.dynamics`) up to which a
                rollout is right.

        Returns:
            ``"table"``: for the network and each baseline the mean and median valid time, in
            ``"unit"``, the normalised error of one step and of the whole rollout, and the distance
            of the climates; ``"lead"`` times and at each of them the ``"growth"`` of the error
            (median, tenth and ninetieth percentile); ``"valid"``, the valid time of each of the
            network's rollouts, and ``"whole"``, the share of those right to the end;
            ``"emulated_lyapunov"``, the network's own exponent and its standard error. After
            loading, the baselines that learn (linear, analog) are not there any more.

        Raises:
            InputError: If something does not fit.
            NotFittedError: Before :meth:`fit`.
        """
        self._require_fitted()
        whole("starts", starts)
        if horizon is not None:
            whole("horizon", horizon)
        data = as_trajectories(trajectories, forcing, parameters, self.model_.dt, lengths)
        check_same_kind(data, self.model_.scales.widths, self.model_.dt)
        data = usable(data, self.missing, self.model_.history, [])
        return self._judge(data, horizon, starts, threshold).scores

    # --------------------------------------------------------------------------------- saving

    def _load_model(self, record: Mapping[str, Any], tensors: Mapping[str, Array]) -> EmulatorModel:
        return EmulatorModel.from_saved(record, tensors, self.backend)

    def _state(self) -> dict[str, Any]:
        return {"lyapunov": self.lyapunov_}

    def _set_state(self, record: dict[str, Any]) -> None:
        self.lyapunov_ = record["lyapunov"]
        self._rivals, self.judged_ = simple_rivals(self.model_), None

    # ----------------------------------------------------------------------------- the parts

    def _parts(
        self, data: Trajectories, notes: list[str]
    ) -> tuple[Trajectories, Trajectories | None, Trajectories | None]:
        """To train on, to watch and to judge by."""
        if not self.held_out:
            return data, None, None
        seed = np.random.SeedSequence([self.seed, 1])
        split, found = parts(data, self.held_out, self.split, self.history, seed)
        if found is None:
            text = (
                "the trajectories are too short to be judged: a part of them held out should have "
                f"15 steps or more after a history of {self.history}; lower history (--history), "
                "or give longer ones"
            )
            self._warn(text)
            notes.append(f"{text[0].upper()}{text[1:]}.")
            return data, None, None
        what = "Whole trajectories were" if split == "trajectories" else "The last part of each was"
        notes.append(f"{what} held out; nothing was learnt of that.")
        return found

    def _exponent(self, train: Trajectories, notes: list[str]) -> float | None:
        if self.lyapunov != "estimate":
            return None if self.lyapunov is None else float(self.lyapunov)
        longest = max(map(len, train.states))
        copies = 1 if train.width > 1 else 6
        try:
            exponent = lyapunov_from_data(
                train.states, train.dt, dimension=copies, fit=min(50, longest // 4)
            )
        except InputError as error:
            raise InputError(
                f"lyapunov: the trajectories are too short to estimate the exponent ({error}); "
                "give it as a number, or None"
            ) from error
        if exponent <= 0:
            notes.append("The estimated Lyapunov exponent is not above 0: the system is no chaos.")
            return None
        notes.append(
            f"The largest Lyapunov exponent was estimated from the trajectories: {exponent:.3g}, "
            "a rough figure."
        )
        return exponent

    def _shape(self, data: Trajectories) -> EmulatorShape:
        return EmulatorShape(
            cell=_CELLS[self.cell],
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            channels=data.width,
            others=2 * data.forcing_width + data.parameter_width,
            increments=self.predict == "increments",
            noise=self.noise,
            cut=self.multi_step == "pushforward",
        )

    def _training(self, data: Trajectories) -> EmulatorTraining:
        window = min([self.window, *(len(one) - 1 for one in data.states)])
        stretches = sum(max(1, round((len(one) - 1) / window)) for one in data.states)
        batches = math.ceil(stretches / self.batch_size)
        return EmulatorTraining(
            epochs=self.epochs or math.ceil(_UPDATES / batches),
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            history=self.history,
            window=window,
            rollout_steps=min(self.rollout_steps, window // 2),
            rollout_share=self.rollout_share,
        )

    def _judge(
        self, data: Trajectories, horizon: int | None, starts: int, threshold: float
    ) -> Judged:
        return judge(
            self.model_,
            self._rivals,
            data,
            horizon=horizon,
            starts=starts,
            threshold=threshold,
            lyapunov=self.lyapunov_,
        )

    def _check_options(self) -> None:
        one_of("cell", self.cell, _CELLS)
        one_of("predict", self.predict, ("increments", "states"))
        one_of("multi_step", self.multi_step, ("unrolled", "pushforward"))
        one_of("split", self.split, ("auto", "trajectories", "time"))
        one_of("missing", self.missing, ("error", "cut"))
        one_of("dtype", self.dtype, ("float32", "float64"))
        one_of("backend", self.backend, ("auto", "native", "reference"))
        for name in ("hidden_size", "num_layers", "history", "batch_size", "ensemble"):
            whole(name, getattr(self, name))
        whole("window", self.window, 2)
        whole("rollout_steps", self.rollout_steps, 0)
        whole("seed", self.seed, 0)
        if self.epochs is not None:
            whole("epochs", self.epochs)
        real("noise", self.noise, 0.0)
        real("rollout_share", self.rollout_share, 0.0, 1.0)
        real("learning_rate", self.learning_rate, 0.0, open_below=True)
        real("held_out", self.held_out, 0.0, 0.5)
        if self.lyapunov is not None and self.lyapunov != "estimate":
            real("lyapunov", self.lyapunov, 0.0, open_below=True)
