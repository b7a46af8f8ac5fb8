import pytest
import samples

from elman.report import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0"), (0.12345, "0.123"), (9.876, "9.88"), (12.345, "12.3"),
        (999.4, "999"), (12345.6, "12,346"), (-3.14159, "−3.14"), (1.5e-7, "1.5e-07"),
        (2.5e9, "2.5e+09"), (0.00123, "0.00123"),
    ],
)  # fmt: skip
def test_numbers_have_three_significant_digits(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0.0123, "12 ms"), (1.25, "1.2 s"), (75, "75.0 s"), (150, "2 min 30 s"), (7320, "2 h 2 min")],
)
def test_durations_read_as_a_person_says_them(duration, text):
    assert wording.seconds(duration) == text


def test_the_headline_tells_winning_losing_and_not_knowing_apart():
    good = wording.verdict(samples.single(error=0.05))
    assert (good.tone, good.label) == ("good", "Beats every baseline")
    bad = wording.verdict(samples.single(error=5.0))
    assert (bad.tone, bad.label) == ("bad", "Does not beat every baseline")
    assert "does not beat" in bad.sentence
    assert wording.verdict(samples.bare()).tone == "none"


def test_a_tie_is_not_painted_as_a_win():
    report = samples.single()
    row = report.scores.table["seasonal_naive"]
    report.scores.verdict = f"level with seasonal-naive, {row['mae']}"
    assert wording.verdict(report).tone == "mixed"


def test_a_win_on_few_windows_is_not_painted_as_one():
    report = samples.single(error=0.05)
    report.scores.windows = 3
    assert wording.verdict(report).tone == "mixed"


def test_the_facts_are_those_of_the_report():
    facts = {one.name: one for one in wording.facts(samples.single())}
    assert list(facts) == [
        "Mean absolute error", "Inside the 80 % interval", "Inside the 95 % interval",
        "Parameters", "Training time",
    ]  # fmt: skip
    assert facts["Mean absolute error"].hint == "6 % below naive2"
    assert facts["Parameters"].value == "1,422"
    assert (facts["Training time"].value, facts["Training time"].hint) == ("410 ms", "30 epochs")
    assert wording.facts(samples.bare()) == []


def test_captions_say_how_many_steps_and_where_the_intervals_fail():
    captions = wording.captions(samples.single())
    assert captions["forecast"].startswith("History and the next 6 years, with 80 % and 95 % int")
    assert "one year ahead" in captions["horizon"]
    assert "the weights of epoch" in captions["training"]
    report = samples.single()
    report.scores.intervals["80"]["coverage"] = 0.5
    assert "more than 5 points off" in wording.captions(report)["coverage"]
    report.scores.intervals["80"]["coverage"] = 0.79
    report.scores.intervals["95"]["coverage"] = 0.94
    assert "points off" not in wording.captions(report)["coverage"]
    single_step = wording.captions(samples.single(horizon=1))
    assert "the next year," in single_step["forecast"]


@pytest.mark.parametrize(
    ("created", "text"),
    [
        ("2026-01-31T12:00:59+00:00", "2026-01-31 12:00 UTC"),
        ("2026-01-31T12:00:00", "2026-01-31 12:00"),
        ("yesterday", "yesterday"),
        ("", ""),
    ],
)
def test_the_time_of_making_is_short(created, text):
    assert wording.stamp(created) == text
