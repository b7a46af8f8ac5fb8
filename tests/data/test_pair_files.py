"""Sources and targets from files."""

from __future__ import annotations

import json
from pathlib import Path

import polars
import pytest

from elman.data.pair_files import read_pairs, read_parallel, read_sources
from elman.errors import InputError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_fields_are_text_as_they_stand(tmp_path: Path) -> None:
    data = read_pairs(write(tmp_path / "a.csv", "question,answer\n12+3,015\nNA,1e3\n-,null\n"))
    assert data.sources == ["12+3", "NA", "-"] and data.targets == ["015", "1e3", "null"]
    assert data.columns == ("question", "answer") and not data.notes
    assert data.describe() == "3 pairs: sources of 1 to 4 characters, targets of 3 to 4 characters"


@pytest.mark.parametrize(
    ("head", "options", "columns"),
    [
        ("source\ttarget\tid", {}, ("source", "target")),
        ("TGT\tSRC\tid", {}, ("SRC", "TGT")),
        ("english\tgerman", {}, ("english", "german")),
        ("english\tsource", {}, ("source", "english")),
        ("english\ttarget", {}, ("english", "target")),
        ("english\tgerman", {"source": "german"}, ("german", "english")),
        ("a\tb\tc", {"source": "c", "target": "a"}, ("c", "a")),
    ],
)
def test_columns_are_found_or_named(
    tmp_path: Path, head: str, options: dict, columns: tuple[str, str]
) -> None:
    row = "\t".join("xyz"[: head.count("\t") + 1])
    data = read_pairs(write(tmp_path / "a.tsv", f"{head}\n{row}\n"), **options)
    assert data.columns == columns
    values = dict(zip(head.split("\t"), row.split("\t"), strict=True))
    assert data.sources == [values[columns[0]]] and data.targets == [values[columns[1]]]


def test_parquet_and_json_lines_may_hold_tokens(tmp_path: Path) -> None:
    frame = polars.DataFrame({"source": [["a", "b"], ["c"]], "target": [12, 7]})
    frame.write_parquet(tmp_path / "a.parquet")
    data = read_pairs(tmp_path / "a.parquet")
    assert data.sources == [["a", "b"], ["c"]] and data.targets == ["12", "7"]
    lines = [json.dumps({"source": [1, 2], "target": ["x"]}), json.dumps({"source": [3]})]
    data = read_pairs(write(tmp_path / "a.jsonl", "\n".join(lines)))
    assert data.sources == [[1, 2]] and data.targets == [["x"]]
    assert data.notes == ["1 row lacks a source or a target: left out"]


def test_two_texts_line_by_line(tmp_path: Path) -> None:
    one = write(tmp_path / "a.en", "Hello.\n\nBye.\n")
    two = write(tmp_path / "a.de", "Hallo.\nNichts.\nTschüs.")
    data = read_parallel(one, two)
    assert data.sources == ["Hello.", "Bye."] and data.targets == ["Hallo.", "Tschüs."]
    assert "1 row lacks" in data.notes[0]
    with pytest.raises(InputError, match=r"each of 3 lines of a\.en, got 2 in b\.de"):
        read_parallel(one, write(tmp_path / "b.de", "x\ny\n"))
    with pytest.raises(InputError, match="--source-file: there is no file"):
        read_parallel(tmp_path / "none", two)
    with pytest.raises(InputError, match=r"--target-file: the file c\.de is empty"):
        read_parallel(one, write(tmp_path / "c.de", ""))
    (tmp_path / "d.de").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read_parallel(one, tmp_path / "d.de")


def test_sources_alone(tmp_path: Path) -> None:
    assert read_sources(write(tmp_path / "a.txt", "x y\n\nz\n")).sources == ["x y", "", "z"]
    assert read_sources(write(tmp_path / "a.en", "x\n")).sources == ["x"]
    assert read_sources(write(tmp_path / "a.csv", "source,target\nx,1\n,2\n")).sources == ["x", ""]
    table = write(tmp_path / "b.csv", "english,german\nx,y\n")
    assert read_sources(table, "german").sources == ["y"]
    assert read_sources(write(tmp_path / "c.csv", "english\nx\n")).sources == ["x"]
    with pytest.raises(InputError, match="source: no column is called"):
        read_sources(table)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "source,target\n", "a header and no rows"),
        ("a.csv", "source,target\nx,\n,y\n", "every row lacks one"),
        ("a.csv", "only\nx\n", "target: expected a column|source: expected a column"),
        ("a.csv", "a,b,c\nx,y,z\n", "source: expected a column .* there are a, b, c"),
        ("a.jsonl", '{"source": 1.5, "target": "x"}', "source: .* 'source' holds Float64"),
        ("a.xyz", "x", "no suffix that can be read"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_pairs(write(tmp_path / name, text))


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", "source,target\nx,y\n")
    with pytest.raises(InputError, match="target: there is no column 'nix'; there are source"):
        read_pairs(table, target="nix")
