"""The folder that a run leaves behind, and how to read it again.

    config.json     what was asked for and chosen, with versions; marks the folder as a run
    metrics.json    scores, beside the baselines
    history.csv     one line an epoch
    forecast.csv    the forecast in long format
    report.json     everything that the report page shows
    report.html     the page
    model/          the saved model

Each file is written under another name and then renamed, so that a reader never meets half of one.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from elman import __version__
from elman.errors import InputError
from elman.places import make_next_free, new_folder, slug

if TYPE_CHECKING:
    import polars

__all__ = ["FORMAT_VERSION", "Run", "versions"]

FORMAT = "elman-run"
FORMAT_VERSION = 1
DEFAULT_ROOT = "elman-runs"

_CONFIG, _METRICS, _REPORT = "config.json", "metrics.json", "report.json"
_HISTORY, _FORECAST, _PAGE, _MODEL = "history.csv", "forecast.csv", "report.html", "model"
_OWN = (_CONFIG, _METRICS, _REPORT, _HISTORY, _FORECAST, _PAGE, _MODEL)


class Run:
    """A run folder: made with :meth:`create`, read again with :meth:`open`.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        kind: str = "forecast",
        name: str = "series",
        overwrite: bool = False,
    ) -> Run:
        """Make a run folder.

        Args:
            path: where; an empty folder that exists will do. Default: the next free number in
                ``elman-runs/<kind>-<name>-<number>`` under the working directory.
            kind: what the run does, such as ``"forecast"``.
            name: what it works on, for the default folder's name.
            overwrite: whether an earlier run at ``path`` may be replaced. Its own files are
                removed first; files that no run writes are left alone.

        Raises:
            InputError: ``path`` is a file, a folder with other things in it, an earlier run
                without ``overwrite``, or cannot be made.
        """
        with _file_errors("path"):
            if path is None:
                folder = make_next_free(Path(DEFAULT_ROOT), f"{slug(kind)}-{slug(name)}")
            else:
                folder = Path(path)
                _clear(folder, overwrite)
                folder.mkdir(parents=True, exist_ok=True)
        run = cls(folder)
        run.write_config({}, kind=kind)
        return run

    @classmethod
    @contextmanager
    def draft(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        kind: str = "forecast",
        name: str = "series",
    ) -> Iterator[Run]:
        """A run that is filled elsewhere and comes to its place when it is complete.

        An error, or Ctrl-C, on the way leaves nothing.

        Args:
            path: where; nothing, or an empty folder. Default: as for :meth:`create`.
            kind: as for :meth:`create`.
            name: as for :meth:`create`.

        Yields:
            The run; its ``path`` is the final one once the ``with`` block has ended.

        Raises:
            InputError: ``path`` is a file, is not empty, or cannot be made.
        """
        folder = None if path is None else Path(path)
        if folder is not None:
            _clear(folder, overwrite=False)
        with (
            _file_errors("run"),
            new_folder(folder, Path(DEFAULT_ROOT), f"{slug(kind)}-{slug(name)}") as place,
        ):
            run = cls(place.draft)
            run.write_config({}, kind=kind)
            yield run
            run.path = place.take()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Run:
        """The run in an existing folder.

        Raises:
            InputError: there is no such folder, it is no run, its ``config.json`` cannot be read,
                or a later version of elman wrote it.
        """
        folder = Path(path)
        if not folder.is_dir():
            what = "a file" if folder.exists() else "nothing"
            raise InputError(f"run: expected a run folder, found {what} at {folder}{_nearby()}")
        run = cls(folder)
        if not (folder / _CONFIG).is_file():
            raise InputError(f"run: {folder} is no run folder: it has no {_CONFIG}{_nearby()}")
        record = run._read_json(_CONFIG)
        if record.get("format") != FORMAT:
            raise InputError(
                f"run: {folder} is no run folder: {_CONFIG} names the format "
                f"{record.get('format')!r}, expected {FORMAT!r}"
            )
        version = record.get("format_version")
        if not isinstance(version, int) or not 1 <= version <= FORMAT_VERSION:
            raise InputError(
                f"run: {folder} has format version {version!r}, and this elman ({__version__}) "
                f"reads up to {FORMAT_VERSION}; use the elman that wrote it "
                f"({record.get('versions', {}).get('elman', 'unknown')}) or a later one"
            )
        return run

    def write_config(self, configuration: Mapping[str, Any], kind: str | None = None) -> None:
        """Write ``config.json``: the resolved configuration, with versions and the time."""
        if kind is None:
            kind = self.kind
        record = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": kind,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "versions": versions(),
            "configuration": configuration,
        }
        self._write_json(_CONFIG, record)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write ``metrics.json``; None stands for an undefined measure, NaN is refused."""
        self._write_json(_METRICS, metrics)

    def write_report_content(self, content: Mapping[str, Any]) -> None:
        """Write ``report.json``, from which the page can be drawn again."""
        self._write_json(_REPORT, content, indent=None)

    def write_history(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write ``history.csv``: one mapping an epoch, the columns those of the first."""
        names = list(records[0]) if records else ["epoch", "loss"]
        self.write_table(_HISTORY, {name: [one.get(name) for one in records] for name in names})

    def write_forecast(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write ``forecast.csv`` from its columns (``unique_id``, ``ds``, forecast, ends)."""
        self.write_table(_FORECAST, columns)

    def write_table(self, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write one CSV file in UTF-8: missing values empty, times in ISO 8601.

        Raises:
            InputError: the columns differ in length, or the file cannot be written.
        """
        cells = {title: _cells(column) for title, column in columns.items()}
        lengths = {title: len(column) for title, column in cells.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"columns: expected columns of one length for {name}, got {lengths}")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(cells)
        writer.writerows(zip(*cells.values(), strict=True))
        self.write_text(name, text.getvalue())

    def write_page(self, html: str) -> Path:
        """Write ``report.html`` and return its path."""
        return self.write_text(_PAGE, html)

    def write_text(self, name: str, text: str) -> Path:
        """Write one file of the folder, whole or not at all; returns its path."""
        target = self.path / name
        partial = self.path / f".{name}.{os.getpid()}.part"
        with _file_errors("run"):
            try:
                partial.write_text(text, encoding="utf-8", newline="\n")
                partial.replace(target)
            finally:
                partial.unlink(missing_ok=True)
        return target

    @property
    def kind(self) -> str:
        """What the run did, such as ``"forecast"``."""
        return str(self._read_json(_CONFIG).get("kind", "forecast"))

    @property
    def versions(self) -> dict[str, str]:
        """The versions that wrote the run."""
        return dict(self._read_json(_CONFIG).get("versions", {}))

    @property
    def configuration(self) -> dict[str, Any]:
        """The resolved configuration, from ``config.json``."""
        return dict(self._read_json(_CONFIG).get("configuration", {}))

    @property
    def metrics(self) -> dict[str, Any]:
        """The contents of ``metrics.json``."""
        return self._read_json(_METRICS)

    @property
    def report_content(self) -> dict[str, Any]:
        """The contents of ``report.json``."""
        return self._read_json(_REPORT)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record an epoch, from ``history.csv``."""
        return self._read_table(_HISTORY).to_dicts()

    @property
    def forecast(self) -> polars.DataFrame:
        """The forecast, from ``forecast.csv``: ids as text, times parsed."""
        return self._read_table(_FORECAST)

    @property
    def model_path(self) -> Path:
        """The folder of the saved model, which the model's own ``save`` makes."""
        return self.path / _MODEL

    @property
    def page_path(self) -> Path:
        """Where the report page lies, or would."""
        return self.path / _PAGE

    def _write_json(self, name: str, record: Mapping[str, Any], indent: int | None = 2) -> None:
        separators = None if indent else (",", ":")
        try:
            text = json.dumps(
                record,
                default=_plain,
                allow_nan=False,
                ensure_ascii=False,
                indent=indent,
                separators=separators,
            )
        except InputError:
            raise
        except ValueError as problem:  # NaN or infinity
            place, value = _first_not_finite(record, name.removesuffix(".json"))
            raise InputError(f"{place}: expected a finite number or None, got {value}") from problem
        self.write_text(name, text + "\n")

    def _read_json(self, name: str) -> dict[str, Any]:
        text = self._read_text(name)
        try:
            record = json.loads(text)
        except ValueError as problem:
            raise InputError(f"run: {self.path / name} is not JSON: {problem}") from problem
        if not isinstance(record, dict):
            raise InputError(f"run: {self.path / name} holds no JSON object")
        return record

    def _read_table(self, name: str) -> polars.DataFrame:
        import polars

        self._require(name)
        try:
            return polars.read_csv(
                self.path / name,
                try_parse_dates=True,
                infer_schema_length=None,
                schema_overrides={"unique_id": polars.String},
            )
        except polars.exceptions.PolarsError as problem:
            raise InputError(f"run: {self.path / name} is not CSV: {problem}") from problem

    def _read_text(self, name: str) -> str:
        self._require(name)
        with _file_errors("run"):
            try:
                return (self.path / name).read_text(encoding="utf-8")
            except UnicodeDecodeError as problem:
                raise InputError(f"run: {self.path / name} is not UTF-8 text") from problem

    def _require(self, name: str) -> None:
        if not (self.path / name).is_file():
            raise InputError(
                f"run: {self.path} has no {name}; the run did not finish, was told not to write "
                "it, or it was removed"
            )


def versions() -> dict[str, str]:
    """The versions at work: elman, Python, the platform, and those of its libraries in use."""
    import platform

    found = {
        "elman": __version__,
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
    }
    for name in ("numpy", "polars", "pandas", "pyarrow"):
        if name in sys.modules:
            found[name] = str(getattr(sys.modules[name], "__version__", "unknown"))
    return found


@contextmanager
def _file_errors(argument: str) -> Iterator[None]:
    """Turn what the file system refuses into an error that a person can read."""
    try:
        yield
    except OSError as problem:
        raise InputError(f"{argument}: {problem.strerror}: {problem.filename}") from problem


def _clear(folder: Path, overwrite: bool) -> None:
    """Make sure that a run may be written to ``folder``, removing an earlier one if allowed."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"path: expected a folder for the run, {folder} is a file")
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        Run.open(folder)
    except InputError as problem:
        raise InputError(
            f"path: {folder} is not empty and no run that could be replaced; choose another folder"
        ) from problem
    if not overwrite:
        raise InputError(
            f"path: {folder} already holds a run; choose another folder or allow overwriting it"
        )
    for name in _OWN:
        target = folder / name
        if target.is_dir() and not target.is_symlink():
            import shutil

            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


def _nearby() -> str:
    """A hint with the newest runs under the default root, empty when there are none."""
    marks = [one for one in Path(DEFAULT_ROOT).glob(f"*/{_CONFIG}") if one.parent.name[0] != "."]
    found = [one.parent for one in sorted(marks, key=lambda one: (one.stat().st_mtime, one))]
    if not found:
        return ""
    shown = ", ".join(str(one) for one in found[-5:])
    return f"; runs here: {'... ' if len(found) > 5 else ''}{shown}"


def iso_times(times: NDArray[np.datetime64]) -> list[str]:
    """Times in ISO 8601 at the coarsest of day, second and their own unit; empty where missing."""
    text = times
    for unit in ("D", "s"):
        coarse = times.astype(f"datetime64[{unit}]")
        if ((coarse == times) | np.isnat(times)).all():
            text = coarse
            break
    return ["" if one == "NaT" else one for one in np.datetime_as_string(text).tolist()]


def _cells(column: Sequence[Any]) -> list[Any]:
    """The cells of one CSV column: numbers as they are, times in ISO 8601, missing ones empty."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "M":
        return iso_times(column)
    values = column.tolist() if isinstance(column, np.ndarray) else column
    return [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return value.isoformat() if isinstance(value, date) else value


def _plain(value: Any) -> Any:
    """What JSON has no type for, as one that it has."""
    if isinstance(value, np.ndarray):
        return iso_times(value) if value.dtype.kind == "M" else value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise InputError(f"{type(value).__name__}: cannot be written as JSON: {value!r:.60}")


def _first_not_finite(value: Any, place: str) -> tuple[str, Any]:
    """Where in a nested record the first NaN or infinity stands, and which it is."""
    if isinstance(value, (np.ndarray, np.generic)) or is_dataclass(value):
        value = _plain(value)
    if isinstance(value, float) and not math.isfinite(value):
        return place, value
    inner: Iterable[tuple[str, Any]] = ()
    if isinstance(value, Mapping):
        inner = ((f"{place}.{key}", item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        inner = ((f"{place}[{index}]", item) for index, item in enumerate(value))
    for name, item in inner:
        found = _first_not_finite(item, name)
        if found[0]:
            return found
    return "", None
