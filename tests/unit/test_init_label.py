from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from pipeline.init.label import Label, expression_of, label_of
from schema.errors import UsageError
from schema.expression import Expression


def label(values: Sequence[Any], text: str = "y", problem: str = "auto") -> Label:
    """The label of a column named y."""
    kept = [value.encode() if isinstance(value, str) else value for value in values]
    column = pa.array(kept)
    return label_of(
        Expression(text), pa.table({"y": column.cast(pa.float32()) if column.type == pa.float64() else column}), problem
    )


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([0, 1] * 10, "binary"),
        (["no", "yes"] * 10, "binary"),
        ([1.5, 2.5] * 10, "binary"),
        (["a", "b", "c"] * 10, "multiclass"),
        ([1, 2, 3] * 10, "multiclass"),
        (list(range(20)) * 5, "multiclass"),
        (list(range(21)) * 5, "regression"),
        ([1, 2, 3] * 10 + [4], "regression"),
        ([0.5, 1.5, 2.5] * 10, "regression"),
    ],
)
def test_the_problem_is_told_from_the_values(values: list[Any], problem: str) -> None:
    """Two values are binary, texts and few whole numbers that repeat multiclass, other numbers regression."""
    assert label(values).problem == problem


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0, 1], "y"),
        ([0.0, 1.0], "y"),
        (["benign", "malignant"], 'y == "malignant"'),
        (["yes", "no"], 'y == "yes"'),
        (["a", "b", "b"], 'y == "a"'),
        (["a", "a", "b"], 'y == "b"'),
        ([1, 2, 2], "y == 1"),
        ([-1, 1, -1], "y == 1"),
        ([0.5, 2.5, 0.5], "y == 2.5"),
        (['say "hi"', "x", "x"], r'y == "say \"hi\""'),
        ([" <=50K", " >50K", " <=50K"], 'y == " >50K"'),
    ],
)
def test_a_binary_label_is_a_condition_that_says_what_yes_is(values: list[Any], text: str) -> None:
    """0 and 1 stand as they are; of other values yes is the word that says so, else the rarer one; it is what holds."""
    found = label(values * 4)
    assert found.text == text
    assert Expression(found.text).columns == ("y",)
    yes = {value for value, is_yes in zip(values * 4, found.values, strict=True) if is_yes}
    assert len(yes) == 1


def test_the_values_of_classes_are_their_indices() -> None:
    """Each row has the index of its class, and the classes have their names in order."""
    found = label(["c", "a", "b", "a"])
    assert (found.classes, found.values.tolist()) == (("a", "b", "c"), [2, 0, 1, 0])


def test_an_expression_is_calculated_as_the_pipeline_does() -> None:
    """A condition over numbers is a binary label of its own, in float32."""
    found = label([1.0, 2.0, 3.0], "y > 1.5")
    assert (found.text, found.problem, found.values.tolist()) == ("y > 1.5", "binary", [0, 1, 1])


@pytest.mark.parametrize("problem", ["multiclass", "regression"])
def test_the_other_reading_of_whole_numbers_is_a_doubt(problem: str) -> None:
    """Whichever reading is chosen of few whole numbers, the doubt names the other."""
    values = [1, 2, 3] * 10 + ([] if problem == "multiclass" else [4])
    other = {"multiclass": "regression", "regression": "multiclass"}[problem]
    assert f"--problem {other}" in label(values).doubt


@pytest.mark.parametrize(
    ("values", "problem", "words"),
    [
        ([1, 1], "auto", "every row has the same, '1'"),
        ([], "auto", "no row has a value"),
        ([f"v{row}" for row in range(200)], "auto", "200 different values, and at most 100 classes"),
        (["a", "b", "c"], "regression", "is text, and regression needs a number. Try --problem multiclass"),
        ([1, 2, 3], "binary", "has 3 different values, and binary needs two"),
        (list(range(200)), "multiclass", "Try --problem regression, or a condition such as --label 'y >= 100'"),
    ],
)
def test_a_label_that_cannot_be_learned_is_refused_with_advice(values: list[Any], problem: str, words: str) -> None:
    """Constant labels, texts that hardly repeat and problems that do not fit are told, with what to do."""
    with pytest.raises(UsageError) as caught:
        label(values, problem=problem)
    assert words in str(caught.value)


@pytest.mark.parametrize("given", ["mean radius", "sepal length (cm)", "a > b", "class"])
def test_a_column_of_any_name_is_a_label(given: str) -> None:
    """A name that is one of the data's columns is that column, though it reads like an expression or does not parse."""
    found = expression_of(given, ["x", given])
    assert (found.columns, found.is_column) == ((given,), True)


def test_a_label_that_is_no_column_is_named_with_the_nearest() -> None:
    """A misspelt label is told with what may have been meant."""
    with pytest.raises(UsageError, match=r"names 'qualty', which the data does not have. Did you mean 'quality'\?"):
        expression_of("qualty", ["quality", "ash"])


def test_a_file_without_names_is_told() -> None:
    """Where the first line holds values, the message says that names are lacking."""
    with pytest.raises(UsageError, match=r"first line holds values such as '5\.1' rather than names"):
        expression_of("species", ["5.1", "setosa"])


def test_a_division_by_zero_in_the_label_is_told() -> None:
    """A label that is no number in some row is refused before a run fails on it."""
    with pytest.raises(UsageError, match="divide by zero"):
        label([0.0, 1.0, 2.0], "1 / y")
