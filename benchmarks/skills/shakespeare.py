"""Tiny Shakespeare: an LSTM that reads characters, beside the same in PyTorch step for step.

Both have the same weights at the start, the same batches in the same order (lanes of a text, the
state carried from chunk to chunk), the same Adam, the same clipping and the same falling learning
rate. They train in turns, an epoch each, so that whatever slows the machine slows both.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

import elman
from benchmarks.skills.common import Options, data_file, goal
from benchmarks.tables import Table
from elman.evaluate.ngrams import NGrams

LANES, CHUNK, EPOCHS = 64, 64, 3
EMBEDDING, HIDDEN, LEVELS = 64, 256, 2
RATE, CLIP = 0.003, 5.0
LONGER, DROPOUT = 10, 0.2
TRAIN = 0.9
WATCHED_LANES = 8
SAID = (
    f"LSTM {LEVELS} x {HIDDEN} on vectors of {EMBEDDING}, {LANES} lanes, chunks of {CHUNK}, "
    f"{EPOCHS} epochs, Adam {RATE:g} along a cosine, norm clipped at {CLIP:g}; chosen on nothing: "
    "the first settings that were tried"
)


def run(options: Options) -> dict[str, Any] | None:
    """Nats a character of both on the last tenth, and the seconds that training took."""
    file = data_file("tinyshakespeare", "input.txt")
    if file is None:
        return None
    try:
        import torch
    except ImportError:
        print("tinyshakespeare is skipped: PyTorch, which it is compared with, is not installed")
        return None
    torch.set_num_threads(options.threads)
    text = file.read_text(encoding="utf-8")
    symbols = sorted(set(text))
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    tokens = np.array([numbers[one] for one in text], np.int64)
    cut = int(TRAIN * len(tokens))
    train, watched = tokens[:cut], tokens[cut:]
    runs = [one_seed(seed, train, watched, len(symbols)) for seed in options.seeds]
    nats = {name: [one[name]["nats"] for one in runs] for name in ("elman", "torch")}
    ratios = [one["torch"]["seconds"] / one["elman"]["seconds"] for one in runs]
    spread = max(np.ptp(nats["torch"]), np.ptp(nats["elman"]))
    apart = float(np.mean(nats["elman"]) - np.mean(nats["torch"]))
    sooner = float(np.mean(ratios))
    return {
        "settings": SAID,
        "symbols": len(symbols),
        "runs": runs,
        "longer": longer(train, watched, len(symbols)),
        "ngrams": rivals(train, watched, len(symbols)),
        "goals": [
            goal(
                "tiny Shakespeare",
                "nats a character above torch.nn",
                f"within the spread of the seeds ({spread:.4f})",
                [a - b for a, b in zip(nats["elman"], nats["torch"], strict=True)],
                apart <= spread,
                ".4f",
            ),
            goal(
                "tiny Shakespeare",
                "times sooner than torch.nn",
                "at least 1.2",
                ratios,
                sooner >= 1.2,
                ".2f",
            ),
        ],
    }


def tables(content: dict[str, Any]) -> list[Table]:
    """Nats and seconds of both, beside n-grams."""
    rows = []
    for name in ("elman", "torch"):
        nats = [one[name]["nats"] for one in content["runs"]]
        seconds = [one[name]["seconds"] for one in content["runs"]]
        rows.append(
            [
                f"{name}, mean of {len(nats)} seeds",
                f"{np.mean(nats):.4f} ± {np.std(nats):.4f}",
                f"{np.mean(nats) / math.log(2):.3f}",
                f"{np.mean(seconds):.0f} ± {np.std(seconds):.0f}",
            ]
        )
    long = content["longer"]
    rows.append(
        [
            f"elman for {LONGER} epochs, dropout {DROPOUT:g}, one seed",
            f"{long['nats']:.4f}",
            f"{long['nats'] / math.log(2):.3f}",
            f"{long['seconds']:.0f}",
        ]
    )
    for name, nats_of in content["ngrams"].items():
        rows.append([name, f"{nats_of:.4f}", f"{nats_of / math.log(2):.3f}", ""])
    heads = ["model", "nats a character", "bits", "seconds of training"]
    title = f"Tiny Shakespeare, characters, last tenth held out ({content['settings']})"
    return [Table(title, heads, rows)]


def one_seed(seed: int, train: Any, watched: Any, symbols: int) -> dict[str, Any]:
    """Both networks from the same weights, in turns of an epoch."""
    network = elman.Network(
        [
            elman.Embedding(symbols, EMBEDDING),
            elman.LSTM(EMBEDDING, HIDDEN, LEVELS),
            elman.Dense(HIDDEN, symbols),
        ],
        seed=seed,
    )
    peer = Peer(network, symbols)
    stream = elman.Stream(train, chunk=CHUNK, lanes=LANES, split=True)
    batches = batches_of(train)
    seconds: list[float] = []

    def their_turn(record: Any) -> None:
        started = time.perf_counter()
        peer.epoch(batches, record.epoch)
        seconds.append(time.perf_counter() - started)

    history = network.fit(
        stream,
        loss="cross_entropy",
        optimizer=elman.Adam(RATE),
        schedule=elman.CosineDecay(),
        epochs=EPOCHS,
        clip_norm=CLIP,
        shuffle=False,
        on_epoch=their_turn,
        progress=False,
    )
    lanes = elman.Stream(watched, chunk=CHUNK, lanes=WATCHED_LANES, split=True)
    result = {
        "elman": {
            "nats": network.evaluate(lanes)["loss"],
            "seconds": sum(history.seconds),
            "training_loss": history.loss,
        },
        "torch": {"nats": peer.nats(watched), "seconds": sum(seconds), "training_loss": peer.loss},
        "seed": seed,
        "updates": EPOCHS * len(batches),
    }
    print(
        f"seed {seed}: nats {result['elman']['nats']:.4f} in {result['elman']['seconds']:.0f} s, "
        f"torch {result['torch']['nats']:.4f} in {result['torch']['seconds']:.0f} s",
        flush=True,
    )
    return result


def longer(train: Any, watched: Any, symbols: int) -> dict[str, float]:
    """The same model trained for longer, to see where it ends; by elman alone."""
    network = elman.Network(
        [
            elman.Embedding(symbols, EMBEDDING),
            elman.LSTM(EMBEDDING, HIDDEN, LEVELS, dropout=DROPOUT),
            elman.Dropout(DROPOUT),
            elman.Dense(HIDDEN, symbols),
        ],
        seed=0,
    )
    history = network.fit(
        elman.Stream(train, chunk=CHUNK, lanes=LANES, split=True),
        loss="cross_entropy",
        optimizer=elman.Adam(RATE),
        schedule=elman.CosineDecay(),
        epochs=LONGER,
        clip_norm=CLIP,
        shuffle=False,
        progress=False,
    )
    lanes = elman.Stream(watched, chunk=CHUNK, lanes=WATCHED_LANES, split=True)
    return {"nats": network.evaluate(lanes)["loss"], "seconds": sum(history.seconds)}


def batches_of(tokens: Any, lanes: int = LANES) -> list[tuple[Any, Any]]:
    """The chunks that a split stream walks, time-major, as tensors; rows that ended are left out.

    Every lane but the last has the same length, so only the last batches have fewer rows.
    """
    import torch

    steps = len(tokens) - 1
    length = -(-steps // lanes)
    found = []
    for begin in range(0, length, CHUNK):
        rows = []
        for lane in range(lanes):
            first, last = lane * length + begin, min((lane + 1) * length, steps)
            rows.append(tokens[first : min(first + CHUNK, last) + 1])
        longest = max(len(row) for row in rows)
        rows = [row for row in rows if len(row) > 1]
        padded = np.stack(
            [np.pad(row, (0, longest - len(row)), constant_values=-1) for row in rows]
        )
        pair = torch.tensor(np.ascontiguousarray(padded.T))
        found.append((pair[:-1].clamp(min=0), pair[1:]))
    return found


class Peer:
    """The same network in PyTorch, and the loop that its user would write."""

    def __init__(self, network: elman.Network, symbols: int) -> None:
        import torch

        self.torch = torch
        self.embedding = torch.nn.Embedding(symbols, EMBEDDING)
        self.lstm = torch.nn.LSTM(EMBEDDING, HIDDEN, LEVELS)
        self.head = torch.nn.Linear(HIDDEN, symbols)
        values = {name: torch.tensor(np.array(one)) for name, one in network.state_dict().items()}
        self.embedding.weight.data = values["0.weight"]
        self.lstm.load_state_dict({k[2:]: v for k, v in values.items() if k.startswith("1.")})
        self.head.load_state_dict({k[2:]: v for k, v in values.items() if k.startswith("2.")})
        parts = (self.embedding, self.lstm, self.head)
        self.parameters = [one for part in parts for one in part.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, RATE)
        self.loss: list[float] = []

    def epoch(self, batches: list[tuple[Any, Any]], epoch: int) -> None:
        """Truncated back-propagation through time over all chunks."""
        torch, state, total = self.torch, None, 0.0
        for index, (x, y) in enumerate(batches):
            done = (epoch - 1 + (index + 0.5) / len(batches)) / EPOCHS
            self.optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * done))
            loss, state = self.pass_over(x, y, state)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
            self.optimizer.step()
            state = tuple(part.detach() for part in state)
            total += loss.item()
        self.loss.append(total / len(batches))

    def pass_over(self, x: Any, y: Any, state: Any) -> tuple[Any, Any]:
        """The loss of a chunk and the state after it."""
        if state is not None and state[0].shape[1] > x.shape[1]:  # a lane has ended
            state = tuple(part[:, : x.shape[1]].contiguous() for part in state)
        output, state = self.lstm(self.embedding(x), state)
        logits = self.head(output).flatten(0, 1)
        loss = self.torch.nn.functional.cross_entropy(logits, y.flatten(), ignore_index=-1)
        return loss, state

    def nats(self, tokens: Any) -> float:
        """The mean over a text, in as many lanes as elman evaluates it in."""
        total, number, state = 0.0, 0, None
        with self.torch.no_grad():
            for x, y in batches_of(tokens, WATCHED_LANES):
                loss, state = self.pass_over(x, y, state)
                count = int((y >= 0).sum())
                total, number = total + loss.item() * count, number + count
        return total / number


def rivals(train: Any, watched: Any, symbols: int) -> dict[str, float]:
    """N-grams that count the same characters."""

    def nats(order: int) -> float:
        logs = NGrams(order, symbols).fit([train]).log_probabilities(watched)
        return float(-logs.mean())

    return {"unigram": nats(1), "6-gram (interpolated Kneser-Ney)": nats(6)}
