"""An existing model with elman's layers in place of PyTorch's, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from elman.errors import InputError
from elman.torch.cells import Cell, GRUCell, LSTMCell, RNNCell
from elman.torch.layers import GRU, LSTM, RNN
from elman.torch.paths import why_not, why_not_step
from elman.torch.recurrent import Recurrent

__all__ = ["Change", "Changes", "accelerate", "restore"]

_OURS: dict[type[nn.Module], type[nn.Module]] = {
    nn.RNN: RNN,
    nn.LSTM: LSTM,
    nn.GRU: GRU,
    nn.RNNCell: RNNCell,
    nn.LSTMCell: LSTMCell,
    nn.GRUCell: GRUCell,
}
_THEIRS = {ours: theirs for theirs, ours in _OURS.items()}


@dataclass(frozen=True)
class Change:
    """What became of one recurrent module.

    Attributes:
        name: Where it stands in the model.
        module: What it was: ``"LSTM(8, 64)"``.
        changed: Whether another module stands there now.
        now: Whose module stands there now: ``"elman"`` or ``"torch"``.
        reason: Why nothing was changed, or empty.
    """

    name: str
    module: str
    changed: bool
    now: str
    reason: str


class Changes(list[Change]):
    """What became of each recurrent module; prints as a table."""

    def __str__(self) -> str:
        rows = [("module", "was", "now", "why")]
        for one in self:
            rows.append((one.name or "(the model)", one.module, one.now, one.reason))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )


def accelerate(model: nn.Module) -> Changes:
    """Puts elman's layers in the place of every recurrent module of a model that they can serve.

    They share its parameters: an optimizer made before goes on working, and so do checkpoints.
    Hooks, ``training`` and ``requires_grad`` stay. A module that is used twice is changed once.
    :func:`restore` is the way back.

    Args:
        model: The model, changed in place. A model that is itself a recurrent module cannot be;
            wrap it, or use ``elman.torch.LSTM`` and load its ``state_dict``.

    Returns:
        What was done with each recurrent module, and why not where nothing was.

    Raises:
        InputError: If ``model`` is no module.
    """
    return _exchanged(model, _OURS, _against_ours)


def restore(model: nn.Module) -> Changes:
    """Puts PyTorch's own modules back in the place of elman's, where they compute the same.

    For what knows the modules of ``torch.nn`` alone: ``torch.jit.script``, ``torch.fx``,
    quantization. Parameters are shared, and everything stays, as with :func:`accelerate`.

    Args:
        model: The model, changed in place; not itself a recurrent module.

    Returns:
        What was done with each recurrent module, and why not where nothing was: a layer with
        ``layer_norm``, say, which PyTorch has not, stays elman's.

    Raises:
        InputError: If ``model`` is no module.
    """
    return _exchanged(model, _THEIRS, _against_theirs)


def _exchanged(
    model: nn.Module,
    table: dict[type[nn.Module], type[nn.Module]],
    against: Callable[[nn.Module], str],
) -> Changes:
    """Puts others in the place of a model's recurrent modules, unless something is against it."""
    if not isinstance(model, nn.Module):
        raise InputError(f"model: expected a torch.nn.Module, got {type(model).__name__}")
    changes, made = Changes(), {}
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if not isinstance(module, (nn.RNNBase, nn.RNNCellBase)):
            continue
        reason = against(module)
        if not reason and not name:
            reason = "it is the model itself, which cannot be changed in place"
        if not reason:
            if id(module) not in made:
                made[id(module)] = _twin(module, table[type(module)])
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, made[id(module)])
        described = f"{type(module).__name__}({module.input_size}, {module.hidden_size})"
        ours = isinstance(module, (Recurrent, Cell)) == bool(reason)
        now = "elman" if ours else "torch"
        changes.append(Change(name, described, not reason, now, reason))
    return changes


def _against_ours(module: nn.Module) -> str:
    """Why a module of PyTorch's stays as it is, or empty."""
    if isinstance(module, (Recurrent, Cell)):
        return "it is elman's already"
    if computed := _computed(module):
        return computed
    if type(module) not in _OURS:
        return f"its class, {_full_name(module)}, derives from PyTorch's and may do something else"
    reason = why_not(module, next(module.parameters()))
    if reason is None and isinstance(module, nn.RNNCellBase):
        reason = why_not_step(module.weight_ih, module.weight_hh)
    return reason or ""


def _against_theirs(module: nn.Module) -> str:
    """Why a module of elman's stays as it is, or empty."""
    if not isinstance(module, (Recurrent, Cell)):
        return "it is PyTorch's already"
    if computed := _computed(module):
        return computed
    if type(module) not in _THEIRS:
        return f"its class, {_full_name(module)}, derives from elman's and may do something else"
    return f"torch.nn has no {', '.join(module.own_settings())}" if module.own_settings() else ""


def _computed(module: nn.Module) -> str:
    """Whether weights are made of others before each call, which a copy would not do."""
    names = getattr(module, "_flat_weights_names", ("weight_ih", "weight_hh"))
    if is_parametrized(module) or any(name not in module._parameters for name in names):
        return "its weights are computed (parametrized or pruned)"
    return ""


def _full_name(module: nn.Module) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"


def _twin(module: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """A module of another class with the very parameters, hooks and settings."""
    twin = kind.__new__(kind)
    left = {"_short"}  # which elman's layers find again
    if not issubclass(kind, Recurrent):
        left |= set(Recurrent.OWN)
    twin.__dict__ = {name: value for name, value in module.__dict__.items() if name not in left}
    return twin
