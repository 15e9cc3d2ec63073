from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.config import Config
from pipeline.init.command import look, texts_of
from pipeline.init.plan import types_of
from pipeline.init.writing import bounds_of, comment, configuration, scalar, schema
from pipeline.loading import load
from pipeline.schemas import column_types
from tests.unit.init_tables import ROWS, answers, learnable, numbers, plan_of, silent, write_csv

ODD_NAMES = [
    *(
        "mean radius",
        "sepal length (cm)",
        "a: b",
        "it's",
        'say "hi"',
        "# hash",
        "größe",
        "日本",
        " lead",
        "trail ",
        "50%",
    ),
    *(
        "yes",
        "1",
        "null",
        "{a}",
        "[b]",
        "a,b",
        "-",
        "*",
        "&x",
        "!y",
        "line\nbreak",
        "tab\there",
        "\u2028",
        "back\\slash",
        "`",
    ),
]


def read_schema(text: str) -> dict[str, schema_pb2.Feature]:
    """The features of a schema's text, by name."""
    return {feature.name: feature for feature in text_format.Parse(text, schema_pb2.Schema()).feature}


def mixed(*values: Any) -> list[Any]:
    """Values in an order that says nothing of the label."""
    generator = random.Random(11)
    return [generator.choice(values) for _ in range(ROWS)]


@pytest.fixture
def wide() -> dict[str, Any]:
    """A table with a column of most kinds."""
    return learnable(
        city=mixed("Rome", "Oslo", "Zürich"),
        seats=[None if row % 4 == 0 else row % 7 for row in range(ROWS)],
        opened=mixed("2024-01-31", "2024-02-01", "2025-05-05"),
        same=["x"] * ROWS,
        customer=[f"u{row}" for row in range(ROWS)],
    )


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_column_of_any_name_is_written_and_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Names with colons, quotes and line breaks, and those that YAML takes for something else, stay what they are."""
    monkeypatch.chdir(tmp_path)
    file = write_csv(tmp_path, learnable(**{name: numbers(20)}))
    made = look("mine", str(file), "answer", "auto", 1000, silent)
    config, pbtxt = texts_of(made, str(file))
    named = [feature["column"] for feature in yaml.safe_load(config)["features"]]
    assert named == ["size", "size", name, name]
    assert set(read_schema(pbtxt)) == {"size", "answer", name}


@pytest.mark.parametrize("name", [name for name in ODD_NAMES if name != "`"])
def test_a_label_of_any_name_is_written_and_read_back(tmp_path: Path, name: str) -> None:
    """Whatever a label's column is called, the configuration that is written names it."""
    made = plan_of(tmp_path, {"size": numbers(), name: answers()}, name)
    text = configuration(made, "rows.csv")
    assert Config.model_validate(yaml.safe_load(text)).label_expression.columns == (name,)


@given(value=st.text() | st.lists(st.text(), max_size=3) | st.dictionaries(st.text(), st.text(), max_size=3))
def test_any_value_stands_on_one_line_of_yaml(value: Any) -> None:
    """A value is quoted so that YAML reads it back, and never breaks its line."""
    text = scalar(value)
    assert yaml.safe_load(f"key: {text}") == {"key": value}
    assert text.isprintable()


@given(text=st.text())
def test_a_comment_stays_a_comment(text: str) -> None:
    """Whatever is said in a comment, what follows on the next line is read as it was."""
    assert yaml.safe_load(f"# {comment(text)}\na: 1") == {"a": 1}
    assert text_format.Parse(f'# {comment(text)}\nfeature {{ name: "a" }}', schema_pb2.Schema()).feature[0].name == "a"


@given(low=st.integers(-(2**40), 2**40), width=st.integers(0, 2**40))
def test_bounds_lie_beyond_what_was_seen(low: int, width: int) -> None:
    """The bounds of a number enclose all that was seen, with room on both sides."""
    least, most = bounds_of(low, low + width)
    assert least < low
    assert most > low + width


def test_the_configuration_says_why(tmp_path: Path, wide: dict[str, Any]) -> None:
    """Roles, what is left out, splits and bars each have their comment."""
    text = configuration(plan_of(tmp_path, wide), "../rows.csv")
    for words in (
        "# city: category, 3 values",
        "# seats: number, 0 to 6, 25 % missing",
        "# Left out:",
        "# same: constant, always x – every row has the same",
        "# customer: identifier, 240 values – it names the row",
        "a quick baseline",
        "for chance on",
    ):
        assert words in text
    assert max(map(len, text.splitlines())) <= 160


def test_the_configuration_is_what_was_decided(tmp_path: Path, wide: dict[str, Any]) -> None:
    """Read back, it names the data, the label, the features, the slices and the bars of the plan."""
    made = plan_of(tmp_path, wide)
    (tmp_path / "configs").mkdir()
    file = tmp_path / "configs" / "mine.yaml"
    file.write_text(configuration(made, "../rows.csv"), encoding="utf-8")
    config = load([file])
    assert config.data.path == str(tmp_path / "rows.csv")
    assert config.label == 'answer == "yes"'
    assert config.feature_columns == ("size", "city", "seats", "opened")
    assert config.evaluation.slices == (("city",), ("seats",))
    assert set(config.evaluation.bars) == {bar.metric for bar in made.bars}
    assert config.data.splits == made.division.splits


def test_the_schema_asks_what_was_seen(tmp_path: Path, wide: dict[str, Any]) -> None:
    """Presence, types and domains are those of the data; of what is left out only the type is asked."""
    features = read_schema(schema(plan_of(tmp_path, wide)))
    assert set(features) == set(wide)
    assert features["size"].presence.min_fraction == 1.0
    assert 0.5 < features["seats"].presence.min_fraction < 0.75
    assert list(features["city"].string_domain.value) == ["Oslo", "Rome", "Zürich"]
    assert features["city"].distribution_constraints.min_domain_mass == 0.95
    assert features["opened"].type == schema_pb2.INT
    assert not features["same"].HasField("presence")
    assert list(features["answer"].not_in_environment) == ["SERVING"]
    assert [name for name, feature in features.items() if feature.not_in_environment] == ["answer"]


def test_the_schema_is_readable(tmp_path: Path, wide: dict[str, Any]) -> None:
    """Each feature stands below a comment that says what was seen, and its letters are letters."""
    text = schema(plan_of(tmp_path, wide))
    assert '# seats: number, 0 to 6, 25 % missing\nfeature {\n  name: "seats"\n  type: INT\n  presence {' in text
    assert "Zürich" in text
    assert "  value_count { min: 1 max: 1 }\n" in text


def test_the_data_passes_its_schema(tmp_path: Path, wide: dict[str, Any]) -> None:
    """The splits are ExampleGen's own, and TFDV finds no anomaly in any of them."""
    import tensorflow_data_validation as tfdv

    from components.columns import assign_splits
    from components.readers import READERS
    from tests.components.tables import write_records

    made = plan_of(tmp_path, wide)
    curated = text_format.Parse(schema(made), schema_pb2.Schema())
    told = made.source.model_copy(
        update={"types": types_of(made.forms), "required": made.label.columns, "seed": made.division.seed}
    )
    (rows,) = READERS["csv"].rows(str(tmp_path / "rows.csv"), told)
    splits = assign_splits(rows.hashes, made.division.splits)
    assert splits.tolist() == made.division.names.tolist()
    for split in ("train", "eval", "test"):
        kept = [example for example, name in zip(rows.examples.to_pylist(), splits, strict=True) if name == split]
        file = write_records(tmp_path / f"{split}.tfrecord", kept, "")
        statistics = tfdv.generate_statistics_from_tfrecord(str(file))
        found = tfdv.validate_statistics(statistics, curated, environment="TRAINING")
        assert dict(found.anomaly_info) == {}


def test_a_new_category_is_no_anomaly_and_many_are(tmp_path: Path, wide: dict[str, Any]) -> None:
    """One row in a hundred with a new city passes the schema; every row with one does not."""
    import pandas as pd
    import tensorflow_data_validation as tfdv

    features = read_schema(schema(plan_of(tmp_path, wide)))
    curated = schema_pb2.Schema(feature=[features["city"]])
    for rows, anomalies in ((["Bern"] + ["Rome"] * 99, []), (["Bern"] * 100, ["city"])):
        statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame({"city": rows}))
        assert sorted(tfdv.validate_statistics(statistics, curated).anomaly_info) == anomalies


def test_what_a_file_needs_to_be_read_is_written(tmp_path: Path) -> None:
    """Delimiter, encoding and words for missing values stand in the configuration, and the columns that have them."""
    columns = learnable(city=mixed("Köln", "Oslo"), n=mixed("?", 1, 2, 3))
    file = write_csv(tmp_path, columns, ";", "latin-1")
    made = look("mine", str(file), "answer", "auto", 1000, silent)
    data = yaml.safe_load(configuration(made, "rows.csv"))["data"]
    assert (data["delimiter"], data["missing"]) == (";", ["?"])
    assert "Köln".encode("latin-1").decode(data["encoding"]) == "Köln"
    assert "# in n, otherwise of numbers" in configuration(made, "rows.csv")


def test_types_of_the_schema_are_those_that_the_roles_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wide: dict[str, Any]
) -> None:
    """What is written passes the checks that come before a run."""
    monkeypatch.chdir(tmp_path)
    made = plan_of(tmp_path, wide)
    config, pbtxt = texts_of(made, str(tmp_path / "rows.csv"))
    (tmp_path / "configs").mkdir()
    (tmp_path / "schema").mkdir()
    (tmp_path / "configs" / "mine.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "schema" / "mine.pbtxt").write_text(pbtxt, encoding="utf-8")
    assert column_types(load([tmp_path / "configs" / "mine.yaml"]))["opened"] == "INT"
