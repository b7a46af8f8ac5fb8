"""The colours of every picture, light and dark, under names that say what they are for.

Figures name colours as ``"@network"``; :func:`coloured` puts a theme's colours in, and the report
page does the same in the browser, so that one figure serves both. The hues of forecasters are
those of M. Okabe and K. Ito, "Color universal design" (2008), which people with any of the common
colour-vision deficiencies can tell apart, lightened where the ground is dark; every forecaster also
has a dash and a marker of its own.
"""

from __future__ import annotations

from typing import Any

from elman.errors import InputError

__all__ = ["DASHES", "SYMBOLS", "THEMES", "coloured", "contrast", "ink_on"]

THEMES: dict[str, dict[str, str]] = {
    "light": {
        "paper": "#faf9f6",
        "surface": "#ffffff",
        "sunken": "#f1efe9",
        "ink": "#1d1c1a",
        "muted": "#5e5b54",
        "rule": "#dedad0",
        "grid": "#ebe8e1",
        "network": "#0067a5",
        "network-soft": "rgba(0, 103, 165, 0.10)",
        "band-narrow": "rgba(0, 103, 165, 0.26)",
        "band-middle": "rgba(0, 103, 165, 0.17)",
        "band-wide": "rgba(0, 103, 165, 0.12)",
        "repeat-last": "#c85200",
        "seasonal-naive": "#00805d",
        "drift": "#b3578c",
        "mean": "#a87400",
        "naive2": "#3f8fc4",
        "linear": "#5e5b54",
        "good": "#00694c",
        "bad": "#a83c00",
    },
    "dark": {
        "paper": "#131519",
        "surface": "#1a1d22",
        "sunken": "#21252b",
        "ink": "#ebe9e4",
        "muted": "#a9a69e",
        "rule": "#343941",
        "grid": "#2a2e35",
        "network": "#5db5f2",
        "network-soft": "rgba(93, 181, 242, 0.13)",
        "band-narrow": "rgba(93, 181, 242, 0.32)",
        "band-middle": "rgba(93, 181, 242, 0.22)",
        "band-wide": "rgba(93, 181, 242, 0.16)",
        "repeat-last": "#ff8c4d",
        "seasonal-naive": "#37c79b",
        "drift": "#e49ac6",
        "mean": "#efb73e",
        "naive2": "#9fd4f7",
        "linear": "#a9a69e",
        "good": "#43cf9f",
        "bad": "#ff9457",
    },
}
"""Theme -> name of a colour -> CSS colour; beside those above ``on-0`` ... for :func:`ink_on`."""

READABLE = 4.5
"""The least contrast of text, of the Web Content Accessibility Guidelines 2.2, 1.4.3."""
_STEPS = 50


def contrast(one: str, other: str) -> float:
    """How far two colours, ``#rrggbb``, are apart in lightness, as WCAG 2.2 has it: 1 to 21."""
    darker, lighter = sorted((_luminance(_channels(one)), _luminance(_channels(other))))
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(share: float) -> str:
    """The colour of text on a field that is ``share`` of the way from surface to network.

    Black and white differ so much that one of the two can be read on any ground.
    """
    return f"@on-{round(min(max(share, 0.0), 1.0) * _STEPS)}"


def _channels(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def _luminance(channels: list[float]) -> float:
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return sum(w * one for w, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def mixed(one: str, other: str, share: float) -> str:
    """The colour that is ``share`` of the way from one to another, as a colour scale has it."""
    pairs = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(255 * (a + (b - a) * share)):02x}" for a, b in pairs)


def _inks(theme: dict[str, str]) -> dict[str, str]:
    """The theme's ink wherever that can be read, else black or white."""
    found = {}
    for step in range(_STEPS + 1):
        ground = mixed(theme["surface"], theme["network"], step / _STEPS)
        best = max(("#000000", "#ffffff"), key=lambda ink: contrast(ink, ground))
        margin = READABLE + 0.2  # a field may be half a step darker
        readable = contrast(theme["ink"], ground) >= margin
        found[f"on-{step}"] = theme["ink"] if readable else best
    return found


for _theme in THEMES.values():
    _theme.update(_inks(_theme))

DASHES = {
    "network": "solid",
    "repeat_last": "dash",
    "seasonal_naive": "dot",
    "drift": "dashdot",
    "mean": "longdash",
    "naive2": "longdashdot",
    "linear": "5px,2px",
}
"""Forecaster -> how its line is dashed."""

SYMBOLS = {
    "network": "circle",
    "repeat_last": "square",
    "seasonal_naive": "diamond",
    "drift": "triangle-up",
    "mean": "x",
    "naive2": "cross",
    "linear": "triangle-down",
}
"""Forecaster -> its marker."""


def coloured(figure: Any, theme: str = "light") -> Any:
    """A copy of a figure (nested dicts and lists) with a theme's colours for their names.

    The copy is what ``plotly.graph_objects.Figure`` takes.

    Raises:
        InputError: ``theme`` is not one of :data:`THEMES`.
    """
    if theme not in THEMES:
        raise InputError(f"theme: expected one of {', '.join(THEMES)}; got {theme!r}")
    return _replaced(figure, THEMES[theme])


def _replaced(value: Any, colours: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(item, colours) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(item, colours) for item in value]
    if isinstance(value, str) and value.startswith("@"):
        return colours.get(value[1:], value)
    return value
