"""Words with their characters: numbers, forms, batches."""

from __future__ import annotations

import numpy as np
import pytest

from elman.data.words import SHAPES, WordBatches, WordEncoder, shape_of

SENTENCES = [["The", "cat", "sat", "in", "1999"], ["the", "Cat"], ["a", "cat", "purred"]]


def test_words_are_known_in_lower_case_with_digits_alike() -> None:
    encoder = WordEncoder.fit(SENTENCES, min_count=2)
    assert encoder.words == ["cat", "the"]
    assert encoder.counts == [3, 2]
    assert encoder.unseen([["CAT", "2024", "purr"]]) == ["purr"]
    cased = WordEncoder.fit(SENTENCES, lowercase=False, min_count=1)
    assert {"The", "the", "Cat", "cat", "0000"} <= set(cased.words)


def test_a_sentence_is_numbers_of_forms_and_each_form_is_spelled_once() -> None:
    encoder = WordEncoder.fit(SENTENCES, min_count=2)
    rows, forms = encoder.encode([["The", "the", "dog", "The"], []])
    np.testing.assert_array_equal(rows.lengths, [4, 0])
    np.testing.assert_array_equal(rows.values[:, 0], [1, 2, 3, 1])
    the = encoder.words.index("the") + 1
    np.testing.assert_array_equal(forms.words, [0, the, the, 0])
    assert [SHAPES[one] for one in forms.shapes[1:3]] == ["Capitalised", "lower case"]
    np.testing.assert_array_equal(forms.characters.lengths, [0, 3, 3, 3])
    unknown = forms.characters.values[-3:, 0]  # d, o, g: training has met none of them twice
    assert not unknown.any()


def test_a_very_long_word_is_spelled_from_both_ends() -> None:
    encoder = WordEncoder.fit([["ab", "ab", "b" * 40 + "a" * 5000]])
    _, forms = encoder.encode([["b" * 40 + "a" * 5000]])
    spelled = forms.characters.values[:, 0]
    a, b = encoder.characters.index("a") + 1, encoder.characters.index("b") + 1
    np.testing.assert_array_equal(spelled, [b] * 32 + [a] * 32)


def test_batches_know_their_distinct_words() -> None:
    encoder = WordEncoder.fit(SENTENCES, min_count=1)
    rows, forms = encoder.encode(SENTENCES)
    batches = WordBatches(forms, rows, None, batch_size=2)
    for batch in batches.epoch():
        for place, row in enumerate(batch.rows):
            for t, word in enumerate(SENTENCES[row]):
                letters = batch.spelled.x[:, batch.position[t, place]]
                wanted = [
                    encoder.characters.index(one) + 1 if one in encoder.characters else 0
                    for one in word
                ]
                np.testing.assert_array_equal(letters[: len(word)], wanted)
                assert (
                    batch.words[t, place]
                    == encoder.words.index("0000" if word == "1999" else word.lower()) + 1
                )
        distinct = {word for row in batch.rows for word in SENTENCES[row]}
        assert len(batch.spelled.rows) == len(distinct)


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("", "nothing"),
        ("ab", "lower case"),
        ("Ab", "Capitalised"),
        ("A", "Capitalised"),
        ("AB", "UPPER CASE"),
        ("aB", "mIxed case"),
        ("12:30", "digits"),
        ("a1", "with digits"),
        ("...", "punctuation"),
        ("it's", "lower case"),
        ("O'Neil", "other"),
    ],
)
def test_shapes(word: str, shape: str) -> None:
    assert SHAPES[shape_of(word)] == shape


def test_rare_words_are_read_as_unknown_more_often() -> None:
    encoder = WordEncoder.fit(SENTENCES, min_count=1)
    chance = encoder.unknown_chance(0.5)
    assert chance[0] == 0.0
    assert chance[encoder.words.index("cat") + 1] == pytest.approx(0.5 / 3.5)
    assert chance[encoder.words.index("sat") + 1] == pytest.approx(0.5 / 1.5)
    assert not encoder.unknown_chance(0.0).any()


def test_an_encoder_comes_back_from_its_description() -> None:
    encoder = WordEncoder.fit(SENTENCES, min_count=2)
    back = WordEncoder.of_description(encoder.description())
    assert back.description() == encoder.description()
