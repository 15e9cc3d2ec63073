from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import METRICS, Config
from pipeline.loading import load
from schema.errors import UsageError
from tests.unit.samples import config, minimal, write

NUMERIC = {"column": "fare", "role": "numeric"}
BAD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown key": ({"probelm": "binary"}, ("'probelm'", "Did you mean 'problem'?")),
    "unknown key in a section": (
        {"data": {"path": "x.csv", "sorce": "csv"}},
        ("'data.sorce'", "Did you mean 'source'?"),
    ),
    "unknown key two sections down": (
        {"gates": {"data": {"defualt": "warn"}}},
        ("'gates.data.defualt'", "Did you mean 'default'?"),
    ),
    "unknown key in a feature": (
        {"features": [NUMERIC, {"column": "fare", "role": "bucketized", "bukets": 3}]},
        ("'features.1.bukets'", "Did you mean 'buckets'?"),
    ),
    "key of another role": (
        {"features": [NUMERIC | {"buckets": 3}]},
        ("'features.0.buckets'", "Legal here: column, role."),
    ),
    "unknown key in a bar": (
        {"evaluation": {"bars": {"auc": {"mni": 0.9}}}},
        ("'evaluation.bars.auc.mni'", "Did you mean 'min'?"),
    ),
    "unknown key in a slice bar": (
        {"evaluation": {"slice_bars": [{"slice": {"hour": None}, "metrics": {"auc": {"min": 0.9}}, "slcie": 1}]}},
        ("'evaluation.slice_bars.0.slcie'", "Did you mean 'slice'?"),
    ),
    "a word for a number": ({"model": {"epochs": "many"}}, ("'model.epochs'", "'many'", "valid integer")),
    "a number out of range": ({"model": {"dropout": 1.0}}, ("'model.dropout'", "1.0", "less than 1")),
    "a list for a section": ({"data": ["x.csv"]}, ("'data'", "['x.csv']")),
    "unknown role": (
        {"features": [{"column": "fare", "role": "numerik"}]},
        ("'features.0'", "'numerik'", "Did you mean 'numeric'?"),
    ),
    "no role": (
        {"features": [{"column": "fare"}]},
        ("'features.0'", "Legal here: bucketized, categorical, crossed, date, hashed, numeric."),
    ),
    "a feature that is a word": ({"features": ["fare"]}, ("'features.0'", "'fare'")),
    "bad problem": ({"problem": "binry"}, ("'problem'", "'binry'", "'binary', 'multiclass' or 'regression'")),
    "unknown metric in a bar": ({"evaluation": {"bars": {"acu": {"min": 0.9}}}}, ("metric 'acu'", "auc")),
    "unknown metric in a slice bar": (
        {"evaluation": {"slice_bars": [{"slice": {"hour": None}, "metrics": {"acu": {"min": 0.9}}}]}},
        ("metric 'acu'", "auc"),
    ),
    "unknown metric in worst_change": ({"evaluation": {"worst_change": {"acu": 0.1}}}, ("metric 'acu'", "auc")),
    "metric of another problem": (
        {"problem": "regression", "label": "tips", "evaluation": {"bars": {"auc": {"min": 0.9}}}},
        ("metric 'auc'", "regression", "rmse, mae, r2, mean_prediction"),
    ),
    "a bar that bounds nothing": (
        {"evaluation": {"bars": {"auc": {}}}},
        ("'evaluation.bars.auc'", "needs min, max or both"),
    ),
    "a bar that is not a number": (
        {"evaluation": {"bars": {"auc": {"min": float("nan")}}}},
        ("'evaluation.bars.auc.min'", "finite"),
    ),
    "a negative worst change": (
        {"evaluation": {"worst_change": {"auc": -0.1}}},
        ("'evaluation.worst_change.auc'", "greater than or equal to 0"),
    ),
    "no features": ({"features": []}, ("'features'", "{column: fare, role: numeric}")),
    "no split named test": (
        {"data": {"path": "x.csv", "splits": {"train": 8, "eval": 2}}},
        ("'data.splits'", "train, eval and test"),
    ),
    "an empty split": (
        {"data": {"path": "x.csv", "splits": {"train": 8, "eval": 0, "test": 2}}},
        ("'data.splits'", "at least 1"),
    ),
    "a split of another name": (
        {"data": {"path": "x.csv", "splits": {"train": 8, "eval": 1, "test": 1, "holdout": 1}}},
        ("'data.splits'", "train, eval and test"),
    ),
    "half a row in a split": (
        {"data": {"path": "x.csv", "splits": {"train": 8.5, "eval": 1, "test": 1}}},
        ("'data.splits.train'", "8.5"),
    ),
    "a name that is no folder's": ({"name": "Taxi Trips"}, ("'name'", "'Taxi Trips'")),
    "a model name with a slash": ({"serving": {"model_name": "a/b"}}, ("'serving.model_name'", "'a/b'")),
    "a label that does not parse": ({"label": "tips >"}, ("'label'", "'tips >'", "does not parse")),
    "a label that calls": ({"label": "round(tips)"}, ("'label'", "'round(tips)'", "Call")),
    "two features of one name": ({"features": [NUMERIC, NUMERIC]}, ("features", "fare_numeric", "made twice")),
    "two crossings of one name": (
        {
            "features": [
                {"columns": ["a_x_b", "c"], "role": "crossed"},
                {"columns": ["a", "b_x_c"], "role": "crossed"},
            ]
        },
        ("features", "a_x_b_x_c", "made twice"),
    ),
    "a function with no module": (
        {"user_code": {"preprocessing_fn": "prepare"}},
        ("'user_code.preprocessing_fn'", "'prepare'"),
    ),
    "a database with no address": (
        {"metadata": {"backend": "mysql", "host": "db"}},
        ("'metadata'", "mysql also needs database, user"),
    ),
    "an unknown severity": (
        {"gates": {"data": {"features": {"fare": "wran"}}}},
        ("'gates.data.features.fare'", "'wran'", "'fail' or 'warn'"),
    ),
}


@pytest.mark.parametrize(("changes", "words"), BAD.values(), ids=BAD)
def test_a_wrong_configuration_is_refused_by_file_and_key(
    tmp_path: Path, changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    """A key or a value that is wrong is refused with the file, the key, what was given and what is legal there."""
    file = write(tmp_path / "wrong.yaml", minimal(**changes))
    with pytest.raises(UsageError) as caught:
        load([file])
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("key", ["name", "problem", "label", "data", "features"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    """The keys without which there is no pipeline are asked for by name."""
    content = {name: value for name, value in minimal().items() if name != key}
    with pytest.raises(UsageError, match=f"wrong.yaml: '{key}' is missing"):
        load([write(tmp_path / "wrong.yaml", content)])


def test_every_wrong_key_is_told_at_once(tmp_path: Path) -> None:
    """Two mistakes make one message with a line for each, so that neither waits for the other to be mended."""
    file = write(tmp_path / "wrong.yaml", minimal(probelm="binary", model={"epochs": "many"}))
    with pytest.raises(UsageError) as caught:
        load([file])
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert any("probelm" in line for line in lines)
    assert any("model.epochs" in line for line in lines)


def test_the_minimal_configuration_stands_on_its_defaults() -> None:
    """Name, problem, label, data and features are enough; the rest has defaults that a run can use."""
    given = config()
    assert given.data.splits == {"train": 8, "eval": 1, "test": 1}
    assert (given.data.source, given.runner.name, given.metadata.backend) == ("csv", "local", "sqlite")
    assert given.gates.data.default == "fail"
    assert given.schema_.path is None


def test_feature_columns_are_named_once_in_order() -> None:
    """A column that several roles read is one raw column, at the place where it came first."""
    features = [
        {"column": "fare", "role": "numeric"},
        {"columns": ["hour", "company"], "role": "crossed"},
        {"column": "fare", "role": "bucketized"},
        {"column": "company", "role": "hashed"},
    ]
    assert config(features=features).feature_columns == ("fare", "hour", "company")


def test_numeric_columns_are_those_that_a_role_calculates_with() -> None:
    """A column is numeric when any of its roles needs a number."""
    features = [
        {"column": "fare", "role": "categorical"},
        {"column": "fare", "role": "bucketized"},
        {"column": "start", "role": "date"},
        {"column": "company", "role": "hashed"},
    ]
    assert config(features=features).numeric_columns == {"fare", "start"}


def test_the_model_is_called_as_the_pipeline_unless_named() -> None:
    """The served model bears the pipeline's name, until serving.model_name gives it another."""
    assert config().model_name == "taxi"
    assert config(serving={"model_name": "Tips_2"}).model_name == "Tips_2"


@pytest.mark.parametrize(("problem", "label"), [("binary", "tips > 1"), ("multiclass", "kind"), ("regression", "tips")])
def test_a_problem_has_its_usual_metrics(problem: str, label: str) -> None:
    """Without evaluation.metrics the usual metrics of the problem are computed."""
    assert config(problem=problem, label=label).metrics == METRICS[problem]


def test_metrics_that_a_bar_names_are_computed() -> None:
    """A bar on a metric, over all rows, a slice or against the last model, has that metric computed, once."""
    evaluation = {
        "metrics": ["auc"],
        "bars": {"log_loss": {"max": 1.0}},
        "worst_change": {"auc": 0.1, "recall": 0.1},
        "slice_bars": [{"slice": {"hour": None}, "metrics": {"accuracy": {"min": 0.5}}}],
    }
    assert config(evaluation=evaluation).metrics == ("auc", "log_loss", "recall", "accuracy")


def test_a_configuration_cannot_be_changed() -> None:
    """Once checked, a configuration stays as it is."""
    given = config()
    with pytest.raises(ValueError, match="frozen"):
        given.name = "other"  # type: ignore[misc]  # what the test shows to be impossible


def test_yaml_and_objects_agree() -> None:
    """A configuration written to YAML from its objects and read again is the same configuration."""
    given = config(features=[NUMERIC, {"columns": ["a", "b"], "role": "crossed", "buckets": 7}])
    written = yaml.safe_dump(given.model_dump(mode="json", by_alias=True))
    assert Config.model_validate(yaml.safe_load(written)) == given
