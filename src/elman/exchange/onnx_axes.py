"""The axes of a value on its way through a graph, by name: rows, time, ways, units, channels.

Which of an input's first two axes is time shows only where a recurrent node reads it. Until then
they are "first" and "second", and all values share the table that says what these turn out to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

__all__ = ["Axes", "merged", "reshaped", "resolved"]

_OPEN = ("first", "second")
_OTHER = {"rows": "time", "time": "rows"}


class Axes:
    """Names and sizes; ``"one"`` is an axis of size 1 that means nothing.

    Args:
        names: One for each axis.
        sizes: The same way; sizes of rows and time are made up, and differ.
        found: What "first" and "second" turn out to be, shared by all that come from one input.
    """

    def __init__(
        self, names: Sequence[str], sizes: Sequence[int], found: dict[str, str] | None = None
    ) -> None:
        self.names, self.sizes = tuple(names), tuple(sizes)
        self.found: dict[str, str] = {} if found is None else found

    @classmethod
    def of(cls, axes: Sequence[tuple[str, int]]) -> Axes:
        """From pairs of name and size."""
        return cls([name for name, _ in axes], [size for _, size in axes])

    def like(self, names: Sequence[str], sizes: Sequence[int]) -> Axes:
        """Other axes of the same origin."""
        return Axes(names, sizes, self.found)

    def settle(self, wanted: Sequence[str]) -> bool:
        """Whether the axes are those wanted, which open ones become by that."""
        if len(wanted) != len(self.names):
            return False
        for place, name in enumerate(wanted):
            self.settle_one(place, name)
        return resolved(self).names == tuple(wanted)

    def settle_one(self, place: int, wanted: str) -> None:
        """Lets an open axis be what it must be."""
        name = self.names[place]
        if name in _OPEN and name not in self.found and wanted in _OTHER:
            other = _OPEN[1 - _OPEN.index(name)]
            self.found |= {name: wanted, other: _OTHER[wanted]}

    def permuted(self, order: Sequence[int]) -> Axes:
        """In another order."""
        return self.like([self.names[one] for one in order], [self.sizes[one] for one in order])

    def without(self, place: int) -> Axes:
        """Without one of them."""
        place %= len(self.names)
        return self.like(
            self.names[:place] + self.names[place + 1 :],
            self.sizes[:place] + self.sizes[place + 1 :],
        )

    def replaced(self, place: int) -> Axes:
        """With one of them reduced to size 1."""
        place %= len(self.names)
        return self.without(place).with_one(place)

    def with_one(self, place: int) -> Axes:
        """With an axis of size 1 more."""
        return self.like(
            (*self.names[:place], "one", *self.names[place:]),
            (*self.sizes[:place], 1, *self.sizes[place:]),
        )

    def with_last(self, size: int) -> Axes:
        """With another number of channels."""
        return self.like(self.names, (*self.sizes[:-1], size))


def resolved(axes: Axes) -> Axes:
    """The axes under the names that they turned out to have; rows come first if nothing did."""
    found = axes.found or {"first": "rows", "second": "time"}
    return Axes([found.get(name, name) for name in axes.names], axes.sizes, axes.found)


def merged(axes: Axes) -> Axes:
    """Where the ends of both ways are read as one vector: their units are its channels."""
    if "ways" not in axes.names:
        return axes
    rest = [(n, s) for n, s in zip(axes.names, axes.sizes, strict=True) if n == "rows"]
    total = prod(s for n, s in zip(axes.names, axes.sizes, strict=True) if n in ("ways", "units"))
    return axes.like([*(n for n, _ in rest), "channels"], [*(s for _, s in rest), total])


def reshaped(axes: Axes, target: Sequence[int]) -> Axes | None:
    """The axes after a reshape, or ``None`` if it does more than drop ones and join the ways."""
    sizes = [axes.sizes[n] if one == 0 else one for n, one in enumerate(target)]
    if -1 in sizes:
        known = prod(one for one in sizes if one != -1)
        sizes[sizes.index(-1)] = prod(axes.sizes) // max(known, 1)
    if prod(sizes) != prod(axes.sizes):
        return None
    names: list[str] = []
    place = 0
    for number, size in enumerate(sizes):
        group: list[int] = []
        while prod(axes.sizes[one] for one in group) < size and place < len(axes.sizes):
            group.append(place)
            place += 1
        last = number == len(sizes) - 1
        while place < len(axes.sizes) and axes.sizes[place] == 1 and (last or not group):
            group.append(place)
            place += 1
        name = _joined([axes.names[one] for one in group])
        if name is None or prod(axes.sizes[one] for one in group) != size:
            return None
        names.append(name)
    return axes.like(names, sizes) if place == len(axes.sizes) else None


def _joined(names: Sequence[str]) -> str | None:
    rest = [name for name in names if name != "one"]
    if rest == ["ways", "units"]:
        return "channels"
    return "one" if not rest else rest[0] if len(rest) == 1 else None
