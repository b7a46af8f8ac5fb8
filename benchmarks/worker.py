"""A peer in a process of its own, driven over pipes.

Each framework brings thread pools and allocators; in one process they would disturb each other,
and one of them would be measured with the others' memory. The parent sends `(function,
arguments)` and gets `(True, value)` or `(False, message)` back; only processes that the
benchmark itself started are ever talked to.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.registry import StreamCase, TrainingCase

ROOT = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = (
    "ELMAN_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "NPROC",
)


class WorkerError(RuntimeError):
    """A peer failed; the message holds its traceback."""


def environment(threads: int = 1, **extra: str) -> dict[str, str]:
    """The environment of a process that may use so many threads."""
    variables = dict(os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads)))
    flags = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    variables.update(
        XLA_FLAGS=flags,
        JAX_PLATFORMS="cpu",
        TF_CPP_MIN_LOG_LEVEL="3",
        TF_ENABLE_ONEDNN_OPTS="1",
        CUDA_VISIBLE_DEVICES="",
    )
    variables.update(extra)
    return variables


class Worker:
    """The parent's end: `worker.call("train", 100)` runs `train(100)` in the child."""

    def __init__(self, peer: str, threads: int = 1, **variables: str):
        self.peer = peer
        # Frameworks are talkative; what they say is shown only when their process dies.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", peer, str(threads)],
            cwd=ROOT,
            env=environment(threads, **variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def call(self, function: str, *arguments: Any) -> Any:
        """Run a function of the `Session`; raises `WorkerError` with the child's traceback."""
        self.ask(function, *arguments)
        return self.answer()

    def ask(self, function: str, *arguments: Any) -> None:
        """Have a function run, without waiting for its answer."""
        assert self._process.stdin is not None
        try:
            pickle.dump((function, arguments), self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._ended() from error

    def answer(self) -> Any:
        """What the function asked for came to; raises `WorkerError` with its traceback."""
        assert self._process.stdout is not None
        try:
            fine, value = pickle.load(self._process.stdout)
        except EOFError as error:
            raise self._ended() from error
        if not fine:
            raise WorkerError(f"{self.peer}: {value}")
        return value

    def _ended(self) -> WorkerError:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")[-2000:]
        return WorkerError(f"the {self.peer} process ended with {code}:\n{said}")

    def close(self) -> None:
        """End the child by closing its pipe, and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Session:
    """The child's end: the functions that the parent may call."""

    def __init__(self, peer: str, threads: int):
        if peer in ("torch", "keras") and (
            peer == "torch" or os.environ["KERAS_BACKEND"] == "torch"
        ):
            import torch

            torch.set_num_threads(threads)
        self.peer = import_module(f"benchmarks.peers.{peer}_peer")
        self.model: Any = None

    def versions(self) -> dict[str, str]:
        """Of the packages that the peer uses."""
        return self.peer.versions()

    def build(self, case: TrainingCase | StreamCase) -> None:
        """Make the peer's model of the case, from the case's weights."""
        build = self.peer.build_stream if isinstance(case, StreamCase) else self.peer.build
        self.model = build(case, case.weights)

    def forward(self) -> Any:
        """The outputs for the first batch."""
        return self.peer.forward(self.model)

    def gradients(self) -> Any:
        """The gradients of the first batch, by parameter."""
        return self.peer.gradients(self.model)

    def train(self, count: int) -> tuple[float, float]:
        """Wall and processor seconds of `count` training steps."""
        return self._timed(self.peer.train_steps, count)

    def step(self, count: int) -> tuple[float, float]:
        """Wall and processor seconds of `count` streaming steps."""
        return self._timed(self.peer.stream_steps, count)

    def kernels(self, repeats: int) -> tuple[float, float]:
        """Seconds of the walks forward and backward alone (only of elman)."""
        return self.peer.kernel_times(self.model, repeats)

    def stream(self, count: int) -> Any:
        """The output after `count` further streaming steps."""
        return self.peer.stream_steps(self.model, count)

    def sgemm(self) -> dict[str, float]:
        """GFLOP/s of large matrix products, by library (only of the sgemm peer)."""
        return self.peer.rates(self.model)

    def reset_peak_memory(self) -> None:
        """Let the peak be counted from now on, where the system can (Linux)."""
        clear = Path("/proc/self/clear_refs")
        if clear.exists():
            clear.write_text("5")

    def peak_memory(self) -> float:
        """The largest resident size of this process, in MiB.

        On Linux the program's own mark: `ru_maxrss` also counts the process that started it.
        """
        status = Path("/proc/self/status")
        if status.exists():
            line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
            return int(line.split()[1]) / 2**10
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

    def _timed(self, function: Any, count: int) -> tuple[float, float]:
        wall, processor = time.perf_counter(), time.process_time()
        function(self.model, count)
        return time.perf_counter() - wall, time.process_time() - processor


def serve(peer: str, threads: int) -> None:
    """Answer the parent's calls until it closes the pipe."""
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a framework prints must not end up between the answers
    session: Session | None = None
    while True:
        try:
            function, arguments = pickle.load(incoming)
        except EOFError:
            return
        try:
            session = session or Session(peer, threads)
            answer = True, getattr(session, function)(*arguments)
        except Exception:
            answer = False, traceback.format_exc()
        pickle.dump(answer, outgoing)
        outgoing.flush()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
