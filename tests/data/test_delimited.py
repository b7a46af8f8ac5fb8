"""CSV as programs and spreadsheets of many countries write it."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from elman.data.conll import read_steps
from elman.data.dialect import Dialect, mostly_numbers, odd_word
from elman.data.files import read_file
from elman.data.frames import read_table
from elman.data.labelled import read_labelled, read_labels
from elman.data.panel import Panel
from elman.data.trajectories import read_trajectories
from elman.errors import ElmanWarning, InputError


def write(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        ("a;b\n1.234,5;2\n3;1.000.000\n", Dialect(thousands=".", decimal=","), [1234.5, 3]),
        ("a;b\n1.234;2\n3;4\n", Dialect(thousands="."), [1234, 3]),
        ("a;b\n1 234,5;2\n1\u00a0234;2\n-1\u202f234;2\n", Dialect(None, ",", " "), None),
        ("a;b\n1'234.5;2\n1’234;2\n", Dialect(thousands="'"), [1234.5, 1234]),
        ('a,b\n"1,234.5",2\n"1,234",2\n', Dialect(thousands="comma"), [1234.5, 1234]),
        ('a,b\n"1,5",2\n"2",2\n', Dialect(decimal=","), [1.5, 2]),
        ("a\tb\n1,5\t2\n,25\t2\n", Dialect(), [1.5, 0.25]),
        ("a\tb\n1,250\t2\n2,5\t2\n", Dialect(), [1.25, 2.5]),
        ("a\tb\n1,250\t2\n2,500\t2\n", Dialect(decimal=","), [1.25, 2.5]),
        ("a\tb\n1,250\t2\n2,500\t2\n", Dialect(thousands=","), [1250, 2500]),
        ("a|b\n1.5|2\n+2.5|2\n", Dialect(decimal="."), [1.5, 2.5]),
        ("a~b\n1~2\n3~2\n", Dialect(separator="~"), [1, 3]),
        ("a\tb\n1\t2\n3\t2\n", Dialect(separator="tab"), [1, 3]),
        ("a, b\n 1, 2\n 3, 2\n", Dialect(), [1, 3]),
        ("a,b\n1,2\r\n3,2\r5,2\n", Dialect(), [1, 3, 5]),
        ("\ufeff\n# note\r\n\na,b\n1,2\n", Dialect(), [1]),
        ("a;b\n1e3;2\n-2,5E-1;3,5\n", Dialect(decimal=","), [1000, -0.25]),
    ],
)
def test_numbers_of_many_countries(
    tmp_path: Path, text: str, dialect: Dialect, expected: list[float] | None
) -> None:
    frame = read_file(write(tmp_path, text), dialect=dialect)
    assert frame.columns == ["a", "b"]
    assert frame["a"].dtype.is_numeric(), frame["a"]
    assert frame["a"].to_list() == (expected or [1234.5, 1234, -1234])


def test_what_is_no_number_in_the_dialect_is_none(tmp_path: Path) -> None:
    """With a decimal comma 1.234 is not read as one and a bit."""
    path = write(tmp_path, "t;y\n1;1,5\n2;1.234\n")
    with pytest.raises(InputError, match=r"row 2 holds '1\.234'.*thousands='\.'"):
        Panel.from_any(path, target="y", dialect=Dialect(decimal=","))
    with pytest.raises(InputError, match=r"row 1 holds '12,34'"):
        Panel.from_any(
            write(tmp_path, "t;y\n1;12,34\n2;1,234\n"), target="y", dialect=Dialect(thousands=",")
        )
    small = Dialect(thousands=".", decimal=",")
    assert small.number(" -1.234,5 ") == -1234.5
    for text in ("1.23", "12.34,5", "1,5,5", "", "x"):
        with pytest.raises(ValueError, match=r"."):
            small.number(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", ""),
        ("2,5", "It looks like a decimal comma: say so with decimal=','."),
        ("1,100", "thousands=','; if it is a decimal comma, with decimal=','."),
        ("1,234,567", "a comma between thousands: say so with thousands=','."),
        ("1,234.5", "a comma between thousands: say so with thousands=','."),
        ("-1.234,50", "say so with thousands='.' and decimal=','."),
        ("1.234.567", "a point between thousands: say so with thousands='.'."),
        ("1 234,5", "say so with thousands='space' and decimal=','."),
        ("1\u202f234", "blanks between thousands: say so with thousands='space'."),
        ("1'234", 'apostrophes between thousands: say so with thousands="\'".'),
        ("2024-01-01", ""),
    ],
)
def test_what_to_do_is_said(text: str, expected: str) -> None:
    row, word, hint = odd_word(["1", None, "NA", text])
    assert (row, word) == (3, text)
    assert hint.endswith(expected) and bool(hint) == bool(expected)


def test_the_most_telling_word() -> None:
    assert odd_word(["1", "2,5", "1.234,5"])[:2] == (2, "1.234,5")
    assert odd_word(["x", "y"])[:2] == (0, "x")
    assert mostly_numbers(["1", "2", "x", None])
    assert mostly_numbers(["1.000,5", "x"])
    assert not mostly_numbers(["north", "1", "south"])
    assert not mostly_numbers([None])


def test_missing_by_the_part_that_a_column_plays(tmp_path: Path) -> None:
    """NA is a missing number among numbers, and a word among words."""
    path = write(tmp_path, "name,y,code\nNA,1,7\nnull,NA,NA\nnorth,-,8\n,None,9\n")
    frame = read_file(path)
    assert frame["name"].to_list() == ["NA", "null", "north", None]
    assert frame["y"].to_list() == [1, None, None, None]
    table = read_table(path)
    assert table.column("code").missing.tolist() == [False, True, False, False]
    assert table.names_column("code").values.tolist() == ["7", "NA", "8", "9"]
    assert table.names_column("y").missing.tolist() == [False] * 4


def test_a_row_of_missing_numbers_is_a_row(tmp_path: Path) -> None:
    """Blank lines are none; nor is the empty end of a spreadsheet."""
    path = write(tmp_path, "a,b\n1,2\nNA,NA\n\n3,x\n,\n\n")
    assert read_file(path).rows() == [(1, "2"), (None, "NA"), (3, "x")]


def test_series_of_any_name(tmp_path: Path) -> None:
    rows = "".join(f"{id},{t},{t}\n" for id in ("1", "NA", "2") for t in range(3))
    panel = Panel.from_any(write(tmp_path, "id,t,y\n" + rows), id="id")
    assert panel.ids.tolist() == ["1", "NA", "2"]
    with pytest.raises(InputError, match="empty in row 2"):
        Panel.from_any(write(tmp_path, "id,t,y\na,1,1\n,2,2\n"), id="id")


def test_classes_and_labels_of_any_name(tmp_path: Path) -> None:
    rows = "".join(f"{id},{t},{t}.5,{label}\n" for id, label in zip("ab", ("NA", "1"), strict=True)
                   for t in range(3))  # fmt: skip
    path = write(tmp_path, "id,t,x,label\n" + rows)
    assert read_labelled(path).labels.tolist() == ["NA", "1"]
    assert read_steps(path).labels == [["NA"] * 3, ["1"] * 3]
    with pytest.raises(InputError, match="1 of 2 have none, the first is a"):
        read_labelled(path, numeric=True)
    texts = write(tmp_path, "text,label\nNA,None\nno,yes\n", "texts.csv")
    data = read_labelled(texts)
    assert (data.rows.texts, data.labels.tolist()) == (["NA", "no"], ["None", "yes"])
    apart = write(tmp_path, "id,label\na,null\nb,2\n", "labels.csv")
    data = read_labelled(write(tmp_path, "id,x\na,1\nb,2\n", "x.csv"), required=False)
    assert read_labels(apart, data, None, None).tolist() == ["null", "2"]


def test_trajectories_of_any_name(tmp_path: Path) -> None:
    rows = "".join(f"{id},{t},{t}\n" for id in ("1", "NA") for t in range(3))
    data = read_trajectories(write(tmp_path, "id,t,x\n" + rows))
    assert data.names == ["1", "NA"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,a\n1,2,3\n", r"two columns called 'a' \(columns 1 and 3\)\. Give every column"),
        ("a,,\n1,2,3\n", r"columns without a name \(columns 2 and 3\)"),
        ("# one\n# two\na,b\n1,2\n1,2,3\n", r"line 5 has 3 fields\. The separator is a comma"),
        ("1,2\n3,4\n", r"must name the columns, but holds numbers: 1, 2\. Put a line of names"),
    ],
)
def test_broken_tables_say_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_file(write(tmp_path, text))


def test_headers_and_first_lines_of_every_kind(tmp_path: Path) -> None:
    text = '"day, ""local""","a\nb", c \n2024-01-01,"say ""x""",3\n'
    frame = read_file(write(tmp_path, text))
    assert frame.columns == ['day, "local"', "a\nb", "c"]
    assert frame.rows() == [("2024-01-01", 'say "x"', 3)]
    for line in ("sep=;\n", '"sep=;"\r\n', "SEP=;;\n"):
        assert read_file(write(tmp_path, line + "a;b\n1,5;2\n")).rows() == [(1.5, 2)]


def test_lines_of_blanks_are_none(tmp_path: Path) -> None:
    frame = read_file(write(tmp_path, "  \n\na,b\n1,2\n   \n3,4\n \n"))
    assert frame.rows() == [(1, 2), (3, 4)] and frame["a"].dtype.is_integer()


def test_digits_of_other_scripts(tmp_path: Path) -> None:
    frame = read_file(write(tmp_path, "a,b\n١٠.٥,१\n٣,२\n"))
    assert frame.rows() == [(10.5, 1), (3.0, 2)]


def test_whole_numbers_beyond_those_of_a_processor(tmp_path: Path) -> None:
    """As values they are numbers; as names they keep every digit."""
    ids = [str(10**20 + n) for n in (1, 2)]
    rows = "".join(f"{id},{t},{10**25 + t}\n" for id in ids for t in range(3))
    panel = Panel.from_any(write(tmp_path, "id,t,y\n" + rows), id="id")
    assert panel.ids.tolist() == ids
    assert panel.values[0, 0] == 1e25


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a,b\n1,2\n"3,4\n5,6\n', r"opened in line 3 is closed in line 4 or nowhere"),
        ("t,x\n1,NA\n2,NA\n", r"column 'x' of the file data\.csv has no value in any row"),
        ("t,x\n1,5 €\n2,7 €\n", r"'5 €' in row 1\. Write numbers without the sign of their unit"),
        ("t,y\n2024-01-01,1\n02/01/2024,2\n", r"'02/01/2024' in row 2, which is no time stamp"),
        ("when,y\n00:05,1\n00:10,2\n", r"'00:05' in row 1, which is no time stamp"),
    ],
)
def test_series_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Panel.from_any(write(tmp_path, text))


def test_names_of_digits_keep_their_zeros(tmp_path: Path) -> None:
    rows = "".join(f"{id},{t},{t},{id}\n" for id in ("007", "7") for t in range(3))
    path = write(tmp_path, "id,t,x,label\n" + rows)
    assert Panel.from_any(path, id="id", target="x").ids.tolist() == ["007", "7"]
    data = read_labelled(path)
    assert (data.names, data.labels.tolist()) == (["007", "7"], ["007", "7"])
    assert read_trajectories(path, state=["x"], id="id", time="t").names == ["007", "7"]
    texts = read_labelled(write(tmp_path, "text,label\n007,a\n1.50,b\n"))
    assert texts.rows.texts == ["007", "1.50"]


def test_steps_are_in_the_order_of_their_dates(tmp_path: Path) -> None:
    """Not of the letters that dates are written with."""
    days = [(9, 1), (10, 1), (1, 2), (2, 12)]
    rows = "".join(f"a,{d:02d}.{m:02d}.2024,{n},x\n" for n, (d, m) in enumerate(days))
    text = "id,time,x,label\n" + "".join(reversed(rows.splitlines(keepends=True)))
    path = write(tmp_path, text)
    assert read_labelled(path).rows.arrays[0][:, 0].tolist() == [0, 1, 2, 3]
    assert read_steps(path).steps.arrays[0][:, 0].tolist() == [0, 1, 2, 3]
    slashes = text.replace(".", "/")
    with pytest.raises(InputError, match="day first or with the month first"):
        read_labelled(write(tmp_path, slashes))
    with pytest.raises(InputError, match="'then' in row 1, which is no time stamp"):
        read_labelled(write(tmp_path, "id,time,x,label\na,then,1,x\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,t,x,label\na,1,1,x\n,2,2,x\n", r"id column 'id' of data\.csv is empty in row 2"),
        ("id,t,x,label\na,1,1,x\na,,2,x\n", r"column 't' lacks row 2"),
        ("id,t,x,label\na,1,1e200,x\n", r"column 'x' of data\.csv: expected values up to 1e\+150"),
        ("id,when,x,label\na,2024-01-01,1,x\n", r"If it is the time, say so with time='when'"),
    ],
)
def test_sequences_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_labelled(write(tmp_path, text))


def test_steps_at_one_time_are_told(tmp_path: Path) -> None:
    data = read_labelled(write(tmp_path, "id,t,x,label\na,1,5,x\na,1,6,x\na,0,7,x\nb,1,8,y\n"))
    assert data.notes == ["1 step has the same time as the one before: in the order of the file"]
    assert data.rows.arrays[0][:, 0].tolist() == [7, 5, 6]
    with pytest.raises(InputError, match="trajectory '0' has two at 1"):
        read_trajectories(write(tmp_path, "t,x\n0,1\n1,2\n1,3\n2,4\n"))


def test_points_that_may_stand_between_thousands(tmp_path: Path) -> None:
    text = "Tag;Umsatz\n1;1.234\n2;980\n3;12.500\n"
    path = write(tmp_path, text)
    with pytest.warns(ElmanWarning, match=r"'Umsatz' of data\.csv 1\.234 is read with a decimal"):
        assert read_file(path)["Umsatz"].to_list() == [1.234, 980, 12.5]
    assert read_file(path, dialect=Dialect(thousands="."))["Umsatz"].to_list() == [1234, 980, 12500]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_file(path, dialect=Dialect(decimal="."))
        for quiet in (text.replace(";", ","), text.replace("12.500", "12.5")):
            read_file(write(tmp_path, quiet))


@pytest.mark.parametrize(
    ("late", "kind"),
    [("1.5", float), ("x", str), ("NA", int), ("99999999999999999999", int), ("", int)],
)
def test_what_comes_late_counts_too(tmp_path: Path, late: str, kind: type) -> None:
    """Beyond the rows that are looked at first."""
    path = write(tmp_path, "a,b,c\n" + "1,2,\n" * 12_000 + f"{late},2,7\n")
    frame = read_file(path)
    assert frame.height == 12_001
    assert frame["b"].to_list() == [2] * 12_001 and frame["c"][-1] == 7
    assert isinstance(frame["a"][0], kind) and frame["a"][0] in (1, "1")
    assert str(frame["a"][-1]) == (late if late not in ("", "NA") else "None")
