"""The compiled core: everything that Python sees of it."""

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

class _Workspace:
    def __init__(self, cell: str, input_size: int, hidden_size: int, reverse: bool) -> None: ...
    def forward(
        self,
        weight_ih: _Array,
        weight_hh: _Array,
        bias_ih: _Array | None,
        bias_hh: _Array | None,
        x: _Array,
        hidden: _Array | None,
        memory: _Array | None,
        live: _Array | None,
        output: _Array,
        final_hidden: _Array | None,
        final_memory: _Array | None,
        training: bool,
        version: int,
    ) -> None: ...
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
        truncate: int,
    ) -> None: ...
    @property
    def bytes(self) -> int: ...

class Workspace32(_Workspace): ...
class Workspace64(_Workspace): ...

def dense_forward(x: _Array, weight: _Array, bias: _Array | None, y: _Array) -> None: ...
def dense_backward(
    x: _Array,
    weight: _Array,
    d_y: _Array,
    d_x: _Array | None,
    d_weight: _Array,
    d_bias: _Array | None,
) -> None: ...
