"""What stands in the TorchScript files that elman writes: a network that is told lengths, or not.

A trace follows one way through the code, so a network is traced twice, without lengths and with
them, over the same parameters; a program of two lines chooses.
"""

from __future__ import annotations

from typing import Any, Optional

from torch import Tensor, nn

from elman.exchange.torch_modules import Stack

__all__ = ["Program", "Traced"]


class Traced(Stack):
    """A network whose two ways can be traced by name."""

    def with_lengths(self, x: Tensor, lengths: Tensor) -> Tensor:
        """The outputs of rows of unequal length."""
        output: Tensor = Stack.forward(self, x, lengths)
        return output


class Program(nn.Module):
    """A traced network, called as :class:`elman.exchange.torch_modules.Stack` is.

    Args:
        network: The trace of a :class:`Traced`.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    # TorchScript reads these annotations, and knows Optional alone
    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:  # noqa: UP045
        """The outputs; ``lengths`` whole numbers ``(N,)``."""
        if lengths is None:
            y: Tensor = self.network(x)
        else:
            y = self.network.with_lengths(x, lengths)
        return y
