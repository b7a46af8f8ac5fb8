"""Symbols: texts to numbers and back; corpora: the same text whether in memory or in files."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elman.data import corpus as corpus_module
from elman.data.corpus import Corpus, cut
from elman.data.symbols import SYMBOL_UNITS, Symbols, Writer
from elman.errors import InputError

TEXT = "To be, or not to be:\n  that is the question; to be — or naught!\tTo be.\n"


@pytest.mark.parametrize("unit", SYMBOL_UNITS)
@given(text=st.text(st.characters(codec="utf-8"), max_size=60))
def test_what_was_met_often_comes_back_as_it_was(unit, text):
    symbols = Symbols.fit([text, text], unit)
    numbers = symbols.encode(text)
    assert symbols.decode(numbers) == text
    assert not len(numbers) or (numbers.min() >= 1 and numbers.max() < symbols.edge)
    again = Symbols.of_description(symbols.description())
    np.testing.assert_array_equal(again.encode(text), numbers)
    assert again.size == symbols.size


@pytest.mark.parametrize("unit", SYMBOL_UNITS)
def test_written_symbol_by_symbol_it_is_the_same_text(unit):
    symbols = Symbols.fit([TEXT, TEXT], unit)
    writer = Writer(symbols)
    pieces = [writer.text(int(number)) for number in symbols.encode(TEXT)]
    assert "".join(pieces) == TEXT
    assert writer.rest() == ""


def test_words_keep_their_space_and_case():
    symbols = Symbols.fit([TEXT, TEXT], "words")
    shown = [symbols.shown(int(one)) for one in symbols.encode(TEXT)]
    assert shown[:9] == ["To", " be", ",", " or", " not", " to", " be", ":", "⏎"]


def test_what_is_rare_is_unknown_and_what_is_new_is_refused():
    symbols = Symbols.fit(["aabbcz"], "characters")
    assert symbols.encode("abcz?").tolist() == [1, 2, 0, 0, 0]
    assert symbols.decode([1, 0, symbols.edge, 2]) == "a\N{REPLACEMENT CHARACTER}b"
    assert symbols.shown(0) == "(?)" and symbols.shown(symbols.edge) == "(end)"
    symbols.check("text", "abcz")
    with pytest.raises(
        InputError, match=r"text: expected characters that training has met, got '\?'"
    ):
        symbols.check("text", "ab?")
    with pytest.raises(InputError, match="text: expected a text, got 3"):
        symbols.check("text", 3)


def test_only_the_most_frequent_are_kept():
    symbols = Symbols.fit(["aaaabbbcc"], "characters", most=2)
    assert symbols.encode("abc").tolist() == [1, 2, 0]
    assert not symbols.vocabulary.unseen(["c"])


def test_half_a_character_in_bytes_waits_for_the_rest():
    symbols = Symbols.fit((), "bytes")
    first, second = symbols.encode("é")
    writer = Writer(symbols)
    assert writer.text(first) == "" and writer.text(second) == "é"
    assert writer.text(first) == "" and writer.rest() == "\N{REPLACEMENT CHARACTER}"
    assert symbols.shown(int(first)) == "0xc3"


# ------------------------------------------------------------------------------------ corpora


@pytest.fixture
def files(tmp_path):
    texts = [TEXT * 40, "abc\n" * 30]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text, encoding="utf-8", newline="")
    return texts, [tmp_path / "0.txt", tmp_path / "1.txt"]


@pytest.mark.parametrize("unit", SYMBOL_UNITS)
@pytest.mark.parametrize("mapped", [False, True])
def test_files_in_parts_are_their_texts(files, unit, mapped, monkeypatch):
    texts, paths = files
    symbols = Symbols.fit(texts, unit)
    wanted, places = Corpus(texts).encode(symbols, [100, 3000])
    monkeypatch.setattr(corpus_module, "PART", 37)
    if mapped:
        monkeypatch.setattr(corpus_module, "IN_MEMORY", 0)
    source = Corpus(paths)
    assert source.characters == sum(map(len, texts))
    got, got_places = source.encode(symbols, [100, 3000])
    assert got_places == places
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
        assert isinstance(one, np.memmap) == mapped and one.dtype == symbols.dtype


def test_texts_begin_with_an_edge_and_several_end_with_one():
    symbols = Symbols.fit(["aabb"], "characters")
    (alone,), (place,) = Corpus("abab").encode(symbols, [3])
    assert alone.tolist() == [symbols.edge, 1, 2, 1, 2] and place == 3
    several, places = Corpus(["ab", "", "b"]).encode(symbols, [1, 2, 3])
    edge = symbols.edge
    assert [one.tolist() for one in several] == [[edge, 1, 2, edge], [edge, edge], [edge, 2, edge]]
    assert places == [1, 2, 5]


def test_parts_stop_where_they_are_told(files):
    texts, paths = files
    for stop in (0, 5, len(texts[0]), len(texts[0]) + 7, None):
        assert "".join(Corpus(paths).parts(stop)) == "".join(texts)[:stop]


def test_cuts_leave_every_prediction_in_one_part():
    texts = [np.arange(5), np.arange(10, 12), np.arange(20, 27)]
    places = [0, 3, 5, 9, 11]
    parts = [cut(texts, a, b) for a, b in itertools.pairwise(places)]
    predicted = np.concatenate([one[1:] for part in parts for one in part])
    assert predicted.tolist() == [1, 2, 3, 4, 11, *range(21, 27)]
    assert parts[1][0].tolist() == [3, 4]  # begins with what is read before


@pytest.mark.parametrize(
    "given, message",
    [
        ("", "it is empty"),
        ([], "expected a text, a pathlib.Path"),
        (3, "expected a text, a pathlib.Path"),
        (["a", 3], r"X\[1\]: expected a text or a pathlib.Path, got int"),
    ],
)
def test_what_is_no_text_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        Corpus(given)


def test_files_that_are_no_text_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        Corpus(tmp_path / "none.txt")
    (tmp_path / "raw.bin").write_bytes(b"ab\xff\xfe")
    with pytest.raises(InputError, match=r"no text in UTF-8.*unit='bytes'"):
        Corpus(tmp_path / "raw.bin")
    source = Corpus(tmp_path / "raw.bin", binary=True)
    symbols = Symbols.fit((), "bytes")
    assert source.encode(symbols)[0][0].tolist() == [symbols.edge, 98, 99, 256, 255]
