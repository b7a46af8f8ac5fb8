"""Tables in and out: files, mappings and data frames of any kind, through narwhals.

narwhals and polars are imported only when a file or a data frame is met, so that NumPy users do
not pay for them.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from elman.data.calendar import fixed_offset
from elman.data.columns import Column, column_from_array, column_from_series
from elman.data.dialect import PLAIN, Dialect
from elman.data.files import (
    differs_as_name,
    is_delimited,
    is_perhaps_a_name,
    read_file,
    read_with_dialect,
)
from elman.errors import InputError

__all__ = ["Table", "build_frame", "read_table", "write_table"]

_BACKENDS = ("polars", "path", "pandas", "pyarrow", "modin", "cudf")
_KINDS = "'polars', 'pandas', 'pyarrow', 'modin', 'cudf' and 'dict'"


@dataclass
class Table:
    """Named columns of equal length, each turned into NumPy when it is first asked for.

    Attributes:
        kind: Where it came from: `"pandas"`, `"polars"`, `"pyarrow"` (or another backend of
            narwhals), `"dict"`, or `"path"`.
        source: The same in words, for messages: "the file sales.csv", "the pandas frame".
        columns: The raw columns.
        rows: Number of rows.
        dialect: Of a delimited file, how it writes its numbers.
        path: Of a delimited file, where it is.
    """

    kind: str
    source: str
    columns: Mapping[str, Any]
    rows: int
    dialect: Dialect = PLAIN
    path: Path | None = None
    _read: dict[str, Column] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The column names, in order."""
        return list(self.columns)

    def column(self, name: str) -> Column:
        """The column of this name, as NumPy."""
        if name not in self._read:
            raw = self.columns[name]
            if self.kind == "dict":
                self._read[name] = column_from_array(name, raw)
            else:
                self._read[name] = column_from_series(name, raw, self.dialect)
        return self._read[name]

    def names_column(self, name: str) -> Column:
        """The column of this name, where it names things: `NA` or `null` is a name like others."""
        column = self.column(name)
        kind = str(getattr(self.columns[name], "dtype", ""))
        if kind in ("Int128", "UInt128"):  # numbers that lose digits in being read as such
            digits = [None if one is None else str(one) for one in self.columns[name].to_list()]
            return Column(name, "text", np.array(digits, dtype=object))
        raw = self.columns[name]
        if self.path is None or not is_perhaps_a_name(raw):
            return column
        written = read_file(self.path, as_text=True, dialect=self.dialect)[name]
        if not differs_as_name(raw, written):
            return column
        return Column(name, "text", np.array(written.to_list(), dtype=object))


def read_table(source: Any, dialect: Dialect = PLAIN) -> Table:
    """Read a file path, a data frame or a mapping of columns.

    Args:
        source: A path (see `read_file`), a pandas, polars or pyarrow frame or any other that
            narwhals knows, or a mapping from column names to equally long arrays. A pandas
            index that has a name or holds time stamps becomes a column. A table is returned.
        dialect: How a delimited file writes its numbers, where that is not found.

    Raises:
        InputError: The source is of another kind, is empty, or cannot be read.
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, (str, os.PathLike)):
        frame, found = read_with_dialect(source, dialect=dialect)
        table = _table_from_frame(frame, "path", f"the file {Path(source).name}")
        table.dialect = found
        table.path = Path(source) if is_delimited(source) else None
        return table
    if isinstance(source, Mapping):
        return _table_from_mapping(source)
    return _table_from_object(source)


def _table_from_mapping(source: Mapping[str, Any]) -> Table:
    if not source:
        raise InputError("The mapping of columns is empty.")
    scalars = [name for name, values in source.items() if np.ndim(values) == 0]
    if scalars:
        raise InputError(
            f"Columns must be arrays or lists, but {scalars[0]!r} is {source[scalars[0]]!r}."
        )
    lengths = {str(name): len(values) for name, values in source.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r}: {length}" for name, length in lengths.items())
        raise InputError(f"Columns must be equally long, got {listed}.")
    rows = next(iter(lengths.values()))
    if rows == 0:
        raise InputError("The mapping of columns has no rows.")
    return Table("dict", "the mapping", {str(k): v for k, v in source.items()}, rows)


def _table_from_object(source: Any) -> Table:
    import narwhals as nw

    _refuse_equal_names(source)
    try:
        frame = nw.from_native(source, allow_series=True)
    except TypeError as error:
        raise InputError(
            "source must be a file path, a pandas, polars or pyarrow frame, a NumPy array, a list "
            f"of arrays or a mapping of columns, got {type(source).__name__}."
        ) from error
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    kind = frame.implementation.name.lower()
    if kind == "pandas":
        frame = _pandas_index_to_columns(nw.to_native(frame))
    elif isinstance(frame, nw.Series):
        frame = frame.alias(frame.name or "y").to_frame()
    return _table_from_frame(frame, kind, f"the {kind} frame")


def _refuse_equal_names(source: Any) -> None:
    """Raise an InputError if a pandas or pyarrow frame has two columns of one name."""
    library = type(source).__module__.partition(".")[0]
    names = getattr(source, {"pandas": "columns", "pyarrow": "column_names"}.get(library, ""), ())
    names = list(map(str, names))
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"The {library} frame has two columns called {twice[0]!r}.")


def _pandas_index_to_columns(native: Any) -> Any:
    """Turn an index that means something (a name, time stamps) into columns."""
    import narwhals as nw

    if native.ndim == 1:
        native = native.to_frame("y" if native.name is None else str(native.name))
    if native.columns.nlevels > 1:
        raise InputError("The pandas frame has columns of several levels. Flatten their names.")
    index = native.index
    kind = type(index).__name__
    if kind == "PeriodIndex":
        native = native.set_axis(index.to_timestamp(), axis=0)
        index = native.index
    named = any(name is not None for name in index.names)
    if named or kind in ("DatetimeIndex", "PeriodIndex"):
        names = [f"level_{i}" if n is None else str(n) for i, n in enumerate(index.names)]
        if len(names) == 1 and index.names[0] is None:
            names = ["ds"]
        taken = set(map(str, native.columns))
        names = [name for name in names if name not in taken] if not named else names
        native = native.rename_axis(index=names).reset_index() if names else native
    native = native.rename(columns=str)
    return nw.from_native(native, eager_only=True)


def _table_from_frame(frame: Any, kind: str, source: str) -> Table:
    import narwhals as nw

    frame = nw.from_native(frame, eager_only=True)
    if frame.shape[1] == 0:
        raise InputError(f"{_start(source)} has no columns.")
    if frame.shape[0] == 0:
        listed = ", ".join(frame.columns)
        raise InputError(f"{_start(source)} has a header ({listed}) but no rows.")
    return Table(kind, source, {name: frame[name] for name in frame.columns}, frame.shape[0])


def _start(text: str) -> str:
    return text[0].upper() + text[1:]


# ---------------------------------------------------------------------------------- answers


def build_frame(
    columns: Mapping[str, Any], kind: str, time_zones: Mapping[str, str | None] | None = None
) -> Any:
    """Build a table of the given kind from NumPy columns.

    Args:
        columns: Column names and 1-D arrays of equal length. Time stamps are datetime64; those
            named in `time_zones` are UTC instants and are shown in their zone. A column of
            `datetime64[D]` becomes dates.
        kind: `"polars"`, `"path"` (polars too), `"pandas"`, `"pyarrow"`, `"dict"` (NumPy arrays
    in a dict, time stamps in UTC), or another eager backend of narwhals.
        time_zones: The zone of each time column that bears one.

    Raises:
        InputError: The kind is not known.
    """
    if kind == "dict":
        return dict(columns)
    if kind not in _BACKENDS:
        raise InputError(f"kind={kind!r} is no table that can be built; known are {_KINDS}.")
    import narwhals as nw

    backend: Any = "polars" if kind == "path" else kind
    # Python lists of str keep text columns text in every backend.
    data = {n: v.tolist() if v.dtype == object else v for n, v in columns.items()}
    dates = [n for n, v in columns.items() if v.dtype == np.dtype("datetime64[D]")]
    data |= {n: columns[n].astype("datetime64[ms]") for n in dates}
    frame = nw.from_dict(data, backend=backend)
    zoned = {n: z for n, z in (time_zones or {}).items() if z is not None}
    if backend == "polars":  # which knows named zones only: the same instants, shown in UTC
        zoned = {n: "UTC" if fixed_offset(z) is not None else z for n, z in zoned.items()}
    changes = [
        nw.col(n).dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
        for n, zone in zoned.items()
    ]
    if backend != "pandas":
        changes += [nw.col(n).cast(nw.Date) for n in dates]
        floats = [n for n, v in columns.items() if v.dtype.kind == "f"]
        changes += [nw.when(~nw.col(n).is_nan()).then(nw.col(n)).alias(n) for n in floats]
    return nw.to_native(frame.with_columns(changes) if changes else frame)


def write_table(frame: Any, path: str | os.PathLike[str]) -> Path:
    """Write a table to `.csv` or `.parquet`, all of it or nothing.

    The file appears under its name only once it is complete.

    Args:
        frame: A data frame of any kind, or a mapping of columns.
        path: Where to write; an existing file is replaced.

    Raises:
        InputError: The suffix is neither, or the folder does not exist or takes no files.
    """
    import narwhals as nw
    import polars as pl

    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path.name} must end in .csv or .parquet to be written.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {str(path.parent)!r} to write {path.name} into.")
    if isinstance(frame, Mapping):
        table = pl.DataFrame(dict(frame)).fill_nan(None)
    else:
        table = nw.from_native(frame, eager_only=True).to_polars()
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        message = f"{path.name} cannot be written in {path.parent}: {error.strerror}."
        raise InputError(message) from error
    try:
        with os.fdopen(handle, "wb") as file:
            table.write_csv(file) if path.suffix == ".csv" else table.write_parquet(file)
        _give_usual_mode(name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def _give_usual_mode(name: str) -> None:
    """`mkstemp` makes files private; give this one the mode that `open` would have given."""
    mask = os.umask(0)
    os.umask(mask)
    Path(name).chmod(0o666 & ~mask)
