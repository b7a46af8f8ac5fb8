"""What runs here: instruction set, threads, versions."""

from __future__ import annotations

import os
import platform

import numpy as np

from elman import _core
from elman.errors import InputError

__all__ = ["get_num_threads", "set_num_threads", "show_config"]

# The core answers thread requests as C++ ints; nobody needs more than this.
_MOST_THREADS = 256


def get_num_threads() -> int:
    """Most threads one call may use: the processors this process may run on, unless
    ``ELMAN_NUM_THREADS`` or :func:`set_num_threads` says otherwise."""
    return _core.get_num_threads()


def set_num_threads(threads: int) -> None:
    """Set the most threads one call may use. Results do not depend on it, to the bit.

    Args:
        threads: From 1 to 256. Small work stays on fewer.

    Raises:
        InputError: If ``threads`` is not such a number.
    """
    whole = isinstance(threads, (int, np.integer)) and not isinstance(threads, bool)
    if not whole or not 1 <= threads <= _MOST_THREADS:
        raise InputError(
            f"threads: expected a whole number from 1 to {_MOST_THREADS}, got {threads!r}"
        )
    _core.set_num_threads(int(threads))


def show_config() -> None:
    """Print the versions, the instruction set and the threads that elman runs with.

    ``ELMAN_ISA`` (``baseline``, ``avx2``, ``avx512``) and ``ELMAN_NUM_THREADS``, read at
    import, override what is chosen.
    """
    from elman import __version__

    forced = "ELMAN_ISA" if os.environ.get("ELMAN_ISA") else "chosen from"
    rows = {
        "elman": __version__,
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "numpy": np.__version__,
        "backend": "native",
        "instruction set": f"{_core.isa()} ({forced}: {', '.join(_core.available_isas())}), "
        f"vectors of {_core.vector_bytes()} bytes",
        "threads": f"at most {_core.get_num_threads()}",
        "cells": ", ".join(_core.cells()),
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:<{width}}  {value}")
