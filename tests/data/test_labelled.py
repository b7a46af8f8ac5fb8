"""Sequences with labels, from every kind of file, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from elman.data.labelled import read_labelled, read_labels
from elman.errors import InputError

TS = """#comment
@problemName small
@timeStamps false
@classLabel true a b
@data
1,2,3:4,5,6:a
7,?:9,10:b
"""


STAMPED = """@problemName stamped
@timeStamps true
@missing true
@univariate false
@dimensions 2
@equalLength false
@classLabel true calm stormy
@data
(2004-10-01 00:00:00,1.5),(2004-10-01 01:00:00,?):(2004-10-01 01:00:00,7):calm
(2004-10-02 02:00:00,3),?,(2004-10-02 00:00:00,2):?:stormy
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_ts(tmp_path: Path) -> None:
    data = read_labelled(write(tmp_path / "x.ts", TS))
    np.testing.assert_array_equal(data.rows.arrays[0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(data.rows.arrays[1], [[7, 9], [np.nan, 10]])
    assert data.labels.tolist() == ["a", "b"]
    assert data.describe() == "2 sequences of 2 to 3 steps in 2 channels, 2 classes"


def test_ts_with_time_stamps(tmp_path: Path) -> None:
    """Stamps order the steps and tell which values of several channels belong together."""
    data = read_labelled(write(tmp_path / "x.ts", STAMPED))
    first, second = data.rows.arrays
    np.testing.assert_array_equal(first, [[1.5, np.nan], [np.nan, 7]])
    np.testing.assert_array_equal(second, [[2, np.nan], [3, np.nan]])
    assert data.labels.tolist() == ["calm", "stormy"]
    assert data.notes == ["time stamps order the steps; how far they lie apart is not read"]
    plain = "@timeStamps true\n@classLabel true 1 2\n@data\n(0,5),(1,6):1\n(0,7.5):2\n"
    data = read_labelled(write(tmp_path / "y.ts", plain))
    assert [one[:, 0].tolist() for one in data.rows.arrays] == [[5, 6], [7.5]]


def test_ts_without_classes(tmp_path: Path) -> None:
    text = "@classLabel false\n@data\n1,2,3\n4,5\n"
    data = read_labelled(write(tmp_path / "x.ts", text))
    assert data.labels is None and len(data.rows) == 2


def test_a_table_of_steps_is_sorted_by_time(tmp_path: Path) -> None:
    text = "id,t,v,w,label\nq,2,20,1,x\np,1,5,1,y\nq,1,10,,x\nq,10,30,1,x\n"
    data = read_labelled(write(tmp_path / "x.csv", text), time="t")
    assert data.names == ["q", "p"] and data.channels == ["v", "w"]
    np.testing.assert_array_equal(data.rows.arrays[0], [[10, np.nan], [20, 1], [30, 1]])
    assert data.labels.tolist() == ["x", "y"]


def test_texts_and_rows_of_numbers(tmp_path: Path) -> None:
    data = read_labelled(write(tmp_path / "t.csv", "text,label\nhello,1\nworld,2\n"))
    assert data.rows.texts == ["hello", "world"] and data.labels.tolist() == [1, 2]
    assert data.names == ["1", "2"]
    data = read_labelled(write(tmp_path / "n.csv", "a,b,label\n1,2,x\n3,4,y\n"))
    np.testing.assert_array_equal(data.rows.arrays[1], [[3], [4]])


def test_folders(tmp_path: Path) -> None:
    for name in ("up", "down"):
        write(tmp_path / "csv" / name / "one.csv", "time,v\n1,2\n2,3\n")
    data = read_labelled(tmp_path / "csv")
    assert data.labels.tolist() == ["down", "up"] and data.channels == ["v"]
    write(tmp_path / "txt" / "fr.txt", "un\ndeux\n")
    write(tmp_path / "txt" / "en.txt", "one\n\n")
    data = read_labelled(tmp_path / "txt")
    assert data.rows.texts == ["one", "un", "deux"] and data.labels.tolist() == ["en", "fr", "fr"]


def test_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X=np.ones((3, 4, 2)), y=[0, 1, 0], lengths=[4, 2, 0])
    data = read_labelled(tmp_path / "x.npz")
    assert [len(one) for one in data.rows.arrays] == [4, 2, 0]
    assert data.labels.tolist() == [0, 1, 0]


def test_numbers_instead_of_classes(tmp_path: Path) -> None:
    table = write(tmp_path / "x.csv", "id,v,target\np,1,0.5\nq,2,7\n")
    data = read_labelled(table, numeric=True)
    assert data.labels.tolist() == [0.5, 7.0] and data.label == "target"
    assert data.describe().endswith("targets from 0.5 to 7")
    text = "@targetLabel true\n@data\n1,2:3.5\n4:-1\n"
    data = read_labelled(write(tmp_path / "x.ts", text), numeric=True)
    assert data.labels.tolist() == [3.5, -1.0]
    np.savez(tmp_path / "x.npz", X=np.ones((2, 3)), y=[1, 2])
    data = read_labelled(tmp_path / "x.npz", numeric=True)
    assert data.labels.dtype == np.float64
    apart = write(tmp_path / "l.csv", "id,label\nq,2.5\np,high\n")
    with pytest.raises(InputError, match="expected a number for every sequence, got 'high'"):
        read_labels(apart, read_labelled(table, "target", numeric=True), None, None)
    np.savez(tmp_path / "f.npz", X=np.ones((2, 3)), y=[1.0, 2.0])
    assert read_labelled(tmp_path / "f.npz").labels.tolist() == [1.0, 2.0]


def test_labels_of_their_own_file(tmp_path: Path) -> None:
    data = read_labelled(write(tmp_path / "x.csv", "id,v\np,1\nq,2\n"), required=False)
    by_name = write(tmp_path / "l.csv", "id,label\nq,B\np,A\n")
    assert read_labels(by_name, data, None, None).tolist() == ["A", "B"]
    in_order = write(tmp_path / "o.csv", "label\nA\nB\n")
    assert read_labels(in_order, data, None, None).tolist() == ["A", "B"]
    longer = write(tmp_path / "m.csv", "label\nA\nB\nC\n")
    with pytest.raises(InputError, match="each of 2 sequences, got 3"):
        read_labels(longer, data, None, None)


BAD = {
    "empty": ("x.csv", "", "empty"),
    "header alone": ("x.csv", "id,v,label\n", "no rows"),
    "no label": ("x.csv", "id,v\n1,2\n", "no column is called label"),
    "two labels": ("x.csv", "id,v,label\n1,2,a\n1,3,b\n", "one label for each"),
    "text among numbers": (
        "x.csv",
        "id,v,label\n1,two,a\n",
        "The column 'v' of x.csv must hold numbers, but row 1",
    ),
    "missing label": ("x.csv", "id,v,label\n1,2,a\n2,2,\n", "1 of 2 have none"),
    "ts without data": ("x.ts", "@data\n", "empty"),
    "ts of ragged channels": ("x.ts", "@data\n1,2:1:a\n", "one length"),
    "ts of channels": ("x.ts", "@data\n1,2:1,2:a\n1:b\n", "channels"),
    "ts of words": ("x.ts", "@data\n1,x:a\n", "line 2"),
    "ts without header": ("x.ts", "1,2:a\n", "a line of the header"),
    "ts of no flag": ("x.ts", "@timeStamps yes\n@data\n1,2:a\n", "true or false after @times"),
    "ts of no count": ("x.ts", "@dimensions two\n@data\n1:a\n", "whole number after @dim"),
    "ts of another class": ("x.ts", "@classLabel true a b\n@data\n1:c\n", "class of the header"),
    "ts of no class": ("x.ts", "@classLabel true\n@data\n1,2:\n", "expected a class"),
    "ts of more channels": ("x.ts", "@dimensions 1\n@data\n1:2:a\n", "expected 1 channels"),
    "ts of one channel": ("x.ts", "@univariate true\n@data\n1:2:a\n", "expected 1 channels"),
    "ts of pairs": ("x.ts", "@data\n(1,2):a\n", "need the line '@timeStamps true'"),
    "ts of no pairs": ("x.ts", "@timeStamps true\n@data\n1,2:a\n", r"pairs \(stamp,value\)"),
    "ts of no time": ("x.ts", "@timeStamps true\n@data\n(noon,2):a\n", "expected a time stamp"),
    "ts of NaN time": ("x.ts", "@timeStamps true\n@data\n(nan,2):a\n", "expected a time stamp"),
    "ts of one time": ("x.ts", "@timeStamps true\n@data\n(1,2),(1.0,3):a\n", "stands twice"),
    "ts of two kinds": (
        "x.ts",
        "@timeStamps true\n@data\n(1,2),(2004-10-01,3):a\n",
        "of one kind",
    ),
    "no archive": ("x.npz", "nothing", "npz"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_refused_in_words(case: str, tmp_path: Path) -> None:
    name, text, message = BAD[case]
    with pytest.raises(InputError, match=message):
        read_labelled(write(tmp_path / name, text))


def test_wrong_columns_and_empty_folders(tmp_path: Path) -> None:
    table = write(tmp_path / "x.csv", "id,v,label\n1,2,a\n")
    for role in ("label", "id", "time"):
        with pytest.raises(InputError, match=f"{role}: there is no column 'nix'"):
            read_labelled(table, **{role: "nix"})
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="neither sub-folders"):
        read_labelled(tmp_path / "folder")
    write(tmp_path / "two" / "a" / "1.csv", "v\n1\n2\n")
    write(tmp_path / "two" / "b" / "1.csv", "v,w\n1,2\n")
    with pytest.raises(InputError, match="as in the others"):
        read_labelled(tmp_path / "two")


def test_values_are_read_from_the_columns_named(tmp_path: Path) -> None:
    table = write(tmp_path / "x.csv", "w,id,note,v,label\n1,p,odd,2,a\n3,q,odd,4,b\n")
    data = read_labelled(table, channels=["v", "w"])
    assert data.channels == data.columns == ["v", "w"] and data.id == "id"
    np.testing.assert_array_equal(data.rows.arrays[1], [[4, 3]])
    with pytest.raises(InputError, match="no column 'u'; expected v, u"):
        read_labelled(table, channels=["v", "u"])
    for name in ("up", "down"):
        write(tmp_path / "csv" / name / "one.csv", "w,more,v\n1,0,2\n")
    data = read_labelled(tmp_path / "csv", channels=["v", "w"])
    np.testing.assert_array_equal(data.rows.arrays[0], [[2, 1]])
