"""The network as an inline SVG drawing: across for a wide page, down for a narrow one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from elman.counting import counted
from elman.report.content import NetworkView

__all__ = ["network_svg"]

_BOX_WIDTH, _BOX_HEIGHT = 170, 88
_END_WIDTH = 142  # the boxes of what goes in and what comes out
_GAP = 70  # room for an arrow with a shape written over it
_LOOP = 40  # room above a box for the arrow of its feedback
_MOST_ACROSS = 1040  # a longer network goes on in another row
_ROW_GAP = 26
_DOWN_WIDTH, _DOWN_GAP = 320, 46
_LINE = 17
_MARGIN = 3


_MEANINGS = {
    "Dropout": "in training only",
    "Ends": "last state of each direction",
    "Last": "the last state",
    "Repeat": "the code at every step",
    "MeanPool": "mean over the steps",
    "MaxPool": "highest over the steps",
    "LayerNorm": "scaled to one spread",
}
"""What layers do that have no parameters and bring no words of their own."""


@dataclass
class _Box:
    title: str
    lines: list[str]
    x: float
    y: float
    width: float
    height: float
    kind: str
    recurrent: bool = False


def network_svg(network: NetworkView, down: bool = False) -> str:
    """An SVG element that draws the network; colours and type come from the page's styles.

    Args:
        network: the network.
        down: whether to draw it from top to bottom, for a narrow page.
    """
    boxes, shapes = _boxes(network, down), _shapes(network)
    width, height = _place_down(boxes) if down else _place_across(boxes)
    parts = [_drawn(box, down) for box in boxes]
    pairs = zip(boxes, boxes[1:], shapes, strict=False)
    parts += [_arrow(first, second, shape, down) for first, second, shape in pairs]
    direction = "down" if down else "across"
    head = f"head-{direction}"
    return (
        f'<svg class="network {direction}" viewBox="0 0 {width:g} {height:g}" '
        f'style="max-width:{width:g}px" role="img" '
        f'aria-label="{escape(_spoken(network), quote=True)}">'
        f'<defs><marker id="{head}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        f'markerHeight="8" orient="auto-start-reverse"><path d="M0 0.5 7.5 4 0 7.5z" '
        f'class="head"/></marker></defs>{"".join(parts)}</svg>'
    )


def _boxes(network: NetworkView, down: bool) -> list[_Box]:
    """A box for what goes in, each layer and what comes out, not yet placed."""
    end, inner = (32, 32) if down else (17, 20)  # characters in a line
    boxes = [_end_box("In", _wrapped(network.input, end))]
    for layer in network.layers:
        detail = layer.detail or ("" if layer.parameters else _MEANINGS.get(layer.kind, ""))
        lines = _wrapped(detail, inner) if detail else []
        if layer.parameters:
            lines.append(counted(layer.parameters, "parameter"))
        boxes.append(
            _Box(layer.kind, lines, 0, 0, _BOX_WIDTH, _BOX_HEIGHT, "layer", layer.recurrent)
        )
    boxes.append(_end_box("Out", _wrapped(network.output or "forecast", end)))
    return boxes


def _end_box(title: str, lines: list[str]) -> _Box:
    return _Box(title, lines, 0, 0, _END_WIDTH, _BOX_HEIGHT, "end")


def _shapes(network: NetworkView) -> list[str]:
    """Over every arrow the shape of what is handed on: what says none hands on what it gets."""
    shapes = [network.input_shape]
    width = ""
    for layer in network.layers:
        width = layer.output or width
        shapes.append(width)
    return shapes


def _place_across(boxes: list[_Box]) -> tuple[float, float]:
    """Boxes from left to right, in as many rows of like length as they need."""
    whole = sum(box.width + _GAP for box in boxes) - _GAP
    rows = math.ceil(whole / _MOST_ACROSS)
    each = math.ceil(len(boxes) / rows)
    tallest = max(_needed(box) for box in boxes)
    width, y = 0.0, 0.0
    for first in range(0, len(boxes), each):
        # The arrow into a later row comes round its left end.
        x = _MARGIN + (_GAP / 2 if first else 0)
        y += _LOOP + (_ROW_GAP if first else 0)
        for box in boxes[first : first + each]:
            box.x, box.y, box.height = x, y, tallest
            x += box.width + _GAP
        width = max(width, x - _GAP)
        y += tallest
    return width + (_GAP / 2 if rows > 1 else 0) + _MARGIN, y + _MARGIN


def _place_down(boxes: list[_Box]) -> tuple[float, float]:
    y: float = _MARGIN
    for box in boxes:
        box.width, box.height = _DOWN_WIDTH - 60, _needed(box)
        box.x, box.y = _MARGIN, y
        y += box.height + _DOWN_GAP
    return _DOWN_WIDTH, y - _DOWN_GAP + _MARGIN


def _needed(box: _Box) -> float:
    return 40 + _LINE * max(1, len(box.lines))


def _drawn(box: _Box, down: bool) -> str:
    middle = box.x + box.width / 2
    top = box.y + (box.height - _needed(box)) / 2 + 26
    lines = "".join(
        f'<text class="line" x="{middle:g}" y="{top + _LINE * number + 4:g}">{escape(text)}</text>'
        for number, text in enumerate(box.lines, start=1)
    )
    return (
        f'<rect class="{box.kind}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="8"/>'
        f'<text class="title" x="{middle:g}" y="{top:g}">{escape(box.title)}</text>'
        f"{lines}{_loop(box, down) if box.recurrent else ''}"
    )


def _loop(box: _Box, down: bool) -> str:
    """The arrow by which a recurrent layer's state comes back to it."""
    if down:
        x, y = box.x + box.width, box.y + box.height / 2
        path = (
            f"M{x:g} {y + 14:g} C{x + 40:g} {y + 26:g} {x + 40:g} {y - 26:g} {x + 3:g} {y - 14:g}"
        )
        label = f'<text class="shape" x="{x + 36:g}" y="{y + 4:g}">h</text>'
    else:
        x, y = box.x + box.width / 2, box.y
        path = (
            f"M{x + 24:g} {y:g} C{x + 44:g} {y - 42:g} {x - 44:g} {y - 42:g} {x - 24:g} {y - 3:g}"
        )
        label = f'<text class="shape" x="{x + 40:g}" y="{y - 18:g}">h</text>'
    head = "head-down" if down else "head-across"
    return f'<path class="flow state" d="{path}" marker-end="url(#{head})"/>{label}'


def _arrow(first: _Box, second: _Box, shape: str, down: bool) -> str:
    if down:
        x, y0, y1 = first.x + first.width / 2, first.y + first.height, second.y
        path = f"M{x:g} {y0:g}V{y1 - 3:g}"
        label = f'<text class="shape start" x="{x + 10:g}" y="{(y0 + y1) / 2 + 4:g}">'
    else:
        y, x0, x1 = first.y + first.height / 2, first.x + first.width, second.x
        path = f"M{x0:g} {y:g}H{x1 - 3:g}"
        label = f'<text class="shape" x="{(x0 + x1) / 2:g}" y="{y - 8:g}">'
        if second.y > first.y:
            path, label = _round_to_next_row(first, second)
    head = "head-down" if down else "head-across"
    text = f"{label}{escape(shape.replace(' x ', ' × '))}</text>" if shape else ""
    return f'<path class="flow" d="{path}" marker-end="url(#{head})"/>{text}'


def _round_to_next_row(first: _Box, second: _Box) -> tuple[str, str]:
    """The path out of a row's right end, back between the rows and into the next one's left end."""
    turn = _GAP / 2 - 6
    y0, y1 = first.y + first.height / 2, second.y + second.height / 2
    right, left = first.x + first.width, second.x
    between = first.y + first.height + _ROW_GAP / 2 + 2
    path = f"M{right:g} {y0:g}H{right + turn:g}V{between:g}H{left - turn:g}V{y1:g}H{left - 3:g}"
    label = f'<text class="shape" x="{(left + right) / 2:g}" y="{between + 15:g}">'
    return path, label


def _wrapped(text: str, width: int, most: int = 3) -> list[str]:
    lines: list[str] = [""]
    for word in text.replace(" x ", " × ").split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > most:
        lines = [*lines[:most]]
        lines[-1] = f"{lines[-1][: width - 1]}…"
    return [line if len(line) <= width + 3 else f"{line[: width + 2]}…" for line in lines]


def _spoken(network: NetworkView) -> str:
    layers = "; ".join(
        f"{one.kind} {one.detail} ({counted(one.parameters, 'parameter')})"
        for one in network.layers
    )
    return f"The network: {network.input}, then {layers}, then {network.output or 'the forecast'}."
