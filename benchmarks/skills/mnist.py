"""MNIST by rows: 28 steps of 28 pixels, an LSTM of 128 units, beside the same model in torch.nn.

Both begin at the same weights and do the same work: 10 epochs of batches of 64, Adam, the rate
along a cosine, gradients clipped, one thread. Their epochs take turns, so that both meet the same
machine. The settings were chosen on the last 5,000 training digits; the test digits were not seen.
"""

from __future__ import annotations

import math
import time
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import elman
from benchmarks.skills.common import Options, data_file, goal
from benchmarks.tables import Table

Array: TypeAlias = NDArray[Any]

HIDDEN, EPOCHS, BATCH = 128, 10, 64
RATE, CLIP, DROPOUT = 2e-3, 1.0, 0.2
ACCURACY, SOONER = 0.985, 1.3
REFERENCES = [("LSTM-128, 10 epochs (published)", "97 to 98")]


def run(options: Options) -> dict[str, Any] | None:
    """A training of both for each seed."""
    file = data_file("mnist", "mnist.npz")
    if file is None:
        return None
    with np.load(file, allow_pickle=False) as archive:
        train = (scaled(archive["x_train"]), archive["y_train"].astype(np.int64))
        test = (scaled(archive["x_test"]), archive["y_test"].astype(np.int64))
    runs = [one_seed(seed, train, test, options.threads) for seed in options.seeds]
    accuracy = [100 * one["elman"]["accuracy"] for one in runs]
    ratios = [one["ratio"] for one in runs if one["ratio"] is not None]
    goals = [
        goal(
            "MNIST by rows, LSTM-128",
            "accuracy",
            f"at least {100 * ACCURACY:.1f} in {EPOCHS} epochs",
            accuracy,
            bool(np.mean(accuracy) >= 100 * ACCURACY),
            ".2f",
        )
    ]
    if ratios:
        goals.append(
            goal(
                "MNIST by rows, LSTM-128",
                "times sooner than torch.nn",
                f"at least {SOONER}",
                ratios,
                bool(np.mean(ratios) >= SOONER),
                ".2f",
            )
        )
    settings = {"learning_rate": RATE, "clip_norm": CLIP, "dropout": DROPOUT}
    return {"settings": settings, "threads": options.threads, "runs": runs, "goals": goals}


def tables(content: dict[str, Any]) -> list[Table]:
    """Accuracy and seconds of both."""
    rows = [[name, accuracy, "", ""] for name, accuracy in REFERENCES]
    for name in ("torch.nn", "elman"):
        found = [one[name] for one in content["runs"] if one[name] is not None]
        if not found:
            continue
        accuracy = [100 * one["accuracy"] for one in found]
        seconds = [one["seconds"] for one in found]
        ratio = ""
        if name == "elman":
            ratios = [one["ratio"] for one in content["runs"] if one["ratio"] is not None]
            ratio = f"{np.mean(ratios):.2f} times sooner" if ratios else ""
        rows.append(
            [
                f"{name}, mean of {len(found)} seed{'s' if len(found) > 1 else ''}",
                f"{np.mean(accuracy):.2f} ± {np.std(accuracy):.2f}",
                f"{np.mean(seconds):.0f}",
                ratio,
            ]
        )
    title = (
        f"MNIST by rows, LSTM of {HIDDEN}, {EPOCHS} epochs of batches of {BATCH}, "
        f"{content['threads']} thread each, epochs taking turns; the ratio is the median of theirs "
        "(settings by the last 5,000 training digits)"
    )
    return [Table(title, ["network", "accuracy", "seconds of training", ""], rows)]


def scaled(pixels: Array) -> Array:
    """Rows of pixels ``(N, 28, 28)``, from 0 to 1."""
    return np.asarray(pixels, np.float32) / 255.0


def one_seed(
    seed: int, train: tuple[Array, Array], test: tuple[Array, Array], threads: int
) -> dict[str, Any]:
    """Both trained in turns, epoch by epoch, and judged by the test part."""
    network = build(seed)
    peer = Peer(network, seed, len(train[0]), threads) if Peer.there() else None
    own: list[float] = []
    marks = [time.perf_counter()]

    def turn(record: Any) -> None:
        own.append(time.perf_counter() - marks[-1])
        if peer is not None:
            peer.epoch(*train)
        marks.append(time.perf_counter())

    network.fit(
        *train,
        loss="cross_entropy",
        optimizer=elman.Adam(RATE),
        schedule="cosine",
        epochs=EPOCHS,
        batch_size=BATCH,
        clip_norm=CLIP,
        progress=False,
        on_epoch=turn,
    )
    found: dict[str, Any] = {"seed": seed, "torch.nn": None, "ratio": None}
    accuracy = float((network.predict(test[0]).argmax(axis=1) == test[1]).mean())
    found["elman"] = {"accuracy": accuracy, "seconds": sum(own), "epochs": own}
    if peer is not None:
        found["torch.nn"] = {
            "accuracy": peer.accuracy(*test),
            "seconds": sum(peer.seconds),
            "epochs": peer.seconds,
        }
        # epoch by epoch: other work on the machine slows some of either
        found["ratio"] = float(np.median(np.divide(peer.seconds, own)))
    print(
        f"MNIST by rows, seed {seed}: "
        + ", ".join(
            f"{name} {100 * found[name]['accuracy']:.2f} in {found[name]['seconds']:.0f} s"
            for name in ("elman", "torch.nn")
            if found[name] is not None
        ),
        flush=True,
    )
    return found


def build(seed: int) -> elman.Network:
    """The network."""
    return elman.Network(
        [
            elman.LSTM(28, HIDDEN),
            elman.Last(),
            elman.Dropout(DROPOUT),
            elman.Dense(HIDDEN, 10),
        ],
        seed=seed,
    )


class Peer:
    """The same model in torch.nn, from the same weights.

    Attributes:
        seconds: Of each epoch.
    """

    def __init__(self, network: elman.Network, seed: int, rows: int, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        self._torch = torch
        self._lstm = torch.nn.LSTM(28, HIDDEN, batch_first=True)
        self._head = torch.nn.Sequential(torch.nn.Dropout(DROPOUT), torch.nn.Linear(HIDDEN, 10))
        weights = {name: torch.tensor(one) for name, one in network.state_dict().items()}
        own = {name.removeprefix("0."): one for name, one in weights.items() if name[0] == "0"}
        self._lstm.load_state_dict(own)
        self._head[1].load_state_dict({name: weights[f"3.{name}"] for name in ("weight", "bias")})
        self._parameters = [*self._lstm.parameters(), *self._head.parameters()]
        self._optimizer = torch.optim.Adam(self._parameters, lr=RATE)
        self._updates = EPOCHS * math.ceil(rows / BATCH)
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimizer, self._updates)
        self.seconds: list[float] = []

    @staticmethod
    def there() -> bool:
        """Whether torch is installed; says so if it is not."""
        try:
            import torch  # noqa: F401
        except ImportError:
            print("torch.nn is left out: torch is not installed")
            return False
        return True

    def epoch(self, X: Array, y: Array) -> None:
        """One pass over the rows, shuffled."""
        torch = self._torch
        inputs, targets = torch.from_numpy(X), torch.from_numpy(y)
        self._head.train()
        started = time.perf_counter()
        for rows in torch.randperm(len(inputs)).split(BATCH):
            self._optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(self._answer(inputs[rows]), targets[rows])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._parameters, CLIP)
            self._optimizer.step()
            self._schedule.step()
        self.seconds.append(time.perf_counter() - started)

    def accuracy(self, X: Array, y: Array) -> float:
        """The share of digits named rightly."""
        torch = self._torch
        self._head.eval()
        with torch.no_grad():
            named = torch.cat([self._answer(part) for part in torch.from_numpy(X).split(1000)])
        return float((named.argmax(1) == torch.from_numpy(y)).float().mean())

    def _answer(self, inputs: Any) -> Any:
        return self._head(self._lstm(inputs)[0][:, -1])
