"""Sentences with labels from files, and back."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from elman.data.conll import read_steps, write_steps
from elman.errors import InputError

CONLLU = """# sent_id = one
# text = Don't go
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\tMood=Imp\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\t_
3.1\tnow\tnow\tADV\tRB\t_\t_\t_\t3:advmod\t_

1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_
"""
CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_conllu(tmp_path: Path) -> None:
    path = written(tmp_path, "a.conllu", CONLLU)
    read = read_steps(path)
    assert read.steps.tokens == [["Do", "n't", "go"], ["Yes"]]
    assert read.labels == [["AUX", "PART", "VERB"], ["INTJ"]]
    assert read.names == ["one", "2"] and read.label == "UPOS"
    assert read_steps(path, label="xpos").labels[0] == ["VB", "RB", "VB"]
    assert read_steps(path, label="FEATS").labels[0] == ["Mood=Imp", "_", "_"]
    assert read_steps(path, token="LEMMA").steps.tokens[0] == ["do", "not", "go"]
    assert "2 sentences of 4 words" in read.describe() and "4 labels" in read.describe()


def test_conllu_written_again_differs_in_its_labels_alone(tmp_path: Path) -> None:
    read = read_steps(written(tmp_path, "a.conllu", CONLLU))
    write_steps(read, read.labels, tmp_path / "same.conllu")
    assert (tmp_path / "same.conllu").read_text() == CONLLU
    write_steps(read, [["X", "Y", "Z"], ["W"]], tmp_path / "other.conllu")
    again = read_steps(tmp_path / "other.conllu")
    assert again.labels == [["X", "Y", "Z"], ["W"]]
    assert again.steps == read.steps
    with pytest.raises(InputError, match="exists already"):
        write_steps(read, read.labels, tmp_path / "same.conllu")


def test_conllu_without_labels_is_read_to_be_labelled(tmp_path: Path) -> None:
    path = written(tmp_path, "bare.conllu", CONLLU.replace("INTJ", "_"))
    with pytest.raises(InputError, match=r"bare.conllu, line 9: UPOS is missing"):
        read_steps(path)
    read = read_steps(path, required=False)
    assert read.labels is None and read.steps.tokens[1] == ["Yes"]


@pytest.mark.parametrize("name", ["a.conll", "a.txt", "a.iob", "a.conll.gz"])
def test_columns_between_blanks(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(CONLL.encode()) if name.endswith("gz") else CONLL.encode())
    read = read_steps(path)
    assert read.steps.tokens == [["EU", "rejects"], ["Peter", "Blackburn"]]
    assert read.labels == [["B-ORG", "O"], ["B-PER", "I-PER"]]
    assert read.label == "4"
    assert read_steps(path, label="2").labels[0] == ["NNP", "VBZ"]
    assert read_steps(path, label="-2").labels[1] == ["B-NP", "I-NP"]
    write_steps(read, [["O", "O"], ["O", "B-X"]], tmp_path / "new.conll")
    lines = (tmp_path / "new.conll").read_text().splitlines()
    assert lines[0] == "-DOCSTART- -X- -X- O" and lines[2] == "EU NNP B-NP O"


def test_columns_without_that_of_labels_get_one(tmp_path: Path) -> None:
    bare = "\n".join(line.rpartition(" ")[0] for line in CONLL.splitlines())
    read = read_steps(written(tmp_path, "bare.conll", bare), label="4", required=False)
    assert read.labels is None
    write_steps(read, [["B-ORG", "O"], ["B-PER", "I-PER"]], tmp_path / "new.conll")
    assert "Blackburn NNP I-NP I-PER" in (tmp_path / "new.conll").read_text()


def test_json_lines(tmp_path: Path) -> None:
    records = [{"tokens": ["a", "b"], "ner_tags": [0, 1], "id": 7}, {"tokens": [], "ner_tags": []}]
    path = written(tmp_path, "a.jsonl", "\n".join(map(json.dumps, records)) + "\n")
    read = read_steps(path)
    assert read.steps.tokens == [["a", "b"], []] and read.labels == [[0, 1], []]
    assert read.names == ["7", "2"]
    write_steps(read, [[1, 1], []], tmp_path / "new.jsonl")
    assert read_steps(tmp_path / "new.jsonl").labels == [[1, 1], []]


def test_a_table_of_tokens_keeps_words_that_look_missing(tmp_path: Path) -> None:
    text = "sentence,word,tag\n1,NA,x\n1,nan,y\n2,007,x\n,-,y\n"
    read = read_steps(written(tmp_path, "a.csv", text))
    assert read.steps.tokens == [["NA", "nan"], ["007", "-"]]  # a name is left out after the first
    assert read.labels == [["x", "y"], ["x", "y"]]
    with pytest.raises(InputError, match="got a table"):
        write_steps(read, read.labels, tmp_path / "b.csv")


def test_a_table_of_numbers(tmp_path: Path) -> None:
    text = "id,t,a,b,state\nx,2,1,2,on\nx,1,3,,off\ny,1,5,6,on\n"
    read = read_steps(written(tmp_path, "a.csv", text))
    np.testing.assert_array_equal(read.steps.arrays[0], [[3, np.nan], [1, 2]])
    assert read.labels == [["off", "on"], ["on"]] and read.channels == ["a", "b"]
    assert read_steps(written(tmp_path, "one.csv", "a,label\n1,x\n2,y\n")).notes


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.conllu", CONLLU.replace("UH\t_", "UH"), "line 9: expected 10 columns"),
        ("a.conllu", "# only\n# comments\n", "no sentence"),
        ("a.conll", "a X\nb\n", "line 2: expected 2 columns, as in the first sentence, got 1"),
        ("a.conll", "a\tX\nb\t\n", "line 2: the label is missing"),
        ("a.conll", "a\nb\n", "expected a column beside that of the tokens"),
        ("a.conll", "", "empty"),
        ("a.conll", "\n\n", "empty"),
        ("a.xyz", "a X\n", "no suffix that can be read"),
        ("a.jsonl", '{"tokens": ["a"], "labels": ["x"]}\n{"tokens": ["a"', "line 2"),
        ("a.jsonl", '{"tokens": ["a"], "labels": ["x", "y"]}\n', "line 1: expected a label for"),
        ("a.jsonl", '{"tokens": "a b", "labels": ["x"]}\n', "to be a list of tokens"),
        ("a.jsonl", '{"tokens": ["a"], "labels": [null]}\n', "to be a list of labels"),
        ("a.csv", "word,label\na,x\nb,\n", "line 3: the label is missing"),
        ("a.csv", "word,other\na,x\n", "label: no column is called"),
        ("a.csv", "what,label\na,x\n", "token: no column is called"),
    ],
)
def test_bad_files_are_refused_by_name_and_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_steps(written(tmp_path, name, text))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.conllu", {"label": "TAG"}, "label: expected a column of ID, FORM"),
        ("a.conll", {"label": "ner"}, "the columns have no names"),
        ("a.conll", {"label": "7"}, "expected a column from 1 to 4"),
        ("a.conll", {"token": "0"}, "expected a column from 1 to 4"),
    ],
)
def test_columns_that_are_not_there(
    tmp_path: Path, name: str, options: dict[str, str], message: str
) -> None:
    path = written(tmp_path, name, CONLLU if name.endswith("u") else CONLL)
    with pytest.raises(InputError, match=message):
        read_steps(path, **options)
    with pytest.raises(InputError, match="no file"):
        read_steps(tmp_path / "nothing.conll")


def test_a_text_has_the_width_of_the_one_trained_on(tmp_path: Path) -> None:
    path = written(tmp_path, "a.conll", CONLL)
    assert read_steps(path).width == 4
    bare = written(tmp_path, "b.conll", "EU NNP B-NP\n")
    read = read_steps(bare, label="2", required=False, width=4)
    assert read.labels is None and read.column is None  # the second column is none of labels
    with pytest.raises(InputError, match="has 3 columns in its first line, expected one token"):
        read_steps(bare, required=False, width=6)
