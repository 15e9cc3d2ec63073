"""Counts of tokens, in parts and together."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.analysis.dag import Analyzer
from components.analysis.passes import ALL, keyed, merged
from components.analysis.tokens import SHARDS, TokenCounts
from tests.components.tables import REAL_TIME

TEXTS = st.lists(st.lists(st.text(max_size=3).map(str.encode)), max_size=6)
NUMBERS = st.lists(st.lists(st.integers(-3, 3)), max_size=6)


def counted(batches: list[list[Any]], dtype: Any) -> Any:
    """Returns the compact accumulator of batches of tokens."""
    counts = TokenCounts()
    held = counts.create_accumulator()
    for batch in batches:
        held = counts.add_input(held, [np.array(batch, dtype)])
    return counts.compact(held)


def as_counter(accumulator: Any) -> Counter[Any]:
    """Returns the counts."""
    table = TokenCounts().extract_output(accumulator)
    tokens = table["token"].to_pylist()
    assert len(set(tokens)) == len(tokens)
    return Counter(dict(zip(tokens, table["count"].to_pylist(), strict=True)))


@REAL_TIME
@given(TEXTS)
def test_texts_are_counted(batches: list[list[bytes]]) -> None:
    """Each text is counted as often as it is there, in however many batches."""
    assert as_counter(counted(batches, object)) == Counter(token for batch in batches for token in batch)


@REAL_TIME
@given(NUMBERS)
def test_integers_are_counted(batches: list[list[int]]) -> None:
    """Each integer is counted as often as it is there."""
    assert as_counter(counted(batches, np.int64)) == Counter(token for batch in batches for token in batch)


def test_more_tokens_than_wait_are_compacted() -> None:
    """Counts are added up while batches come, so that a repeated vocabulary is held once."""
    tokens = [b"%d" % number for number in range(40_000)]
    counts = TokenCounts()
    held = counts.create_accumulator()
    for _ in range(10):
        held = counts.add_input(held, [np.array(tokens, object)])
    assert sum(map(len, held)) < 4 * len(tokens)
    assert set(as_counter(held).values()) == {10}


@pytest.mark.parametrize("dtype", [object, np.int64])
def test_a_large_vocabulary_leaves_in_parts_that_merge(dtype: Any) -> None:
    """Parts of two workers' vocabularies merge by their keys, and all together are the whole vocabulary's counts."""
    first, second = (counted([_tokens(start, dtype)], dtype) for start in (0, 500))
    analyzers = {"large": Analyzer(TokenCounts(), ("x",)), "small": Analyzer(TokenCounts(), ("y",))}
    by_key: dict[str, list[Any]] = {}
    for held in (first, second):
        for key, one in keyed(analyzers, {"large": held, "small": counted([[b"a"]], object)}, large=100):
            by_key.setdefault(key, []).append(one)
    assert len(by_key) == SHARDS + 1
    parts = {key: merged(analyzers, ones) for key, ones in by_key.items()}
    assert as_counter(parts[ALL]["small"]) == {b"a": 2}
    sizes = [len(part["large"][0]) for key, part in parts.items() if key != ALL]
    assert sum(sizes) == 1500
    assert max(sizes) < 100
    whole = as_counter(merged(analyzers, parts.values())["large"])
    assert Counter(whole.values()) == {1: 1000, 2: 500}


def _tokens(start: int, dtype: Any) -> list[Any]:
    return [number if dtype == np.int64 else b"%d" % number for number in range(start, start + 1000)]
