"""A labeller of steps as an ONNX file: words as numbers, or raw values in; labels out.

The vectors of words, the network over their characters, scaling, the mean over an ensemble and the
search for the best chain of labels are part of the graph. How words become numbers stands in the
metadata; :func:`word_inputs` does it in Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from elman.data.tokens import Steps, as_steps
from elman.data.words import MOST_CHARACTERS, SHAPES, WordEncoder
from elman.exchange.certificate import Case
from elman.exchange.onnx_build import Graph
from elman.exchange.onnx_crf import write_chain
from elman.exchange.onnx_files import Told, row_lengths
from elman.exchange.onnx_inputs import encoded, live_steps, scaled
from elman.exchange.onnx_layers import Rows, write_layers
from elman.exchange.parts import Array, Part, network_of, weights_of
from elman.layers import Dropout
from elman.layers.crf import CRF
from elman.network import Network
from elman.tasks.labelling import SequenceLabeller
from elman.tasks.labelling_network import LabellingNetwork
from elman.tasks.many_to_one import plain_classes

__all__ = ["told", "word_inputs"]

_STRANGE = "Qx7-\N{SNOWMAN}"
"""A word that no training has met, in the sentences of the certificate."""


def told(labeller: SequenceLabeller) -> Told:
    """What the file is to be."""
    judged = list(_judged(labeller))
    steps = {case.shape: given for case, given in judged}
    return Told(
        lambda: _model(labeller),
        [case for case, _ in judged],
        lambda case: _ours(labeller, steps[case.shape], case),
    )


def word_inputs(encoder: WordEncoder, sentences: Sequence[Sequence[str]]) -> dict[str, Array]:
    """Sentences as a labeller's file reads them: numbers, filled up with 0.

    Args:
        encoder: ``labeller.model_.encoder``.
        sentences: Lists of words.

    Returns:
        ``words`` and ``shapes`` int64 ``(N, T)``, ``characters`` int64 ``(N, T, L)``, ``spelled``
        int64 ``(N, T)`` (how many characters each word has), ``lengths`` int64 ``(N,)``.
    """
    numbers, forms = encoder.encode(sentences)
    lengths = np.array([len(one) for one in sentences], np.int64)
    chosen = np.zeros((len(sentences), max(1, numbers.steps)), np.int64)
    for row, (start, length) in enumerate(zip(numbers.starts, lengths, strict=True)):
        chosen[row, :length] = numbers.values[start : start + length, 0]
    own = np.array([], np.int64) if forms.characters.lengths is None else forms.characters.lengths
    spelt = np.zeros((len(own), max(1, forms.characters.steps)), np.int64)
    for row, (start, length) in enumerate(zip(forms.characters.starts, own, strict=True)):
        spelt[row, :length] = forms.characters.values[start : start + length, 0]
    return {
        "words": forms.words[chosen],
        "shapes": forms.shapes[chosen],
        "characters": spelt[chosen],
        "spelled": own[chosen],
        "lengths": lengths,
    }


def _model(labeller: SequenceLabeller) -> Any:
    graph, model = Graph("labeller"), labeller.model_
    graph.metadata["classes"] = plain_classes(labeller.classes_.tolist())
    first = model.networks[0]
    words = isinstance(model.encoder, WordEncoder)
    if isinstance(model.encoder, WordEncoder):
        shown = graph.input("words", np.int64, ["rows", "steps"])
        graph.metadata |= _vocabulary(model.encoder)
    else:
        shown = graph.input("x", np.float64, ["rows", "steps", len(model.encoder.mean)])
    number, steps = graph.size(shown, 0), graph.size(shown, 1)
    rows = Rows(number, steps, row_lengths(graph, number, steps), {})
    if words:
        more = _word_more(graph, first)
    else:
        time_major = graph.op("Transpose", shown, perm=[1, 0, 2])
        given = scaled(graph, time_major, model.encoder)
        values = encoded(graph, given, graph.op("IsNaN", given), model.encoder)
    emissions = []
    for place, network in enumerate(model.networks):
        prefix = f"network{place}."
        read = _words(graph, network, shown, more, rows, prefix) if words else values
        body = write_layers(graph, _part(network, _body(network)), read, rows, f"{prefix}steps.")
        emissions.append(graph.cast(body.value, np.float64))
    total = emissions[0]
    if len(emissions) > 1:
        sum_of = graph.op("Sum", *emissions)
        total = graph.op("Div", sum_of, graph.constant(np.float64(len(emissions))))
    _write_labels(graph, labeller, total, rows)
    return graph.model()


def _vocabulary(encoder: WordEncoder) -> dict[str, Any]:
    """All that is needed to make numbers of words; number 0 is any other."""
    return {
        "words": encoder.words,
        "lowercase": encoder.lowercase,
        "digits_as_0": True,
        "characters": encoder.characters,
        "most_characters": MOST_CHARACTERS,
        "shapes": list(SHAPES),
    }


def _word_more(graph: Graph, network: LabellingNetwork) -> dict[str, str]:
    """The inputs beside the numbers of the words."""
    more = {}
    if network.shape.shape_size:
        more["shapes"] = graph.input("shapes", np.int64, ["rows", "steps"])
    if network.shape.character_size:
        more["characters"] = graph.input("characters", np.int64, ["rows", "steps", "letters"])
        more["spelled"] = graph.input("spelled", np.int64, ["rows", "steps"])
    return more


def _words(
    graph: Graph,
    network: LabellingNetwork,
    words: str,
    more: Mapping[str, str],
    rows: Rows,
    prefix: str,
) -> str:
    """The vectors of words, time-major."""

    def looked_up(number: int, by: str) -> str:
        table = graph.constant(weights_of(network, number)["weight"])
        return graph.op("Gather", table, graph.op("Transpose", by, perm=[1, 0]), axis=0)

    parts = [looked_up(0, words)]
    if "shapes" in more:
        parts.append(looked_up(1, more["shapes"]))
    if "characters" in more:
        first = len(parts)
        reader = _part(network, range(first, first + 3))
        parts.append(_spelling(graph, reader, more, rows, f"{prefix}letters."))
    return graph.op("Concat", *parts, axis=2) if len(parts) > 1 else parts[0]


def _spelling(
    graph: Graph, reader: Network, more: Mapping[str, str], rows: Rows, prefix: str
) -> str:
    """What the network over characters makes of each word, a row by itself."""
    letters = graph.size(more["characters"], 2)
    flat = graph.op("Concat", graph.integers(-1), letters, axis=0)
    spelt = graph.op("Reshape", more["characters"], flat)
    own = Rows(
        graph.size(spelt, 0), letters, graph.op("Reshape", more["spelled"], graph.integers(-1)), {}
    )
    time_major = graph.op("Transpose", spelt, perm=[1, 0])
    ends = write_layers(graph, reader, time_major, own, prefix).value
    width = graph.integers(reader.output_size)
    apart = graph.op("Concat", rows.number, rows.steps, width, axis=0)
    return graph.op("Transpose", graph.op("Reshape", ends, apart), perm=[1, 0, 2])


def _part(network: LabellingNetwork, numbers: Iterable[int]) -> Network:
    """Some of the layers as a network by themselves; those that act in training alone go."""
    parts = [
        Part(network.layers[number].clone(), weights_of(network, number))
        for number in numbers
        if not isinstance(network.layers[number], (Dropout, CRF))
    ]
    return network_of(parts, np.float32)


def _body(network: LabellingNetwork) -> range:
    """The numbers of the layers over the steps."""
    before = 0 if network.reader is None else len(network.reader.layers)
    return range(before, len(network.layers))


def _write_labels(graph: Graph, labeller: SequenceLabeller, emissions: str, rows: Rows) -> None:
    """The outputs: number of the label, -1 past a row's length, and probabilities, 0 there."""
    model, lengths = labeller.model_, str(rows.lengths)
    live = live_steps(graph, rows.steps, lengths)
    potentials = model.potentials()
    alive = graph.op("Unsqueeze", live, graph.integers(2))
    if potentials is None:
        chosen = graph.op("ArgMax", emissions, axis=2, keepdims=0)
        chances = graph.op("Softmax", emissions, axis=-1)
    else:
        chosen, chances = write_chain(graph, potentials, emissions, alive)
    chosen = graph.op("Where", live, chosen, graph.constant(np.int64(-1)))
    chances = graph.op("Where", alive, chances, graph.constant(np.float64(0.0)))
    by_row = graph.op("Transpose", chosen, perm=[1, 0])
    graph.output(by_row, "label", np.int64, ["rows", "steps"])
    by_row = graph.op("Transpose", chances, perm=[1, 0, 2])
    sizes: list[int | str] = ["rows", "steps", len(labeller.classes_)]
    graph.output(by_row, "probabilities", np.float64, sizes)


# ------------------------------------------------------------------------------- certificate


def _judged(labeller: SequenceLabeller) -> Iterable[tuple[Case, Steps]]:
    """Random sentences of known and strange words, or random raw values; of unequal lengths."""
    encoder, generator = labeller.model_.encoder, np.random.default_rng(0)
    for number, longest in ((1, 1), (2, 9), (5, 17)):
        lengths = generator.integers(1, longest + 1, number)
        lengths[-1] = longest
        named = f"{number} rows of up to {longest} steps"
        if isinstance(encoder, WordEncoder):
            known = [*encoder.words, _STRANGE, "A"]
            sentences = [
                [known[one] for one in generator.integers(0, len(known), n)] for n in lengths
            ]
            used = _inputs_used(labeller.model_.networks[0], word_inputs(encoder, sentences))
            yield Case(named, used), as_steps(sentences, None, True, None)
            continue
        x = generator.standard_normal((number, longest, len(encoder.mean)))
        x = encoder.mean + encoder.deviation * x
        x[generator.random(x.shape) < 0.1] = np.nan
        rows = [one[:length] for one, length in zip(x, lengths, strict=True)]
        steps = as_steps(rows, None, False, len(encoder.mean))
        yield Case(f"{named}, values missing", {"x": x, "lengths": lengths}), steps


def _inputs_used(network: LabellingNetwork, inputs: Mapping[str, Array]) -> dict[str, Array]:
    shape = network.shape
    unused = set() if shape.shape_size else {"shapes"}
    unused |= set() if shape.character_size else {"characters", "spelled"}
    return {name: one for name, one in inputs.items() if name not in unused}


def _ours(labeller: SequenceLabeller, steps: Steps, case: Case) -> Mapping[str, Array]:
    lengths = case.inputs["lengths"]
    shape = (len(lengths), next(iter(case.inputs.values())).shape[1])
    labels = np.full(shape, -1)
    chances = np.zeros((*shape, len(labeller.classes_)))
    for row, answer in enumerate(labeller.model_.answers(steps)):
        labels[row, : len(answer.labels)] = answer.labels
        chances[row, : len(answer.labels)] = answer.probabilities
    return {"label": labels, "probabilities": chances}
