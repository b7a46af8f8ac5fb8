"""``elman export`` and ``elman import``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elman.cli import printing
from elman.cli.common import Job, request_of, stem
from elman.cli.options import Json, Out, Quiet
from elman.cli.sources import dialect_of_run
from elman.counting import counted
from elman.errors import InputError

if TYPE_CHECKING:
    from elman.runs import Run

__all__ = ["export", "import_", "predict_network"]


def export(
    run: Annotated[
        Path, typer.Argument(help="A run folder, or the folder of a saved model or network.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="NAME", help="torch (.pt), keras (.keras) or onnx.")
    ] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to; default: named after the run."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", metavar="", help="Replace files already there.")
    ] = False,
    as_json: Json = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", metavar="", help="Print the file's name alone.")
    ] = False,
) -> None:
    """Write a trained model for another library, with a certificate of how exact the file is."""
    from elman.checks import one_of
    from elman.exchange.certificate import certificate_path
    from elman.exchange.files import TARGETS, export_model

    ending = TARGETS[one_of("--to", to, TARGETS)]
    model = _model_of(run)
    file = Path(f"{run.resolve().name}{ending}") if out is None else out
    if file.exists() and not overwrite:
        raise InputError(f"--out: {file} exists already; choose another name, or add --overwrite")
    voice = printing.Voice(silent=quiet or as_json)
    voice.source(str(run), _described(model))
    certificate = export_model(model, to, file, overwrite=overwrite)
    if as_json:
        print(json.dumps(certificate))
        return
    if quiet:
        print(file)
        return
    voice.line("wrote", f"{file}, {counted(file.stat().st_size, 'byte')}")
    voice.line("exact", _exactness(certificate))
    if not _is_network(model) and (to != "onnx" or not hasattr(model, "to_onnx")):
        voice.line(
            "note",
            "The file holds the network alone, which reads what the model makes of its inputs"
            + ("; --to onnx puts that into the file too." if hasattr(model, "to_onnx") else "."),
        )
    voice.line("left in", str(certificate_path(file)))


def import_(
    file: Annotated[
        Path, typer.Argument(help="A model: .onnx, .keras, or a .pt that elman exported.")
    ],
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read a model of another library as a network, and leave a run folder with it."""
    from elman.exchange.imports import import_checked

    request = request_of(locals(), ("file",))
    job = Job("network", stem(str(file)), out, report=False, as_json=as_json, quiet=quiet)
    network, certificate = import_checked(file)
    voice = job.voice
    voice.source(str(file), _described(network))
    if job.verbose:
        print(f"\n{network.summary()}\n")
    if certificate is None:
        voice.line(
            "note",
            "The file was not run beside the network: it has inputs of its own, or none runs it.",
        )
    else:
        voice.line("exact", _exactness(certificate))
    document = {
        "layers": [repr(layer) for layer in network.layers],
        "parameters": network.parameter_count,
        "certificate": certificate,
    }
    run = job.leave(
        _write_network, network, certificate, request=request, document=document, model=False
    )
    if not network.reads_tokens:  # which tokens they are is not known
        voice.line("again", f"elman predict {run.path} FILE")


def _write_network(
    run: Run,
    network: Any,
    certificate: Mapping[str, Any] | None,
    *,
    request: Mapping[str, Any],
    **rest: Any,
) -> None:
    """Fills the run folder of an imported network, which has no report."""
    run.write_config({"request": dict(request)})
    run.write_metrics({"parameters": network.parameter_count, "certificate": certificate})
    network.save(run.model_path)


def _model_of(folder: Path) -> Any:
    """The model of a run, or the saved model itself."""
    from elman.runs import Run
    from elman.saving import load

    if not any(folder.glob("*.json")) or (folder / "config.json").is_file():
        opened = Run.open(folder)  # which says what is there, and what runs there are
        if not opened.model_path.is_dir():
            raise InputError(f"run: {folder} is a {opened.kind} and holds no model to export")
        folder = opened.model_path
    return load(folder)


def _exactness(certificate: Mapping[str, Any]) -> str:
    return (
        f"to {certificate['largest_absolute_difference']:.1e} "
        f"({certificate['largest_relative_difference']:.1e} relative) over "
        f"{counted(len(certificate['cases']), 'random input')}, run by {certificate['runtime']} "
        f"{certificate['runtime_version']}"
    )


def _is_network(model: Any) -> bool:
    from elman.network import Network

    return isinstance(model, Network)


def _described(model: Any) -> str:
    if _is_network(model):
        return (
            f"a network of {counted(len(model.layers), 'layer')}, "
            f"{counted(model.parameter_count, 'parameter')}"
        )
    name = type(model).__name__
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def predict_network(run: Run, file: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that an imported network gives for a file of sequences of numbers."""
    import numpy as np

    from elman.data.labelled import read_labelled
    from elman.data.rows import as_rows
    from elman.saving import load

    network = load(run.model_path)
    if file is None:
        raise InputError("file: an imported network was trained elsewhere; give it a file to read")
    if network.reads_tokens:
        raise InputError("file: this network reads tokens, and which they are is not known here")
    dialect = dialect_of_run({}, asked, file)
    rows = as_rows(read_labelled(file, required=False, dialect=dialect).rows)
    if rows.arrays is None:
        raise InputError(f"file: expected numbers, got texts in {file}")
    outputs = network.predict(rows.arrays)
    lengths = [len(one) for one in rows.arrays] if network.per_step else [1] * len(outputs)
    values = np.concatenate(list(outputs)) if network.per_step else outputs
    columns: dict[str, Any] = {"row": np.repeat(np.arange(1, len(rows) + 1), lengths)}
    if network.per_step:
        columns["step"] = np.concatenate([np.arange(1, one + 1) for one in lengths])
    return columns | {f"y{channel}": values[:, channel] for channel in range(values.shape[1])}
