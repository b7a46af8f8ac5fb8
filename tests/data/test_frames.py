"""Files and frames in, tables out."""

from __future__ import annotations

import datetime
import gzip
import stat

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from elman.data.columns import to_numbers
from elman.data.files import read_file
from elman.data.frames import build_frame, read_table, write_table
from elman.errors import InputError

TABLE = pl.DataFrame(
    {
        "unique_id": ["a", "a", "b"],
        "ds": ["2024-01-01", "2024-01-02", "2024-01-01"],
        "y": [1.5, None, -3.0],
    }
)
TEXT = "unique_id,ds,y\na,2024-01-01,1.5\na,2024-01-02,\nb,2024-01-01,-3.0\n"


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture(
    params=["csv", "CSV", "tsv", "csv.gz", "parquet", "pq", "arrow", "stream", "jsonl", "ndjson"]
)
def file(request, tmp_path):
    path = tmp_path / f"data.{request.param}"
    match request.param:
        case "csv" | "CSV":
            path.write_text(TEXT)
        case "tsv":
            path.write_text(TEXT.replace(",", "\t"))
        case "csv.gz":
            path.write_bytes(gzip.compress(TEXT.encode()))
        case "parquet" | "pq":
            pyarrow.parquet.write_table(TABLE.to_arrow(), path)
        case "arrow":
            pyarrow.feather.write_feather(TABLE.to_arrow(), path)
        case "stream":
            path = tmp_path / "data.ipc"
            TABLE.write_ipc_stream(path)
        case _:
            TABLE.write_ndjson(path)
    return path


def test_every_format_reads_alike(file):
    frame = read_file(file)
    assert frame.columns == TABLE.columns
    assert frame["y"].to_list() == [1.5, None, -3.0]
    assert frame["ds"].cast(pl.String).to_list() == TABLE["ds"].to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1;2\n3;4\n", [[1, 3], [2, 4]]),
        ("a;b\n1,5;2\n3,25;4\n", [[1.5, 3.25], [2, 4]]),
        ("a|b\n1|2\n3|4\n", [[1, 3], [2, 4]]),
        ("a\tb\n1\t2\n3\t4\n", [[1, 3], [2, 4]]),
        ("a,b\r\n1,2\r\n3,4\r\n", [[1, 3], [2, 4]]),
        ("a,b\n1,2\n3,4", [[1, 3], [2, 4]]),
        (" a , b \n1,2\n3,4\n", [[1, 3], [2, 4]]),
        ('"a","b"\n"1","2"\n"3","4"\n', [[1, 3], [2, 4]]),
        ("a,b\nNA,2\nn/a,3\n4,\n", [[None, None, 4], [2, 3, None]]),
        ("a,b\n1,2\n\n3,4\n\n\n", [[1, 3], [2, 4]]),
        ("# from the\n# archive\na,b\n1,2\n3,4\n", [[1, 3], [2, 4]]),
        ("a,b,\n1,2,\n3,4,\n", [[1, 3], [2, 4]]),
        ("\ufeffa,b\n1,2\n3,4\n", [[1, 3], [2, 4]]),
    ],
)
def test_dialects(tmp_path, text, expected):
    frame = read_file(write(tmp_path / "data.csv", text))
    assert frame.columns == ["a", "b"]
    assert [to_list(frame[c]) for c in "ab"] == expected


def to_list(series):
    return [None if v is None else float(v) for v in series.to_list()]


def test_utf16_of_spreadsheets(tmp_path):
    frame = read_file(write(tmp_path / "data.csv", "å;b\n1;2\n", "utf-16"))
    assert frame.columns == ["å", "b"]


def test_late_change_of_type_is_noticed(tmp_path):
    rows = "\n".join(["1"] * 3000 + ["2.5", "oops"])
    frame = read_file(write(tmp_path / "data.csv", f"y\n{rows}\n"))
    assert frame["y"].to_list()[-1] == "oops"


def test_one_column(tmp_path):
    assert read_file(write(tmp_path / "y.csv", "y\n1\n2\n")).shape == (2, 1)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", r"empty\.csv is empty"),
        ("blank.csv", b"\n  \n", r"blank\.csv is empty"),
        ("data.xlsx", b"PK", r"data\.xlsx has no suffix that can be read.*\.parquet"),
        ("data", b"a,b\n1,2\n", r"no suffix"),
        ("data.parquet.gz", b"x", r"no suffix"),
        (
            "latin.csv",
            "y,nom\n1,caf\xe9\n".encode("latin-1"),
            r"not UTF-8 text: byte 0xe9 in line 2",
        ),
        ("ragged.csv", b"a,b\n1,2\n3,4,5\n", r"header has 2 fields, line 3 has 3 fields"),
        ("short.csv", b"a,b\n1,2\n\n3\n", r"header has 2 fields, line 4 has 1 field"),
        ("numbers.csv", b"1,2\n3,4\n", r"must name the columns, but holds numbers: 1, 2"),
        ("twice.csv", b"a,a\n3,4\n", r"two columns called 'a'"),
        ("broken.parquet", b"not parquet at all", r"broken\.parquet cannot be read as parquet"),
        ("broken.arrow", b"ARROW1 but no more", r"broken\.arrow cannot be read as arrow"),
        ("broken.jsonl", b'{"a": 1}\n{"a": ', r"broken\.jsonl cannot be read as jsonl"),
        ("binary.csv", b"a,b\n\0\0,1\n", r"binary data"),
        ("broken.csv.gz", b"not gzip", r"broken\.csv\.gz cannot be read as csv"),
    ],
)
def test_broken_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_file(path)


def test_missing_files(tmp_path):
    (tmp_path / "sales.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"no file .*sale\.csv'\. Did you mean .*sales\.csv'"):
        read_file(tmp_path / "sale.csv")
    with pytest.raises(InputError, match="no folder"):
        read_file(tmp_path / "none" / "sales.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_file(tmp_path)


def test_only_a_header(tmp_path):
    path = write(tmp_path / "header.csv", "ds,y\n")
    with pytest.raises(InputError, match=r"header\.csv has a header \(ds, y\) but no rows"):
        read_table(path)


@pytest.mark.parametrize("backend", ["polars", "pandas", "pyarrow", "dict"])
def test_frames_read_alike(backend):
    source = {
        "polars": TABLE,
        "pandas": TABLE.to_pandas(),
        "pyarrow": TABLE.to_arrow(),
        "dict": TABLE.to_dict(as_series=False),
    }[backend]
    table = read_table(source)
    assert table.kind == backend
    assert table.rows == 3
    assert table.names == TABLE.columns
    assert np.array_equal(
        to_numbers(table.column("y"), "target"), [1.5, np.nan, -3], equal_nan=True
    )
    assert table.column("unique_id").values.tolist() == ["a", "a", "b"]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series("y", [1, None, 3], dtype=pl.Int8),
        pl.Series("y", [1, None, 3], dtype=pl.Decimal(10, 2)),
        pd.Series([1, None, 3], name="y", dtype="Int64"),
        pd.Series([1, None, 3], name="y", dtype="float32"),
        pd.Series([1, None, 3], name="y", dtype=object),
        pd.Series(["1", None, "3.0"], name="y", dtype=object),
        pa.chunked_array([[1, None], [3]]),
        pd.Series([1, None, 3], name="y", dtype="double[pyarrow]"),
    ],
    ids=lambda v: f"{type(v).__module__.split('.')[0]}-{getattr(v, 'dtype', 'chunked')}",
)
def test_numbers_of_every_type(values):
    table = read_table(values)
    numbers = to_numbers(table.column(table.names[0]), "target")
    assert np.array_equal(numbers, [1, np.nan, 3], equal_nan=True)


@pytest.mark.parametrize(
    "values",
    [
        pl.Series("c", ["x", None, "z"], dtype=pl.Categorical),
        pl.Series("c", ["x", None, "z"], dtype=pl.Enum(["x", "z"])),
        pd.Series(["x", None, "z"], name="c", dtype="category"),
        pd.Series(["x", None, "z"], name="c"),
        pa.chunked_array([["x", None], ["z"]]),
    ],
)
def test_text_of_every_type(values):
    table = read_table(values)
    column = table.column(table.names[0])
    assert column.kind == "text"
    assert column.values.tolist() == ["x", None, "z"]
    assert column.missing.tolist() == [False, True, False]


def test_time_of_every_type():
    moment = datetime.datetime(2024, 7, 1, 12)
    sources = [
        pl.Series("t", [moment], dtype=pl.Datetime("ms")),
        pd.Series([pd.Timestamp(moment)], name="t"),
        pd.Series([pd.Timestamp(moment)], name="t", dtype="datetime64[s]"),
        pa.chunked_array([pa.array([moment], type=pa.timestamp("ns"))]),
        np.array([moment], dtype="datetime64[ns]"),
    ]
    for source in sources:
        table = read_table({"t": source} if isinstance(source, np.ndarray) else source)
        column = table.column(table.names[0])
        assert column.kind == "time"
        assert column.values[0] == np.datetime64(moment)
        assert column.time_zone is None


@pytest.mark.parametrize(
    "zoned",
    [
        pl.Series("t", [datetime.datetime(2024, 7, 1, 12)]).dt.replace_time_zone("Europe/Paris"),
        pd.Series(pd.to_datetime(["2024-07-01 12:00"]).tz_localize("Europe/Paris"), name="t"),
        pa.chunked_array(
            [pa.array([datetime.datetime(2024, 7, 1, 10)], type=pa.timestamp("us", "Europe/Paris"))]
        ),
    ],
    ids=["polars", "pandas", "pyarrow"],
)
def test_time_zones_are_kept(zoned):
    table = read_table(zoned)
    column = table.column(table.names[0])
    assert column.time_zone == "Europe/Paris"
    assert column.values[0] == np.datetime64("2024-07-01T10:00")


def test_pandas_indexes():
    dated = pd.DataFrame({"y": [1, 2]}, index=pd.to_datetime(["2024-01-01", "2024-01-02"]))
    assert read_table(dated).names == ["ds", "y"]
    assert read_table(dated.rename_axis("day")).names == ["day", "y"]
    assert read_table(dated["y"]).names == ["ds", "y"]
    periods = pd.DataFrame({"y": [1, 2]}, index=pd.period_range("2024-01", periods=2, freq="M"))
    assert read_table(periods).column("ds").values[1] == np.datetime64("2024-02-01")
    plain = pd.DataFrame({"y": [1, 2]})
    assert read_table(plain).names == ["y"]
    filtered = pd.DataFrame({"y": [1, 2, 3]})[1:]
    assert read_table(filtered).names == ["y"]
    both = pd.DataFrame({"unique_id": ["a", "b"], "ds": [1, 1], "y": [1.0, 2.0]})
    assert read_table(both.set_index(["unique_id", "ds"])).names == ["unique_id", "ds", "y"]
    assert read_table(pd.Series([1.0, 2.0])).names == ["y"]
    numbered = pd.DataFrame([[1.0, 2.0]], columns=[0, 1])
    assert read_table(numbered).names == ["0", "1"]


def test_polars_lazy_frame():
    assert read_table(TABLE.lazy()).rows == 3


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "mapping of columns is empty"),
        ({"y": []}, "no rows"),
        ({"y": [1], "x": [1, 2]}, r"equally long, got 'y': 1, 'x': 2"),
        (pl.DataFrame(), "has no columns"),
        (pl.DataFrame({"y": []}), r"has a header \(y\) but no rows"),
        (42, "got int"),
        ("", "file name is empty"),
        ({"y": 3}, "must be arrays or lists, but 'y' is 3"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "pandas frame has two columns called 'a'"),
        (
            pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "x")])),
            "columns of several levels",
        ),
        (pa.table([[1], [2]], names=["a", "a"]), "pyarrow frame has two columns called 'a'"),
        (object(), "got object"),
    ],
)
def test_sources_that_are_none(source, message):
    with pytest.raises(InputError, match=message):
        read_table(source)


def test_two_dimensional_column():
    with pytest.raises(InputError, match=r"'y' must be one-dimensional, got shape \(2, 2\)"):
        read_table({"y": np.ones((2, 2))}).column("y")


def test_numbers_beyond_int64():
    huge = np.array([2**63 + 1], dtype=np.uint64)
    with pytest.raises(InputError, match=r"'y' holds numbers beyond 2\*\*63"):
        read_table({"y": huge}).column("y")
    with pytest.raises(InputError, match=r"'y' holds numbers beyond 2\*\*63"):
        read_table(pl.Series("y", huge)).column("y")


def test_periods_stand_for_their_beginning():
    periods = pd.DataFrame({"ds": pd.period_range("2024-01", periods=2, freq="M")})
    values = read_table(periods).column("ds").values
    assert values.astype("datetime64[D]").astype(str).tolist() == ["2024-01-01", "2024-02-01"]


def test_complex_column():
    with pytest.raises(InputError, match="complex128"):
        read_table({"y": np.ones(2, complex)}).column("y")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "x", "3"], r"target column 'y' must be numeric, but row 2 holds 'x'\.$"),
        (["1", "2,5"], r"row 2 holds '2,5'\. It looks like a decimal comma"),
        (
            ["1", "1,100"],
            r"'1,100'\. If the comma stands between thousands, say so with thousands=','",
        ),
        ([1.0, np.inf], r"'y' is infinite in row 2 \(inf\)"),
        (["1", "-inf"], r"'y' is infinite in row 2 \(-inf\)"),
        (np.array(["2024"], dtype="datetime64[D]"), r"'y' holds time stamps.*`target=`"),
        (np.array([1, {}], dtype=object), r"row 2: \{\} is not a number"),
    ],
)
def test_values_that_are_no_numbers(values, message):
    with pytest.raises(InputError, match=message):
        to_numbers(read_table({"y": values}).column("y"), "target")


def test_words_for_missing():
    column = read_table({"y": ["1", "NA", " n/a ", "null", "", "-", "nan", None]}).column("y")
    assert np.isnan(to_numbers(column, "target")).tolist() == [False] + [True] * 7


# ---------------------------------------------------------------------------------- answers


COLUMNS = {
    "unique_id": np.array(["a", "b"], dtype=object),
    "ds": np.array(["2024-03-30T23:30", "2024-03-31T01:30"], dtype="datetime64[us]"),
    "day": np.array(["2024-03-30", "2024-03-31"], dtype="datetime64[D]"),
    "n": np.array([1, 2]),
    "y": np.array([1.5, np.nan]),
}


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
def test_build_frame(kind):
    frame = build_frame(COLUMNS, kind, {"ds": "Europe/Amsterdam"})
    assert type(frame).__module__.split(".")[0] == kind
    back = read_table(frame)
    assert back.names == list(COLUMNS)
    assert back.column("ds").time_zone == "Europe/Amsterdam"
    for name in ("ds", "day", "n"):
        assert np.array_equal(
            back.column(name).values, COLUMNS[name].astype(back.column(name).values.dtype)
        )
    assert back.column("unique_id").values.tolist() == ["a", "b"]
    assert np.array_equal(back.column("y").values, COLUMNS["y"], equal_nan=True)


def test_missing_is_null_in_polars_and_dates_are_dates():
    frame = build_frame(COLUMNS, "polars")
    assert frame["y"].null_count() == 1
    assert frame.schema["day"] == pl.Date
    assert frame.schema["ds"] == pl.Datetime("us")


def test_build_dict_and_unknown_kind():
    assert build_frame(COLUMNS, "dict")["y"] is COLUMNS["y"]
    with pytest.raises(InputError, match="kind='excel'"):
        build_frame(COLUMNS, "excel")


@pytest.mark.parametrize("zone", ["+05:30", "-09:30"])
@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
def test_offsets_without_a_name_can_be_shown(kind, zone):
    frame = build_frame(COLUMNS, kind, {"ds": zone})
    assert np.array_equal(read_table(frame).column("ds").values, COLUMNS["ds"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow", "dict"])
def test_written_tables_read_back(tmp_path, suffix, kind):
    columns = {name: COLUMNS[name] for name in ("unique_id", "n", "y")}
    path = write_table(build_frame(columns, kind), tmp_path / f"out{suffix}")
    back = read_table(path)
    assert back.names == list(columns)
    assert back.column("n").values.tolist() == [1, 2]
    assert np.array_equal(back.column("y").values, COLUMNS["y"], equal_nan=True)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_writing_replaces_whole_files_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(pl.DataFrame, "write_csv", fail)
    with pytest.raises(OSError, match="disk full"):
        write_table(TABLE, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_written_files_have_the_usual_mode(tmp_path):
    usual = tmp_path / "usual"
    usual.write_text("")
    path = write_table(TABLE, tmp_path / "out.csv")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_writing_refuses(tmp_path):
    with pytest.raises(InputError, match=r"out\.xlsx must end in \.csv or \.parquet"):
        write_table(TABLE, tmp_path / "out.xlsx")
    with pytest.raises(InputError, match="no folder"):
        write_table(TABLE, tmp_path / "none" / "out.csv")


def test_a_folder_that_takes_no_files_is_said(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("elman.data.frames.tempfile.mkstemp", refuse)
    with pytest.raises(InputError, match=r"a\.csv cannot be written in .*: Permission denied"):
        write_table({"y": [1.0]}, tmp_path / "a.csv")
