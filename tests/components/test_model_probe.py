from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from components.model_probe import Arrays, call, load, read_arrays, write_arrays
from components.raw_examples import requests_for
from tests.components.conftest import Exporter
from tests.components.graphs import Graph
from tests.components.tables import REAL_TIME

SHAPES = st_numpy.array_shapes(max_dims=2, max_side=4)
NUMBERS = st.sampled_from(["float32", "float64", "int64"]).flatmap(lambda kind: st_numpy.arrays(kind, SHAPES))
BYTES = st.binary(max_size=6) | st.binary(max_size=3).map(lambda value: value + b"\0\0")
TEXTS = st_numpy.arrays(object, SHAPES, elements=BYTES)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(
    lambda name: name.strip("./\\") == name
)
SIGNATURES = st.sampled_from(["serving_default", "predict_columns"])
ARRAYS = st.dictionaries(SIGNATURES, st.dictionaries(NAMES, NUMBERS | TEXTS, min_size=1, max_size=3), min_size=1)


def as_lists(arrays: Arrays) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Returns the arrays as values that compare, NaN with NaN."""
    return {
        (signature, name): (str(array.dtype), array.shape, repr(array.tolist()))
        for signature, named in arrays.items()
        for name, array in named.items()
    }


@given(arrays=ARRAYS)
@REAL_TIME
def test_arrays_come_back_as_they_were_written(arrays: Arrays, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Values, types and shapes survive the file, NaN and texts of any bytes too."""
    path = tmp_path_factory.mktemp("arrays") / "arrays.npz"
    write_arrays(path, arrays)
    assert as_lists(read_arrays(path)) == as_lists(arrays)


@pytest.mark.parametrize("value", [b"", b"\0", b"a\0\0", b"\0a", "Łódź".encode()])
def test_bytes_keep_the_zeros_at_their_end(tmp_path: Path, value: bytes) -> None:
    """A serialised tf.Example may end in zero bytes, which arrays of fixed width would drop."""
    texts: npt.NDArray[Any] = np.array([value, b"a longer one"], object)
    write_arrays(tmp_path / "arrays.npz", {"s": {"examples": texts}})
    assert read_arrays(tmp_path / "arrays.npz")["s"]["examples"].tolist() == texts.tolist()


def test_a_name_may_hold_a_slash(tmp_path: Path) -> None:
    """Only the first slash parts the signature from the name."""
    write_arrays(tmp_path / "arrays.npz", {"s": {"trip/miles": np.array([1.0])}})
    assert read_arrays(tmp_path / "arrays.npz")["s"]["trip/miles"].tolist() == [1.0]


def test_each_signature_is_called_with_its_own_inputs(exporter: Exporter, graph: Graph) -> None:
    """The answers are arrays by signature and output, one entry for each signature that was asked."""
    loaded = load(str(exporter("regression")))
    requests = requests_for(loaded, graph.examples[:2])
    answers = call(loaded, {name: requests[name] for name in ("serving_default", "predict_columns")})
    assert {signature: sorted(outputs) for signature, outputs in answers.items()} == {
        "serving_default": ["value"],
        "predict_columns": ["value"],
    }
    assert answers["serving_default"]["value"].shape == (2,)
