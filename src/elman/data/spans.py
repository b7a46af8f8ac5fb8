"""Where anomalies lie in series, as people wrote it down: a table of stretches or of points."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from elman.data.dialect import PLAIN, Dialect
from elman.data.frames import read_table
from elman.data.panel import Panel
from elman.errors import InputError

__all__ = ["read_spans", "stamp_of"]

Array: TypeAlias = NDArray[Any]
Span: TypeAlias = tuple[int, int]

_STARTS, _ENDS = ("start", "begin", "from"), ("end", "until", "to")
_POINTS = ("time", "timestamp", "ds", "step", "at", "anomaly")
_IDS = ("id", "unique_id", "series")


def read_spans(
    path: str | os.PathLike[str], panel: Panel, dialect: Dialect = PLAIN
) -> list[list[Span]]:
    """The labelled stretches of every series, as steps ``(start, end)``, ``end`` one past the last.

    A table has columns ``start`` and ``end`` (times as in the series, the end belongs to the
    stretch), or one column of times (``time``, ``timestamp`` ...), each a stretch of one step, and
    ``id`` if there are several series. JSON is a list of ``[start, end]``, as the Numenta Anomaly
    Benchmark writes the windows of a file.

    Args:
        path: CSV, Parquet ... or ``.json``.
        panel: The series.
        dialect: How a delimited file is written, where that is not found.

    Raises:
        InputError: There is no such file, it lacks the columns, a time cannot be read, a stretch
            ends before it starts or holds no step of the series, or a series is unknown.
    """
    path = Path(path)
    name = path.name
    rows = _from_json(path) if path.suffix == ".json" else _from_table(path, panel, dialect)
    spans: list[list[Span]] = [[] for _ in range(panel.n_series)]
    for number, (id, start, end) in enumerate(rows, start=1):
        where = f"labels: {name}, label {number}"
        series = _series(panel, id, where)
        first, last = stamp_of(panel, start, where), stamp_of(panel, end, where)
        if last < first:
            raise InputError(f"{where}: expected an end after the start, got {start} to {end}")
        stamps = panel.stamps[panel.rows(series)]
        span = int(np.searchsorted(stamps, first)), int(np.searchsorted(stamps, last, "right"))
        if span[0] == span[1]:
            raise InputError(
                f"{where}: expected steps of the series, which goes from {panel.show(stamps[0])} "
                f"to {panel.show(stamps[-1])}, got {start} to {end}"
            )
        spans[series].append(span)
    return [sorted(each) for each in spans]


def stamp_of(panel: Panel, value: Any, name: str) -> Any:
    """A time as the panel's stamps are: a number, or a time stamp (in UTC if there is a zone).

    Raises:
        InputError: It cannot be read. ``name`` opens the message.
    """
    if panel.stamps.dtype.kind != "M":
        try:
            return panel.stamps.dtype.type(float(value))
        except (TypeError, ValueError):
            raise InputError(
                f"{name}: expected a number, as the data's time is, got {value!r}"
            ) from None
    try:
        text = str(value).strip().replace(" ", "T")
        stamp = np.array([np.datetime64(text)]).astype(panel.stamps.dtype)
    except (TypeError, ValueError):
        raise InputError(
            f"{name}: expected a time such as '2024-06-30 12:00', got {value!r}"
        ) from None
    if np.isnat(stamp[0]):
        raise InputError(f"{name}: expected a time such as '2024-06-30 12:00', got {value!r}")
    if panel.time_zone is not None:
        from elman.data.calendar import from_wall

        stamp = from_wall(stamp, panel.time_zone)
    return stamp[0]


def _from_json(path: Path) -> list[tuple[Any, Any, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"labels: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"labels: {path} is not valid JSON: {error}") from error
    pairs = isinstance(content, list) and all(
        isinstance(one, list) and len(one) == 2 for one in content
    )
    if not pairs:
        raise InputError(f"labels: expected a list of [start, end] in {path}, got {content!r:.60}")
    return [(None, start, end) for start, end in content]


def _from_table(path: Path, panel: Panel, dialect: Dialect) -> list[tuple[Any, Any, Any]]:
    table = read_table(path, dialect)
    lower = {name.strip().lower(): name for name in table.names}

    def column(choices: tuple[str, ...], named: bool = False) -> list[Any] | None:
        found = next((lower[one] for one in choices if one in lower), None)
        if found is None:
            return None
        return list((table.names_column if named else table.column)(found).values)

    starts, ends = column(_STARTS), column(_ENDS)
    if starts is None or ends is None:
        own = (str(panel.names.time).lower(),) if panel.names.time else ()
        starts = ends = column((*own, *_POINTS))
    if starts is None or ends is None:
        raise InputError(
            f"labels: expected columns 'start' and 'end', or 'time', in {path.name}, got "
            f"{', '.join(map(str, table.names))}"
        )
    own_id = (str(panel.names.id).lower(),) if panel.names.id else ()
    ids = column((*own_id, *_IDS), named=True) or [None] * len(starts)
    return list(zip(ids, starts, ends, strict=True))


def _series(panel: Panel, id: Any, where: str) -> int:
    if id is None:
        if panel.n_series > 1:
            raise InputError(
                f"{where}: expected a column 'id' that names one of {panel.n_series} series"
            )
        return 0
    found = [number for number, one in enumerate(panel.ids) if str(one) == str(id)]
    if not found:
        raise InputError(f"{where}: there is no series {id!r}")
    return found[0]
