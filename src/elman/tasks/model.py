"""One trained network and all that it needs to forecast: the plan, the scaling, the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elman.data.panel import Panel
from elman.errors import InputError
from elman.losses import Loss, Pinball, make_loss
from elman.optimizers import AdamW
from elman.parameters import copy_in
from elman.saving import tensor_of
from elman.schedules import CosineDecay
from elman.tasks.direct import DirectNetwork, DirectShape
from elman.tasks.features import Encoder
from elman.tasks.linear import fit_shortcut, leftover_quantiles
from elman.tasks.parameters import Array
from elman.tasks.plan import Plan
from elman.tasks.recursive import RecursiveNetwork, RecursiveShape, StepWindows
from elman.tasks.samples import ForecastBatch, Rows, WindowSet, WindowShape
from elman.tasks.training_windows import training_windows
from elman.training import History, Options, train

__all__ = ["ForecastModel", "RawForecast"]

CLIP_NORM = 1.0


@dataclass
class RawForecast:
    """Quantiles of windows in scaled units, before calibration.

    Attributes:
        quantiles: ``(W, C, horizon, Q)``, ascending in the last axis.
        unit: ``(W, C)``: the normalised unit of each window; calibration counts in it.
    """

    quantiles: Array
    unit: Array


class ForecastModel:
    """A network trained on the first rows of every series.

    Attributes:
        plan: What was chosen.
        encoder: What was fitted beside the network.
        networks: The networks, more than one in an ensemble.
        history: The record of the first one's training.
        marks: Whether the network reads which values are missing.
        penalty: Of the linear shortcut, or ``None``.
    """

    def __init__(
        self,
        plan: Plan,
        encoder: Encoder,
        channels: int,
        widths: tuple[int, int],
        marks: bool,
        rng: np.random.Generator,
        dtype: Any = np.float32,
        backend: str = "auto",
    ) -> None:
        self.plan, self.encoder, self.channels, self.marks = plan, encoder, channels, marks
        self.widths, self.dtype, self.backend = widths, np.dtype(dtype), backend
        self.history = History()
        self.penalty: float | None = None
        self.networks = [self._make_network(rng, backend) for _ in range(plan.ensemble)]

    @property
    def network(self) -> DirectNetwork | RecursiveNetwork:
        """The first of the networks."""
        return self.networks[0]

    def _make_network(
        self, rng: np.random.Generator, backend: str
    ) -> DirectNetwork | RecursiveNetwork:
        plan, (past, future) = self.plan, self.widths
        statics = self.encoder.statics
        if plan.strategy == "recursive":
            shape = RecursiveShape(
                cell=plan.cell,
                hidden_size=plan.hidden_size,
                num_layers=plan.num_layers,
                inputs=self.channels * (1 + self.marks) + future + statics,
                channels=self.channels,
            )
            return RecursiveNetwork(shape, rng, self.dtype, backend)
        windows = self._window_shape
        return DirectNetwork(
            DirectShape(
                cell=plan.cell,
                hidden_size=plan.hidden_size,
                num_layers=plan.num_layers,
                segment=plan.segment,
                inputs=1 + self.marks + past + future,
                segments_in=windows.segments_in,
                segments_out=windows.segments_out,
                outputs=len(self.trained_quantiles),
                channels=self.channels,
                series=len(self.encoder.ids) if plan.series_vectors else 0,
                statics=statics,
                futures=future,
                dropout=plan.dropout,
            ),
            rng,
            self.dtype,
            backend,
        )

    @property
    def trained_quantiles(self) -> tuple[float, ...]:
        """The quantiles that the network puts out: all of them, or the point forecast alone."""
        return self.plan.quantiles if self.plan.loss == "pinball" else (0.5,)

    @property
    def _window_shape(self) -> WindowShape:
        plan = self.plan
        return WindowShape(plan.window, plan.horizon, plan.segment, plan.normalize, self.marks)

    @classmethod
    def train(
        cls,
        panel: Panel,
        counts: Array,
        plan: Plan,
        seed: np.random.SeedSequence,
        *,
        dtype: Any = np.float32,
        backend: str = "auto",
        progress: bool | None = None,
        on_epoch: Any = None,
    ) -> ForecastModel:
        """Trains a network on the first ``counts`` rows of every series.

        Raises:
            InputError: If no window can be learnt from.
            TrainingError: If the loss is not finite.
        """
        rng = np.random.default_rng(seed)
        encoder = Encoder.fit(panel, counts, plan.scaling)
        training = panel.take(counts)
        row, origin = training_windows(encoder, training, plan)
        marks = bool(np.isnan(training.values).any() or (origin < plan.window).any())
        widths = (panel.past.shape[1], panel.future.shape[1])
        model = cls(plan, encoder, panel.n_targets, widths, marks, rng, dtype, backend)
        model._train(training, counts, row, origin, rng, progress, on_epoch)
        return model

    def _train(
        self,
        training: Panel,
        counts: Array,
        row: Array,
        origin: Array,
        rng: np.random.Generator,
        progress: bool | None,
        on_epoch: Any,
    ) -> None:
        plan = self.plan
        batches: WindowSet | StepWindows
        if plan.strategy == "recursive":
            rows = self.encoder.series_rows(training, counts, self.dtype)
            # The target of the last input is the step at the origin.
            batches = StepWindows(rows, plan.window, row, origin, plan.batch_size)
        else:
            batches = WindowSet(
                self.encoder.rows(training, counts, self.dtype),
                self._window_shape,
                row,
                origin,
                plan.batch_size,
            )
            self._start_outputs(batches)
        options = Options(
            optimizer=AdamW(plan.learning_rate, weight_decay=0.01),
            schedule=CosineDecay(warmup=min(1.0, 0.1 * plan.epochs)),
            epochs=plan.epochs,
            clip_norm=CLIP_NORM,
            progress=progress,
            on_epoch=on_epoch,
        )
        for network in self.networks:
            history = train(network, batches, self._loss(), options, rng)
            if network is self.network:
                self.history = history
            if history.interrupted:
                self.history.interrupted = True
                break

    def _start_outputs(self, windows: WindowSet) -> None:
        """Fits the linear forecast, and starts the outputs at the quantiles of what it leaves."""
        shortcut = None
        if self.plan.shortcut:
            shortcut, self.penalty = fit_shortcut(windows)
        quantiles = leftover_quantiles(windows, shortcut, self.trained_quantiles)
        for network in self.networks:
            assert isinstance(network, DirectNetwork)
            network.flat["head.bias"][...] = quantiles.reshape(-1)
            if shortcut is not None:
                network.shortcut = shortcut
                # The network begins by adding little to the linear forecast.
                network.flat["head.weight"][...] *= 0.1

    def _loss(self) -> Loss:
        loss = self.plan.loss
        if loss == "pinball":
            return Pinball(self.plan.quantiles)
        return make_loss(loss)

    def check(self, panel: Panel) -> None:
        """Refuses a panel of other columns than the training's.

        Raises:
            InputError: Naming what was expected and what came.
        """
        got = (panel.n_targets, panel.past.shape[1], panel.future.shape[1])
        if got != (self.channels, *self.widths):
            raise InputError(
                f"data: expected {self.channels} target(s), {self.widths[0]} past and "
                f"{self.widths[1]} future covariate(s) as in training, got "
                f"{got[0]}, {got[1]} and {got[2]}"
            )

    def forecast(
        self,
        panel: Panel,
        series: Array,
        origin: Array,
        counts: Array,
        horizon: int | None = None,
    ) -> RawForecast:
        """Forecasts windows.

        Args:
            panel: The series; rows from each origin on are not read, but for covariates known
                ahead.
            series: int64 ``(W,)``.
            origin: int64 ``(W,)``: the first step to be forecast.
            counts: ``(S,)``: rows by which a series unknown to the training is scaled.
            horizon: How far a recursive network runs; a direct one always gives all its steps.

        Raises:
            InputError: If a window lacks values that the network cannot do without.
        """
        self.check(panel)
        self._check_history(panel, series, origin)
        if self.plan.strategy == "recursive":
            return self._run_free(panel, series, origin, counts, horizon or self.plan.horizon)
        predict = [network.forward_batch for network in self.networks]
        return self._forecast_directly(panel, series, origin, counts, predict)

    def linear_forecast(
        self, panel: Panel, series: Array, origin: Array, counts: Array
    ) -> RawForecast | None:
        """The forecasts of the linear part alone, or ``None`` where there is none.

        The arguments are those of :meth:`forecast`; all quantiles are the same.
        """
        network = self.network
        if not isinstance(network, DirectNetwork) or network.shortcut is None:
            return None
        return self._forecast_directly(panel, series, origin, counts, [network.linear_batch])

    def _forecast_directly(
        self,
        panel: Panel,
        series: Array,
        origin: Array,
        counts: Array,
        predict: Sequence[Callable[[ForecastBatch], Array]],
    ) -> RawForecast:
        """The mean of what the functions predict for each batch of windows."""
        rows = self.encoder.rows(panel, counts, self.dtype)
        self._set_series(rows, panel)
        row = (series[:, None] * self.channels + np.arange(self.channels)).reshape(-1)
        windows = WindowSet(
            rows,
            self._window_shape,
            row,
            np.repeat(origin, self.channels),
            batch_size=self._chunk(),
            targets=False,
        )
        parts = []
        for batch in windows.epoch():
            # The quantiles of several networks are averaged, each in its order.
            found = [np.sort(windows.restore(one(batch), batch.rows), axis=-1) for one in predict]
            parts.append(sum(found[1:], start=found[0]) / len(found))
        shape = (len(series), self.channels, self.plan.horizon, -1)
        values = np.concatenate(parts) if parts else np.empty((0, self.plan.horizon, 1))
        quantiles = values.reshape(shape) if len(values) else values[None][:0]
        return RawForecast(quantiles, windows.scale.astype(np.float64).reshape(len(series), -1))

    def _run_free(
        self, panel: Panel, series: Array, origin: Array, counts: Array, horizon: int
    ) -> RawForecast:
        rows = self.encoder.series_rows(panel, counts, self.dtype)
        if not self.marks:
            rows.observed = None  # missing are only rows beyond the origin, which hold covariates
        elif rows.observed is None:
            rows.observed = np.ones_like(rows.values)
        windows = StepWindows(rows, self.plan.window, series, origin, targets=False)
        values = np.zeros((len(series), horizon, self.channels))
        for network in self.networks:
            assert isinstance(network, RecursiveNetwork)
            values += network.run_free(windows, horizon) / len(self.networks)
        _, deviation = self.encoder.scaler_for(panel, counts)
        return RawForecast(values.transpose(0, 2, 1)[..., None], deviation[series])

    def _set_series(self, rows: Rows, panel: Panel) -> None:
        """Gives each row its number among the series of the training, where that is read."""
        numbers = self.encoder.numbers(panel)
        if not self.plan.series_vectors:
            return
        unseen = np.flatnonzero(numbers < 0)
        if len(unseen):
            raise InputError(
                f"data: series {panel.label(unseen[0])} was not seen in training, and every series "
                "has a learned vector; train with series_vectors=False to forecast new ones"
            )
        rows.vector = numbers[rows.series]

    def _check_history(self, panel: Panel, series: Array, origin: Array) -> None:
        if not len(series):
            return
        window = self.plan.window
        padded = self.marks and self.plan.strategy == "direct"
        short = np.flatnonzero(origin < (1 if padded else window))
        if len(short):
            first = int(short[0])
            raise InputError(
                f"data: series {panel.label(series[first])} has {int(origin[first])} rows before "
                f"the forecast, expected at least {1 if padded else window}, the window of this "
                "model; give more of its past, or train with a smaller window"
            )
        if self.marks:
            return
        for number in np.unique(series):
            first = int(origin[series == number].min())
            last = int(origin[series == number].max())
            part = panel.series(int(number))[first - window : last]
            if np.isnan(part).any():
                raise InputError(
                    f"data: series {panel.label(number)} misses values in the window before the "
                    "forecast, and the training had none missing; fill them, or train on data with "
                    "missing values"
                )

    def _chunk(self) -> int:
        """Windows forecast at once: some millions of numbers."""
        shape = self._window_shape
        width = shape.segments_out * max(
            self.plan.hidden_size * 6, self.plan.segment * len(self.trained_quantiles)
        )
        return int(np.clip(8_000_000 // width, 16, 4096))

    # ------------------------------------------------------------------------------- saving

    def tensors(self) -> dict[str, Array]:
        """All numbers that are fitted, by name."""
        fitted = self.encoder.tensors()
        if isinstance(self.network, DirectNetwork) and self.network.shortcut is not None:
            fitted["shortcut"] = self.network.shortcut
        for number, network in enumerate(self.networks):
            flat = network.flat if isinstance(network, DirectNetwork) else network
            for name, value in flat.state_dict().items():
                fitted[f"network{number}.{name}"] = value
        return fitted

    def description(self) -> dict[str, Any]:
        """Everything else, as plain values."""
        return {
            "plan": self.plan.to_dict(),
            **self.encoder.description(),
            "channels": self.channels,
            "past": self.widths[0],
            "future": self.widths[1],
            "marks": self.marks,
            "dtype": self.dtype.name,
            "penalty": self.penalty,
            "history": self.history.to_dict(),
        }

    def __reduce__(self) -> Any:
        """For copies, and for other processes: the compiled workspaces are made anew."""
        return type(self).from_saved, (self.description(), self.tensors(), self.backend)

    @classmethod
    def from_saved(
        cls, record: Mapping[str, Any], tensors: Mapping[str, Array], backend: str = "auto"
    ) -> ForecastModel:
        """The model that :meth:`description` and :meth:`tensors` described.

        Raises:
            InputError: If something is missing or does not fit.
        """
        plan, channels = Plan.from_dict(record["plan"]), int(record["channels"])
        widths = int(record["past"]), int(record["future"])
        encoder = Encoder.from_saved(record, tensors, channels, widths)
        model = cls(
            plan,
            encoder,
            channels,
            widths,
            bool(record["marks"]),
            np.random.default_rng(0),
            record["dtype"],
            backend,
        )
        for number, network in enumerate(model.networks):
            _load(network, f"network{number}.", tensors, plan)
        model.penalty = record["penalty"]
        model.history = History.from_dict(record["history"])
        return model


def _load(
    network: DirectNetwork | RecursiveNetwork,
    prefix: str,
    tensors: Mapping[str, Array],
    plan: Plan,
) -> None:
    """Copies a network's weights in, and the linear forecast beside it."""
    weights = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    if isinstance(network, RecursiveNetwork):
        copy_in(network.views(), weights)
        return
    network.flat.load_state_dict(weights)
    if plan.shortcut:
        ahead = network.shape.segments_out * network.shape.segment
        shortcut = tensor_of(tensors, "shortcut", (plan.window, ahead))
        if not np.isfinite(shortcut).all():
            raise InputError("expected finite numbers in the tensor 'shortcut'")
        network.shortcut = np.array(shortcut)
