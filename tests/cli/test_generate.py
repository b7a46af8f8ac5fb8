"""``elman generate`` as a user runs it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import elman
from elman.cli import main
from elman.datasets.primer import primer

QUICK = ("--epochs", "2", "--hidden", "12", "--length", "40")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generate")
    (folder / "rhymes.txt").write_text(primer(250), encoding="utf-8")
    out = folder / "run"
    assert main(["generate", str(folder / "rhymes.txt"), *QUICK, "--quiet", "--out", str(out)]) == 0
    return out


def test_it_prints_and_leaves_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    Path("rhymes.txt").write_text(primer(250), encoding="utf-8")
    assert main(["generate", "rhymes.txt", "--prompt", "The day", *QUICK]) == 0
    printed = capsys.readouterr().out
    for part in ("bytes of text", "Bits a character", "unigram", "verdict", "\nThe day"):
        assert part in printed
    run = Path("elman-runs/language-rhymes-1")
    assert "report.html" in printed and str(run) in printed
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["scores"]["table"]) >= {"network", "unigram"}
    assert (run / "samples.csv").read_text().startswith("temperature,text\n0.3,")
    page = (run / "report.html").read_text()
    for part in ("How good it is", "What it writes", "What may come next", "What surprises it"):
        assert part in page
    assert isinstance(elman.load(run / "model"), elman.LanguageModel)
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_text() == page


def test_a_run_writes_on(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    capsys.readouterr()
    command = ["generate", str(run), "--prompt", "In June", "--length", "30", "--seed", "4"]
    assert main(command) == 0
    written = capsys.readouterr().out
    model = elman.load(run / "model")
    expected = model.sample("In June", 30, temperature=0.8, seed=4)
    assert written.rstrip("\n") == ("In June" + expected).rstrip("\n")
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sample"] == expected
    assert main([*command, "--temperature", "0", "--top-k", "3", "--top-p", "0.9"]) == 0
    assert main(["generate", str(run), "--prompt", "µ", "--unseen", "unknown"]) == 0


def test_predict_tells_the_surprise(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    Path("said.txt").write_text("Two and two make four.\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["predict", str(run), "said.txt"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    text = "Two␣and␣two␣make␣four.⏎"
    assert "".join(row["symbol"] for row in rows) == text
    logs = elman.load(run / "model").log_likelihood("Two and two make four.\n")
    assert [float(row["bits"]) for row in rows] == pytest.approx(-logs / 0.693147181, abs=1e-4)
    assert all(row["likeliest"] for row in rows)


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b", "c"):
        Path("texts").mkdir(exist_ok=True)
        Path("texts", f"{name}.txt").write_text(primer(60), encoding="utf-8")
    command = ["generate", "texts", "--unit", "words", *QUICK, "--json", "--no-report"]
    assert main(command) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["scores"]["table"]["network"]["perplexity"] > 1
    assert isinstance(document["sample"], str)
    assert not Path(document["run"], "report.html").exists()


def test_the_built_in_text_needs_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", *QUICK, "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(Path("elman-runs/language-primer-1"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "there is no file, folder or run 'nowhere'"),
        (("empty.txt",), "it is empty"),
        (("raw.txt",), "no text in UTF-8"),
        (("short.txt",), "occur more than once"),
        (("folder",), "no text file (.txt) in the folder"),
        (("text.txt", "--unit", "syllables"), "unit: expected one of"),
        (("text.txt", "--temperature", "-1"), "temperature: expected"),
        (("text.txt", "--top-p", "2"), "--top-p: expected"),
        (("text.txt", "--top-k", "0"), "--top-k: expected"),
        (("text.txt", "--length", "0"), "length: expected"),
        (("text.txt", "--prompt", "µ"), "prompt: expected characters that training has met"),
        (("text.txt", "--epochs", "0"), "epochs: expected"),
        (("text.txt", "--out", "folder"), "is not empty"),
    ],
)
def test_bad_input_is_told_in_a_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    Path("empty.txt").touch()
    Path("raw.txt").write_bytes(b"ab\xff\xfeab" * 20)
    Path("short.txt").write_text("abcdefg")
    Path("text.txt").write_text(primer(60))
    Path("folder").mkdir()
    Path("folder", "notes.md").touch()
    assert main(["generate", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" or captured.out.startswith("read")
    assert message in captured.err and captured.err.count("\n") == 1
    assert not Path("elman-runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prompt", "µ"), "that training has met, got 'µ'"),
        (("--epochs", "3"), "--epochs: a run is trained already"),
        (("--hidden", "3"), "--hidden: a run is trained already"),
        (("--out", "x"), "--out: a run is trained already"),
        (("--unseen", "skip"), "--unseen: expected one of"),
    ],
)
def test_what_a_run_cannot_do_is_refused(
    capsys: pytest.CaptureFixture[str], run: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert main(["generate", str(run), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_run_of_another_kind_is_refused(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    other = Path("other")
    other.mkdir()
    text = (run / "config.json").read_text().replace('"language"', '"classification"')
    (other / "config.json").write_text(text)
    assert main(["generate", "other"]) == 2
    assert "is a run of another kind, a classification" in capsys.readouterr().err


def test_an_empty_file_has_nothing_to_answer_for(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty.txt").write_text("")
    assert main(["predict", str(run), "empty.txt"]) == 2
    assert "FILE: empty.txt is empty" in capsys.readouterr().err


def test_a_mark_of_the_byte_order_is_no_symbol(capsys: pytest.CaptureFixture[str]) -> None:
    Path("marked.txt").write_text("\ufeff" + "hello world. " * 40, encoding="utf-8")
    arguments = ["generate", "marked.txt", "--epochs", "1", "--hidden", "2", "--no-report"]
    assert main([*arguments, "--length", "5", "--quiet", "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["predict", "run", "marked.txt"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("h,")
