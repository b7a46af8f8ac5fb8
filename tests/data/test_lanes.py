"""Streams: what lies in the batches of the lanes, and what is refused before any work."""

from __future__ import annotations

import numpy as np
import pytest

from elman import InputError, Stream
from elman.data.records import Column

COLUMNS = [
    Column("inputs", np.float32, 2),
    Column("targets", np.float32, 1),
    Column("weights", np.float32, 1, positive=True),
]
TOKENS = [
    Column("inputs", np.int64, 1, number=7),
    Column("targets", np.int64, 1, number=7),
    COLUMNS[2],
]


def start():
    return [np.zeros(3, np.float32)]


def record(steps, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(steps, 2)).astype("f4"), rng.normal(size=steps).astype("f4")


def lanes(records, columns=COLUMNS, **options):
    return Stream(records, **options).open(columns, start, columns is TOKENS)


def walked(source, generator=None):
    """What each record's lane saw, put together again; counts the states along the way."""
    seen, current = [], {}
    for batch in source.epoch(generator):
        steps = np.full(len(batch.rows), len(batch.x)) if batch.live is None else batch.lengths
        assert (np.diff(steps) <= 0).all() and steps.min() > 0
        for row, lane in enumerate(batch.rows.tolist()):
            if batch.begins[row]:
                assert (batch.state[0][row] == 0).all()
                seen.append([])
                current[lane] = seen[-1]
            else:  # goes on from where this lane's last batch ended
                np.testing.assert_array_equal(batch.state[0][row], current[lane][-1][2])
            own = steps[row]
            assert (batch.x[own:, row] == 0).all()
            part = batch.x[:own, row].copy(), batch.target[:own, row, 0].copy()
            current[lane].append((*part, part[0].sum() + np.arange(3, dtype="f4")))
            batch.final_state[0][row] = current[lane][-1][2]
    return [
        [np.concatenate(each) for each in zip(*((p[0], p[1]) for p in r), strict=True)]
        for r in seen
    ]


def assert_same_records(got, wanted):
    assert len(got) == len(wanted)
    for (x, y), (x_wanted, y_wanted) in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(x, x_wanted)
        np.testing.assert_array_equal(y, y_wanted)


def test_every_record_is_walked_once_in_its_lane():
    records = [record(steps, steps) for steps in (23, 41, 7, 30, 10, 1)]
    source = lanes(records, chunk=10, lanes=3)
    # lanes 0, 1, 2 begin records 0, 1, 2; 2 is free first, then 0; ...
    assert_same_records(walked(source), [records[i] for i in (0, 1, 2, 3, 4, 5)])
    assert len(source) == len(list(source.epoch()))


def test_records_are_shuffled_with_a_seed():
    records = [record(steps, steps) for steps in range(11, 31)]
    source = lanes(records, chunk=8, lanes=4)
    order = np.random.default_rng(5).permutation(20)
    assert_same_records(walked(source, np.random.default_rng(5)), [records[i] for i in order])


@pytest.mark.parametrize("steps", [40, 43, 33])
def test_a_record_is_split_into_lanes_and_nothing_is_lost(steps):
    x, y = record(steps)
    got = walked(lanes((x, y), chunk=4, lanes=4, split=True))
    np.testing.assert_array_equal(np.concatenate([one[0] for one in got]), x)
    np.testing.assert_array_equal(np.concatenate([one[1] for one in got]), y)
    assert len(got) == 4


def test_split_pieces_as_one_table_are_those_apart():
    whole, other = record(40), record(40, 1)
    alone = walked(lanes([whole], chunk=4, lanes=4, split=True))
    pieces = [(whole[0][i : i + 10], whole[1][i : i + 10]) for i in range(0, 40, 10)]
    assert_same_records(alone, walked(lanes(pieces, chunk=4, lanes=4)))
    both = walked(lanes([whole, other], chunk=4, lanes=4, split=True))
    assert len(both) == 4 and len(both[0][0]) == 20


def test_files_memmaps_and_functions_give_what_arrays_give(tmp_path):
    x, y = record(50)
    wanted = walked(lanes((x, y), chunk=7))
    np.save(tmp_path / "x.npy", x.astype("f8"))
    np.save(tmp_path / "y.npy", y)
    x.tofile(tmp_path / "x.raw")
    mapped = np.memmap(tmp_path / "x.raw", "f4", "r", shape=x.shape)

    def parts():  # parts of all lengths, none among them
        for begin, end in ((0, 1), (1, 20), (20, 20), (20, 50)):
            yield x[begin:end], y[begin:end]

    for given in ((tmp_path / "x.npy", str(tmp_path / "y.npy")), (mapped, y), parts):
        assert_same_records(walked(lanes([given], chunk=7)), wanted)


def test_inputs_alone_are_followed_by_their_next_step():
    tokens = np.array([3, 1, 4, 1, 5, 2, 6], np.uint8)

    def parts():
        yield from (tokens[:2], tokens[2:3], tokens[3:3], tokens[3:])

    for given in (tokens, parts):
        (got,) = walked(lanes([given], TOKENS, chunk=4))
        np.testing.assert_array_equal(got[0], tokens[:-1])
        np.testing.assert_array_equal(got[1], tokens[1:])


def test_weights_come_along_and_excuse_targets():
    x, y = record(9)
    y = np.where(np.arange(9) == 4, np.nan, y)
    weight = np.where(np.arange(9) == 4, 0.0, 2.0)
    batches = list(lanes((x, y, weight), chunk=9).epoch())
    np.testing.assert_array_equal(batches[0].weight[:, 0, 0], weight)
    with pytest.raises(InputError, match=r"records\[0\]: targets: .*nan at step 4"):
        lanes((x, y))


def test_records_without_a_step_are_passed_by():
    x, y = record(5)
    got = walked(lanes([(x[:0], y[:0]), (x, y)], chunk=3))
    assert_same_records(got, [(x, y)])


X, Y = record(6)
HOLE = np.where(np.arange(12).reshape(6, 2) == 7, np.inf, X)


def short_later():
    short_later.calls += 1
    yield (X, Y) if short_later.calls < 3 else (X[:-1], Y[:-1])


short_later.calls = 0


@pytest.mark.parametrize(
    "records, columns, message",
    [
        (
            [(X[:, :1], Y)],
            COLUMNS,
            r"records\[0\]: inputs: expected numbers, an array \(steps, 2\)",
        ),
        (
            [(X, Y), (X, Y[:4])],
            COLUMNS,
            r"records\[1\]: .*as many steps of each, got 6 of inputs, 4",
        ),
        ([(HOLE, Y)], COLUMNS, r"inputs: expected finite numbers, got inf at step 3"),
        ([(X, Y, Y)], COLUMNS, r"weights: expected finite numbers of at least 0"),
        ([(X, Y), (X, Y, Y * 0)], COLUMNS, "weights with all of them or with none"),
        ([(X, Y, Y, Y)], COLUMNS, "got 4 arrays"),
        ([(X, np.array(list("abcdef")))], COLUMNS, "targets: expected numbers"),
        (
            [np.array([1, 7, 2])],
            TOKENS,
            "inputs: expected whole numbers from 0 to 6, got 7 at step 1",
        ),
        ([np.array([1.0, 2.0])], TOKENS, "expected whole numbers"),
        ([np.array([1])], TOKENS, "at least one step with a target"),
        ([], COLUMNS, "at least one step with a target"),
        (7, COLUMNS, "a record or a list of records"),
        (["nowhere.npy"], TOKENS, "expected an array or a file of one"),
        ([iter([(X, Y)])], COLUMNS, "pass the function that makes it"),
        ([lambda: 3], COLUMNS, "expected a function that gives an iterator of parts"),
        ([lambda: iter([(X, Y), (X,)])], COLUMNS, "parts of 2 arrays, as the first one has, got"),
    ],
)
def test_what_does_not_fit_is_refused_at_once(records, columns, message):
    with pytest.raises(InputError, match=message):
        lanes(records, columns)


def test_a_function_must_yield_the_same_every_time():
    source = lanes([short_later], chunk=4)
    with pytest.raises(InputError, match="fewer than the 6 that were counted"):
        list(source.epoch())
    with pytest.raises(InputError, match="a function for each piece"):
        lanes([lambda: iter([(X, Y)])], split=True)


@pytest.mark.parametrize("options", [{"chunk": 0}, {"lanes": 1.5}, {"split": "yes"}])
def test_options_are_checked(options):
    with pytest.raises(InputError, match=f"Stream: {next(iter(options))}"):
        Stream([], **options)


def test_a_file_that_is_no_array_is_refused(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"not an array")
    with pytest.raises(InputError, match="is not a readable"):
        lanes([(tmp_path / "x.npy", Y)])
