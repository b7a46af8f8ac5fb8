"""An existing model with elman's layers in place of PyTorch's."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from elman.torch.cells import GRUCell, LSTMCell, RNNCell
from elman.torch.layers import GRU, LSTM, RNN
from elman.torch.paths import why_not, why_not_step

__all__ = ["Change", "Changes", "accelerate"]

_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.RNN: RNN,
    nn.LSTM: LSTM,
    nn.GRU: GRU,
    nn.RNNCell: RNNCell,
    nn.LSTMCell: LSTMCell,
    nn.GRUCell: GRUCell,
}


_DEFAULTS = {
    "learned_state": False,
    "reset_after": True,
    "recurrent_dropout": 0.0,
    "zoneout": 0.0,
    "layer_norm": False,
}
"""What elman's layers have and PyTorch's do not."""


@dataclass(frozen=True)
class Change:
    """What became of one recurrent module.

    Attributes:
        name: Where it stands in the model.
        module: What it was: ``"LSTM(8, 64)"``.
        changed: Whether elman's layer stands there now.
        reason: Why not, or empty.
    """

    name: str
    module: str
    changed: bool
    reason: str


class Changes(list[Change]):
    """What became of each recurrent module; prints as a table."""

    def __str__(self) -> str:
        rows = [("module", "was", "now", "why")]
        for one in self:
            now = "elman" if one.changed else "torch"
            rows.append((one.name or "(the model)", one.module, now, one.reason))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )


def accelerate(model: nn.Module) -> Changes:
    """Puts elman's layers in the place of every recurrent module of a model that they can serve.

    They share its parameters: an optimizer made before goes on working, and so do checkpoints.
    Hooks, ``training`` and ``requires_grad`` stay. A module that is used twice is changed once.

    Args:
        model: The model, changed in place. A model that is itself a recurrent module cannot be;
            wrap it, or use ``elman.torch.LSTM`` and load its ``state_dict``.

    Returns:
        What was done with each recurrent module, and why not where nothing was.
    """
    changes, made = Changes(), {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if not isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
            continue
        reason = _reason(name, module)
        if not reason:
            if id(module) not in made:
                made[id(module)] = (_twin(module), module)
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, made[id(module)][0])
        described = f"{type(module).__name__}({module.input_size}, {module.hidden_size})"
        changes.append(Change(name, described, not reason, reason))
    return changes


def _reason(name: str, module: nn.Module) -> str:
    """Why a module stays as it is, or empty."""
    if type(module) in _OURS.values():
        return "it is elman's already"
    if type(module) not in _OURS:
        return "its class is derived from PyTorch's and may do something else"
    if not name:
        return "it is the model itself, which cannot be changed in place"
    if not all(
        one in module._parameters for one in ("weight_ih_l0", "weight_hh_l0")
    ) and isinstance(module, nn.RNNBase):
        return "its weights are computed (parametrized or pruned)"
    reason = why_not(module, next(module.parameters()))
    if reason is None and isinstance(module, nn.RNNCellBase):
        reason = why_not_step(module.weight_ih, module.weight_hh)
    return reason or ""


def _twin(module: nn.Module) -> nn.Module:
    """elman's layer with the very parameters, hooks and settings of PyTorch's."""
    twin = _OURS[type(module)].__new__(_OURS[type(module)])
    twin.__dict__ = dict(module.__dict__)
    for name, value in _DEFAULTS.items():
        twin.__dict__.setdefault(name, value)
    return twin
