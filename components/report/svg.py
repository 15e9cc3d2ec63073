"""Lines and bars as the coordinates of SVG elements; x grows to the right, y downwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from components.report.features import Column, Numbers, Texts

Bin = tuple[float, float, float]  # from, to, height
WIDTH, HEIGHT = 150, 30  # of a column's picture


def points(pairs: Iterable[tuple[float, float]], size: float) -> str:
    """Returns pairs of numbers from 0 to 1 as the points of a polyline in a square."""
    return " ".join(f"{x * size:.1f},{(1 - y) * size:.1f}" for x, y in pairs)


def path(bins: Sequence[Bin], width: float = WIDTH, height: float = HEIGHT) -> str:
    """Returns bars, in units of their axes, as one path."""
    return "".join(
        f"M{low * width:.1f} {height:.0f}V{height - tall * height:.1f}H{high * width:.1f}V{height:.0f}z"
        for low, high, tall in bins
        if tall > 0
    )


def pictures(columns: Sequence[Column]) -> list[str]:
    """Returns the paths of a column's values in each split, on the same axes; empty ones where nothing can be drawn."""
    values = [column.values for column in columns]
    numbers = [one for one in values if isinstance(one, Numbers)]
    texts = [one for one in values if isinstance(one, Texts)]
    if texts:
        return [path(bins) for bins in _scaled([_frequencies(texts[0], one) for one in texts])]
    drawn = [[bucket for bucket in one.histogram if _is_finite(bucket)] for one in numbers]
    low = min((bucket[0] for histogram in drawn for bucket in histogram), default=0.0)
    high = max((bucket[1] for histogram in drawn for bucket in histogram), default=0.0)
    return [path(bins) for bins in _scaled([_densities(histogram, low, high) for histogram in drawn])]


def _is_finite(bucket: Bin) -> bool:
    return all(map(math.isfinite, bucket))


def _frequencies(first: Texts, texts: Texts) -> list[Bin]:
    """The shares of the values that are the most frequent ones in the first split."""
    shares = dict(texts.top)
    room = 1 / max(len(first.top), 1)
    return [(place * room, (place + 0.8) * room, shares.get(value, 0.0)) for place, (value, _) in enumerate(first.top)]


def _densities(histogram: Sequence[Bin], low: float, high: float) -> list[Bin]:
    """The rows of each range, by its width."""
    rows, span = sum(bucket[2] for bucket in histogram), high - low
    if not rows or not math.isfinite(span):
        return []
    if not span:
        return [(0.45, 0.55, 1.0)]
    return [
        ((start - low) / span, (end - low) / span, count / rows * span / (end - start))
        for start, end, count in histogram
        if end > start
    ]


def _scaled(pictures: Sequence[Sequence[Bin]]) -> list[list[Bin]]:
    """The same heights, of which the greatest is 1."""
    top = max((tall for bins in pictures for _, _, tall in bins), default=0.0) or 1.0
    return [[(low, high, tall / top) for low, high, tall in bins] for bins in pictures]
