from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import UsageError
from serving.server.batching.parameters import Parameters, parse, read

LEAST = {"max_batch_size": 1, "batch_timeout_micros": 0, "max_enqueued_batches": 0, "num_batch_threads": 1}
MOST = {
    "max_batch_size": 2**31 - 1,
    "batch_timeout_micros": 2**63,
    "max_enqueued_batches": 2**63,
    "num_batch_threads": 2**31 - 1,
}


def test_an_empty_file_gives_the_defaults_of_tensorflow_serving() -> None:
    """What a file leaves out has TensorFlow Serving's default; only its pool's name is another than without a file."""
    parameters = parse("")
    assert parameters == Parameters(thread_pool_name="batch_threads")
    assert (parameters.max_batch_size, parameters.batch_timeout_micros, parameters.max_enqueued_batches) == (
        1000,
        0,
        10,
    )
    assert parameters.num_batch_threads == os.cpu_count()
    assert Parameters().thread_pool_name == "model_server_batch_threads"


def test_a_file_is_read(tmp_path: Path) -> None:
    """All fields come as the file gives them."""
    file = tmp_path / "batching.pbtxt"
    file.write_text(
        "max_batch_size { value: 128 } batch_timeout_micros { value: 5 } max_enqueued_batches { value: 3 } "
        'num_batch_threads { value: 2 } thread_pool_name { value: "p" } allowed_batch_sizes: 8 allowed_batch_sizes: 64 '
        "pad_variable_length_inputs: true enable_large_batch_splitting { value: true } "
        "max_execution_batch_size { value: 64 }"
    )
    expected = Parameters(
        max_batch_size=128,
        batch_timeout_micros=5,
        max_enqueued_batches=3,
        num_batch_threads=2,
        thread_pool_name="p",
        allowed_batch_sizes=(8, 64),
        pad_variable_length_inputs=True,
        enable_large_batch_splitting=True,
        max_execution_batch_size=64,
    )
    assert read(file) == expected
    assert expected.batch_limit == 64


def test_splitting_needs_no_size_of_its_own() -> None:
    """Without max_execution_batch_size a batch has up to max_batch_size rows."""
    parameters = parse("max_batch_size { value: 7 } enable_large_batch_splitting { value: true }")
    assert parameters.batch_limit == 7


@given(
    values=st.fixed_dictionaries({}, optional=dict.fromkeys(LEAST, st.integers(-(2**40), 2**40) | st.integers(-1, 1)))
)
def test_numbers_are_taken_or_named(values: dict[str, int]) -> None:
    """Whatever numbers a file gives, they are taken as they are or the error names one that is wrong, and its value."""
    text = " ".join(f"{name} {{ value: {value} }}" for name, value in values.items())
    try:
        given = parse(text)
    except UsageError as error:
        refused = str(error)
    else:
        refused = ""
        assert {name: getattr(given, name) for name in values} == values
    wrong = [name for name, value in values.items() if not LEAST[name] <= value <= MOST[name]]
    assert bool(refused) == bool(wrong)
    assert not wrong or any(f"{name} must be" in refused and f"was {values[name]}" in refused for name in wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_batch_size: 128", r"Error parsing text-format .*max_batch_size \{ value: 128 \}"),
        ("max_batch { value: 128 }", "Error parsing text-format"),
        ("max_batch_size { value: 0 }", "max_batch_size must be positive; was 0"),
        ("num_batch_threads { value: -1 }", "num_batch_threads must be positive; was -1"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros must be non-negative; was -1"),
        ("max_enqueued_batches { value: -1 }", "max_enqueued_batches must be non-negative; was -1"),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: 2",
            "must match max_batch_size; last entry was 2; expected 4",
        ),
        ("max_batch_size { value: 4 } allowed_batch_sizes: [4, 4]", "monotonically increasing"),
        ("max_batch_size { value: 4 } allowed_batch_sizes: [0, 4]", "must be positive"),
        (
            "enable_large_batch_splitting { value: true } max_execution_batch_size { value: 8 } allowed_batch_sizes: 4",
            "must match max_execution_batch_size; last entry was 4; expected 8",
        ),
        (
            "max_batch_size {value: 4} enable_large_batch_splitting {value: true} max_execution_batch_size {value: 8}",
            "should be less than or equal to max_batch_size; was 8, with max_batch_size 4",
        ),
    ],
)
def test_a_file_that_does_not_go_together_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file, the field and what it was."""
    file = tmp_path / "batching.pbtxt"
    file.write_text(text)
    with pytest.raises(UsageError, match=message) as refused:
        read(file)
    assert str(file) in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(UsageError, match=r"none\.pbtxt: cannot be read"):
        read(tmp_path / "none.pbtxt")
