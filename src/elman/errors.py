"""The errors and warnings that elman raises, all meant to be read by a person."""

from __future__ import annotations

__all__ = [
    "BackendUnavailable",
    "ElmanError",
    "ElmanWarning",
    "InputError",
    "NotFittedError",
    "TrainingError",
]


class ElmanError(Exception):
    """Base class of every error that elman raises on purpose."""


class InputError(ElmanError, ValueError):
    """An argument or a file is not what was expected.

    The message names the argument, what was expected and what came, and is raised before
    any work is done.
    """


class NotFittedError(ElmanError, ValueError, AttributeError):
    """An estimator was asked to predict before it was fitted."""


class BackendUnavailable(ElmanError, RuntimeError):
    """A backend, instruction set or optional package was named that cannot run here."""


class TrainingError(ElmanError, ArithmeticError):
    """Training cannot go on, for example because the loss is no longer finite."""


class ElmanWarning(UserWarning):
    """Something the user should know, though the work went on."""
