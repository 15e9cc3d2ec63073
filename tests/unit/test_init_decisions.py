from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import Config
from pipeline.init.plan import Plan
from pipeline.init.writing import configuration
from schema.errors import UsageError
from tests.unit.init_tables import ROWS, answers, decision_on, learnable, numbers, plan_of, roles_of

RANDOM = random.Random(3)
HALF = [RANDOM.random() < 0.5 for _ in range(ROWS)]


def mixed(*values: Any) -> list[Any]:
    """Values in an order that says nothing of the label."""
    generator = random.Random(11)
    return [generator.choice(values) for _ in range(ROWS)]


@pytest.mark.parametrize(
    ("name", "values", "roles"),
    [
        ("c", numbers(5), ["numeric", "bucketized"]),
        ("c", mixed(0, 1), ["numeric"]),
        ("c", mixed("true", "false"), ["numeric"]),
        ("c", mixed("red", "green", "blue"), ["categorical"]),
        ("area_code", mixed(10, 20, 30), ["categorical"]),
        ("c", mixed(*[f"v{n}" for n in range(60)]), ["hashed"]),
        ("c", mixed(*[f"2024-0{n}-11" for n in range(1, 10)]), ["date", "numeric"]),
        ("c", [None] * ROWS, []),
        ("c", ["same"] * ROWS, []),
        ("c", [f"u{n}" for n in range(ROWS)], []),
        ("id", list(range(ROWS)), []),
        ("c", [f"a note about the customer number {n}" for n in range(ROWS)], []),
    ],
)
def test_each_kind_of_column_has_its_roles(tmp_path: Path, name: str, values: list[Any], roles: list[str]) -> None:
    """Numbers, categories, codes and dates become features; constants, identifiers and free text do not."""
    decision = decision_on(tmp_path, values, name)
    assert roles_of(decision) == roles
    assert decision.why


def test_a_date_without_hours_has_no_part_of_them(tmp_path: Path) -> None:
    """The hour is a part only of times that have one."""
    days = decision_on(tmp_path, mixed("2024-01-31", "2024-02-01"))
    times = decision_on(tmp_path, mixed("2024-01-31T10:30:00", "2024-02-01T00:00:00"))
    assert days.roles[0]["parts"] == ["month", "weekday"]
    assert times.roles[0]["parts"] == ["month", "weekday", "hour"]


@pytest.mark.parametrize(
    "values", [answers(), ["1" if one == "yes" else "0" for one in answers()]], ids=["same", "coded"]
)
def test_a_column_that_is_the_label_is_left_out(tmp_path: Path, values: list[str]) -> None:
    """A copy of the label, under whatever values, is a leak: left out, and told as a doubt."""
    decision = decision_on(tmp_path, values)
    assert decision.roles == ()
    assert "one to one with the label" in decision.doubt


def test_a_number_on_a_line_with_the_label_is_left_out(tmp_path: Path) -> None:
    """Of a regression, a number that the label is a multiple of is a leak."""
    made = plan_of(tmp_path, {"a": numbers(1), "double": [2 * one for one in numbers(2)], "y": numbers(2)}, "y")
    leak = next(decision for decision in made.decisions if decision.name == "double")
    assert leak.roles == ()
    assert "straight line" in leak.doubt


def test_a_column_that_foretells_all_but_perfectly_is_kept_and_doubted(tmp_path: Path) -> None:
    """Several values that part the label without exception are no copy of it: the model gets them, and a doubt asks."""
    reasons = [RANDOM.choice("abc") if one == "yes" else None for one in answers()]
    decision = decision_on(tmp_path, reasons)
    assert roles_of(decision) == ["categorical"]
    assert "it alone foretells" in decision.doubt


def test_a_useful_number_is_not_doubted(tmp_path: Path) -> None:
    """A feature that is merely good raises no doubt."""
    assert decision_on(tmp_path, numbers(5)).doubt == ""


def test_the_second_of_two_equal_columns_is_left_out(tmp_path: Path) -> None:
    """What another column says already is left out, with a doubt that names it."""
    decision = decision_on(tmp_path, numbers())
    assert decision.roles == ()
    assert decision.doubt == "it is the same as size in every row, and it is left out"


@pytest.mark.parametrize("name", ["Size", "SIZE"])
def test_a_name_that_differs_in_capitals_only_is_left_out(tmp_path: Path, name: str) -> None:
    """TensorFlow could not tell the tensors of the two apart: the second is left out, and the doubt says what to do."""
    decision = decision_on(tmp_path, numbers(5), name)
    assert decision.roles == ()
    assert "rename it" in decision.doubt


def test_names_that_differ_in_signs_only_are_told(tmp_path: Path) -> None:
    """Of two columns whose names become the same without their signs, the first is a feature."""
    made = plan_of(tmp_path, learnable(**{"a b": numbers(5), "a-b": numbers(6)}))
    assert [bool(decision.roles) for decision in made.decisions if decision.name in {"a b", "a-b"}] == [True, False]


def test_columns_of_the_label_are_no_features(tmp_path: Path) -> None:
    """What an expression is made of is the answer, or part of it."""
    made = plan_of(tmp_path, {"a": numbers(1), "b": numbers(2), "c": numbers(3)}, "a > b")
    assert [decision.role for decision in made.decisions] == ["label", "label", "numeric, bucketized 12"]


def test_words_for_missing_become_missing(tmp_path: Path) -> None:
    """A question mark among numbers is named in data.missing, and counts as missing in the profile."""
    made = plan_of(tmp_path, learnable(c=["?" if one else 2.5 + row for row, one in enumerate(HALF)]))
    assert made.source.missing == ("?",)
    decision = next(one for one in made.decisions if one.name == "c")
    assert (roles_of(decision), decision.profile.missing) == (["numeric", "bucketized"], sum(HALF))
    assert any("'?' is taken for a missing value" in doubt for doubt in made.doubts)


def test_rows_without_a_label_widen_the_gate(tmp_path: Path) -> None:
    """More rows without a label than the gate lets pass: it is set half as high again, and a doubt says so."""
    answer = [None if row % 10 == 0 else one for row, one in enumerate(answers())]
    made = plan_of(tmp_path, {"size": numbers(), "answer": answer})
    assert made.max_quarantined == 0.15
    assert any("10 % of the rows cannot be used" in doubt for doubt in made.doubts)
    assert made.rows == ROWS * 9 // 10


def imbalanced(folder: Path) -> Plan:
    """A table of which one row in twenty is a yes."""
    answer = ["yes" if row % 20 == 0 else "no" for row in range(ROWS * 4)]
    size = [one + 8 * (said == "yes") for one, said in zip(numbers(rows=ROWS * 4), answer, strict=True)]
    return plan_of(folder, {"size": size, "answer": answer})


def test_a_rare_class_weighs_more(tmp_path: Path) -> None:
    """Where a class is under a tenth of the rows, the classes are weighed, and a bar is on precision and recall."""
    made = imbalanced(tmp_path)
    assert made.balanced
    assert "pr_auc" in {bar.metric for bar in made.bars}
    config = Config.model_validate(yaml.safe_load(configuration(made, "rows.csv")))
    assert config.model.class_weights == "balanced"


def test_even_classes_are_not_weighed(tmp_path: Path) -> None:
    """Ten classes of a tenth each are not imbalanced, though each is rare."""
    made = plan_of(tmp_path, {"a": numbers(1), "digit": [f"d{row % 10}" for row in range(ROWS)]}, "digit")
    assert not made.balanced


def test_every_split_has_every_class(tmp_path: Path) -> None:
    """Of a class with few rows, a seed is found by which each split gets some of them."""
    answer = ["rare" if row % 40 == 0 else one for row, one in enumerate(answers())]
    made = plan_of(tmp_path, {"size": numbers(), "answer": answer})
    for split in ("train", "eval", "test"):
        assert set(made.label.values[made.division.names == split]) == {0, 1, 2}


def test_a_class_too_rare_to_split_is_a_doubt(tmp_path: Path) -> None:
    """A class of one row is in training, and the doubt says that it cannot be tested."""
    made = plan_of(tmp_path, {"size": numbers(), "answer": ["once", *answers()[1:]]})
    assert any("too few rows for three splits" in doubt for doubt in made.doubts)
    assert set(made.label.values[made.division.names == "train"]) == {0, 1, 2}


def test_a_label_of_chance_is_told(tmp_path: Path) -> None:
    """Where nothing foretells the label, a doubt says so, and the bar is looser than a constant answer."""
    made = plan_of(tmp_path, {"a": numbers(1), "b": numbers(2), "answer": mixed("yes", "no")})
    assert any("nothing here foretells the label" in doubt for doubt in made.doubts)
    (bar,) = made.bars
    assert (bar.metric, bar.bound) == ("auc", "min")
    assert bar.value < 0.5


def test_slices_are_columns_of_few_values(tmp_path: Path) -> None:
    """Texts come first, then named whole numbers; numbers with a fraction, and what the model does not get, never."""
    made = plan_of(
        tmp_path,
        learnable(month=mixed(1, 2, 3), plan=mixed("a", "b"), fraction=mixed(0.5, 1.5, 2.5), same=["x"] * ROWS),
    )
    assert made.slices == ["plan", "month"]


def test_many_columns_of_few_integers_are_no_slices(tmp_path: Path) -> None:
    """A table of pixels has no groups to ask of."""
    pixels = {f"p{number}": [RANDOM.randrange(8) for _ in range(ROWS)] for number in range(8)}
    assert plan_of(tmp_path, learnable(**pixels)).slices == []


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    """A table of three rows is told to be too small, with how many can be used."""
    with pytest.raises(UsageError, match=r"3 of 3 rows can be used .*; at least 10 are needed"):
        plan_of(tmp_path, {"a": [1, 2, 3], "y": [0, 1, 0]}, "y")


def test_a_table_without_features_is_refused(tmp_path: Path) -> None:
    """Where every other column is left out, the message says why each is."""
    with pytest.raises(UsageError, match=r"No column is left to learn from: 'a': every row has the same"):
        plan_of(tmp_path, {"a": ["x"] * ROWS, "answer": answers()})


def test_a_sample_is_said_to_be_one(tmp_path: Path) -> None:
    """Where not all rows were looked at, a doubt says how many were."""
    from pipeline.init.command import look
    from tests.unit.init_tables import silent, write_csv

    made = look("mine", str(write_csv(tmp_path, learnable())), "answer", "auto", 100, silent)
    assert (made.rows, made.is_whole) == (100, False)
    assert any("only the first 100 rows" in doubt for doubt in made.doubts)
