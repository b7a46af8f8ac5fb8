"""The compiled core: everything that Python sees of it."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

_Array = NDArray[Any]

def available_isas() -> list[str]: ...
def isa() -> str: ...
def vector_bytes() -> int: ...
def cells() -> list[str]: ...
def get_num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def set_poison(on: bool) -> None: ...
def register_tensorflow(library: str) -> None: ...

xla_handlers: dict[str, Any]

class _Workspace:
    def __init__(
        self,
        cell: str,
        input_size: int,
        hidden_size: int,
        reverse: bool,
        recurrent_dropout: float = 0.0,
        zoneout: list[float] = ...,
        layer_norm: bool = False,
    ) -> None: ...
    def forward(
        self,
        weight_ih: _Array,
        weight_hh: _Array,
        bias_ih: _Array | None,
        bias_hh: _Array | None,
        norms: list[_Array],
        x: _Array,
        hidden: _Array | None,
        memory: _Array | None,
        live: _Array | None,
        output: _Array,
        final_hidden: _Array | None,
        final_memory: _Array | None,
        training: bool,
        version: int,
        seed: _Array | None,
        rows: _Array | None,
    ) -> None: ...
    def step(
        self,
        x: _Array,
        hidden: _Array,
        memory: _Array | None,
        new_hidden: _Array,
        new_memory: _Array | None,
        version: int,
    ) -> bool: ...
    def backward(
        self,
        weight_ih: _Array,
        weight_hh: _Array,
        x: _Array,
        d_output: _Array | None,
        d_final_hidden: _Array | None,
        d_final_memory: _Array | None,
        d_x: _Array | None,
        d_hidden: _Array | None,
        d_memory: _Array | None,
        d_weight_ih: _Array,
        d_weight_hh: _Array,
        d_bias_ih: _Array | None,
        d_bias_hh: _Array | None,
        d_norms: list[_Array],
        truncate: int,
    ) -> None: ...
    @property
    def bytes(self) -> int: ...

class Workspace32(_Workspace): ...
class Workspace64(_Workspace): ...

def pooled_bytes() -> int: ...

class _Block:
    @property
    def mark(self) -> _Array: ...

class Block32(_Block): ...
class Block64(_Block): ...

class Level:
    def __init__(
        self,
        tensor_class: type,
        cell: str,
        input_size: int,
        hidden_size: int,
        bias: bool,
        directions: int,
        recurrent_dropout: float,
        zoneout: list[float],
        layer_norm: bool,
    ) -> None: ...
    def takes(self, inputs: tuple[Any, ...]) -> bool: ...
    def forward(
        self,
        inputs: tuple[Any, ...],
        live: Any,
        seeds: Any,
        rows: Any,
        batch_first: bool,
        training: bool,
    ) -> tuple[tuple[Any, ...], Any]: ...
    def backward(
        self,
        inputs: tuple[Any, ...],
        live: Any,
        seeds: Any,
        rows: Any,
        batch_first: bool,
        d_results: tuple[Any, ...],
        kept: Any,
        need_d_x: bool,
    ) -> tuple[Any, ...]: ...

def dense_forward(x: _Array, weight: _Array, bias: _Array | None, y: _Array) -> None: ...
def dense_backward(
    x: _Array,
    weight: _Array,
    d_y: _Array,
    d_x: _Array | None,
    d_weight: _Array,
    d_bias: _Array | None,
) -> None: ...

losses: list[str]
activations: list[str]

class Recording:
    def __init__(self) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def run(self) -> tuple[float, float, float]: ...
    def __len__(self) -> int: ...

def loss(
    kind: int,
    output: _Array,
    target: _Array,
    weight: _Array | None,
    live: _Array | None,
    constants: _Array,
    gradient: _Array | None,
) -> tuple[float, float]: ...
def activate(kind: int, y: _Array) -> None: ...
def activation_adjoint(kind: int, y: _Array, d_y: _Array) -> None: ...
def clip_gradient(gradient: _Array, clip_norm: float, clip_value: float) -> float: ...
def sgd(
    parameters: _Array,
    gradient: _Array,
    velocity: _Array,
    step: int,
    rate: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
) -> None: ...
def rmsprop(
    parameters: _Array,
    gradient: _Array,
    square: _Array,
    velocity: _Array,
    rate: float,
    alpha: float,
    epsilon: float,
    momentum: float,
    weight_decay: float,
) -> None: ...
def adam(
    parameters: _Array,
    gradient: _Array,
    mean: _Array,
    square: _Array,
    step: int,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    decoupled: bool,
) -> None: ...
def arrange(
    lengths: _Array, rows: _Array, sorted_rows: _Array, sorted_lengths: _Array, live: _Array
) -> int: ...
def gather(
    values: _Array, starts: _Array, lengths: _Array | None, rows: _Array, out: _Array
) -> None: ...
def first_not_finite(values: _Array) -> int: ...
def zero_dead(y: _Array, live: _Array) -> None: ...
def fill_zero(array: _Array) -> None: ...
def add(sum: _Array, addend: _Array) -> None: ...
def last_adjoint(d_last: _Array, d_x: _Array) -> None: ...
def embed(weight: _Array, tokens: _Array, y: _Array) -> None: ...
def embed_adjoint(d_weight: _Array, tokens: _Array, d_y: _Array) -> None: ...
def crf_loss(
    emissions: _Array,
    labels: _Array,
    live: _Array | None,
    transitions: _Array,
    start: _Array,
    end: _Array,
    share: float,
    gradient: _Array | None,
    d_transitions: _Array | None,
    d_start: _Array | None,
    d_end: _Array | None,
) -> float: ...

_Plan = tuple[str | bool, ...]

def keras_kept32(plan: _Plan, sizes: Sequence[int]) -> int: ...
def keras_kept64(plan: _Plan, sizes: Sequence[int]) -> int: ...
def keras_forward32(
    plan: _Plan, sizes: Sequence[int], addresses: Sequence[int], kept: int
) -> None: ...
def keras_forward64(
    plan: _Plan, sizes: Sequence[int], addresses: Sequence[int], kept: int
) -> None: ...
def keras_backward32(
    plan: _Plan, sizes: Sequence[int], addresses: Sequence[int], kept: int, over: bool = False
) -> None: ...
def keras_backward64(
    plan: _Plan, sizes: Sequence[int], addresses: Sequence[int], kept: int, over: bool = False
) -> None: ...
