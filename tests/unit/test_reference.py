"""The configuration's reference. `make docs` writes it again."""

from __future__ import annotations

import copy
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from pipeline.config import Config
from pipeline.loading import load
from pipeline.reference import json_schema, markdown
from schema.roles import ROLES
from tests.unit.samples import REPOSITORY, config, minimal

DOCS = REPOSITORY / "docs"
CONFIGS = sorted((REPOSITORY / "configs").glob("*.yaml"))
FEATURE = {"column": "fare", "role": "numeric"}
WRONG: dict[str, dict[str, Any]] = {
    "an unknown key": {"probelm": "binary"},
    "an unknown key in a section": {"data": {"path": "x.csv", "sorce": "csv"}},
    "an unknown key two sections down": {"gates": {"data": {"defualt": "warn"}}},
    "an unknown key in a feature": {"features": [FEATURE | {"bukets": 3}]},
    "a key of another role": {"features": [FEATURE | {"buckets": 3}]},
    "an unknown key in a bar": {"evaluation": {"bars": {"auc": {"mni": 0.9}}}},
    "an unknown role": {"features": [FEATURE | {"role": "numerik"}]},
    "no role": {"features": [{"column": "fare"}]},
    "no column": {"features": [{"role": "numeric"}]},
    "a number out of range": {"model": {"dropout": 1.0}},
    "a word for a number": {"model": {"epochs": "many"}},
    "a word that is none of a few": {"problem": "binry"},
}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    """What an editor does with the JSON Schema."""
    return Draft202012Validator(json_schema())


def test_the_page_is_current() -> None:
    """docs/configuration.md is what the models say; `make docs` writes it."""
    assert (DOCS / "configuration.md").read_text(encoding="utf-8") == markdown()


def test_the_json_schema_is_current() -> None:
    """docs/configuration.schema.json is what the models say; `make docs` writes it."""
    assert json.loads((DOCS / "configuration.schema.json").read_text(encoding="utf-8")) == json_schema()


def test_the_json_schema_is_one() -> None:
    """It is valid in its own dialect."""
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("file", CONFIGS, ids=[file.stem for file in CONFIGS])
def test_our_configurations_fit_the_json_schema(validator: Draft202012Validator, file: Path) -> None:
    """Each file of configs/, an overlay too, is valid to an editor, and names the schema in its first line."""
    text = file.read_text(encoding="utf-8")
    assert list(validator.iter_errors(yaml.safe_load(text))) == []
    first = text.partition("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (file.parent / first.partition("=")[2]).resolve() == DOCS / "configuration.schema.json"


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_what_the_loader_refuses_the_json_schema_refuses(
    validator: Draft202012Validator, changes: dict[str, Any]
) -> None:
    """Unknown keys and wrong values are marked by an editor as they are refused by a run."""
    assert validator.is_valid(minimal())
    assert not validator.is_valid(minimal(**changes))
    with pytest.raises(ValueError, match="validation error"):
        config(**changes)


def test_a_key_that_is_misspelt_anywhere_is_refused(validator: Draft202012Validator) -> None:
    """In the taxi configuration, each key that is one of a few legal ones is refused where it is spelt otherwise."""
    taxi = yaml.safe_load((REPOSITORY / "configs" / "taxi.yaml").read_text(encoding="utf-8"))
    for place in _fixed_keys(taxi):
        wrong = copy.deepcopy(taxi)
        inner = wrong
        for part in place[:-1]:
            inner = inner[part]
        inner[f"{place[-1]}x"] = inner.pop(place[-1])
        assert not validator.is_valid(wrong), place


def _fixed_keys(taxi: dict[str, Any]) -> list[tuple[Any, ...]]:
    sections = ("data", "schema", "gates", "evaluation")
    keys: list[tuple[Any, ...]] = [(key,) for key in taxi]
    keys += [(section, key) for section in sections for key in taxi[section]]
    keys += [("gates", "data", key) for key in taxi["gates"]["data"]]
    return keys + [("features", number, key) for number, role in enumerate(taxi["features"]) for key in role]


def test_a_date_is_a_span(validator: Draft202012Validator) -> None:
    """`span: 2026-11-24` is legal, which an editor reads as a text."""
    path = "{YYYY}/{MM}/{DD}/trips.csv"
    assert validator.is_valid(minimal(data={"path": path, "span": "2026-11-24"}))
    assert config(data={"path": path} | yaml.safe_load("span: 2026-11-24")).data.span == 20_781


def test_every_key_has_a_row_that_says_what_it_does() -> None:
    """No key of the configuration is left out of the page, and none stands there without a word."""
    rows = re.findall(r"^\| (`.*) \|$", markdown(), re.MULTILINE)
    assert [row for row in rows if not row.rpartition("| ")[2]] == []
    schema = Config.model_json_schema()
    roles = {role.__name__ for role in ROLES}
    sections = [schema, *(piece for name, piece in schema["$defs"].items() if name not in roles)]
    keys = {key for piece in sections for key in piece["properties"]}
    assert keys <= {row.partition("`")[2].partition("`")[0] for row in rows}


def test_every_role_and_its_features_are_there() -> None:
    """The page names each role of the table of roles, and the features that it makes."""
    page = markdown()
    for role in ROLES:
        assert f"| `{role.model_fields['role'].default}` | {role.__doc__} | `" in page
    assert "`fare_numeric`, `fare_missing`" in page


def test_links_lead_to_headings() -> None:
    """Each link within the page has its heading."""
    page = markdown()
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) - anchors == set()


def test_the_examples_of_the_page_are_configurations(validator: Draft202012Validator, tmp_path: Path) -> None:
    """What the page shows loads, the overlay over the example; an editor finds nothing wrong in either."""
    example, overlay = (text for text in re.findall(r"```yaml\n(.*?)```", markdown(), re.DOTALL) if "name:" in text)
    for name, text in (("churn.yaml", example), ("over.yaml", overlay)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert list(validator.iter_errors(yaml.safe_load(text))) == []
    (line,) = (line for line in markdown().splitlines() if line.startswith("penstock run churn.yaml"))
    settings = [word for word in shlex.split(line) if "=" in word]
    loaded = load([tmp_path / "churn.yaml", tmp_path / "over.yaml"], settings)
    assert loaded.name == "churn-small"
    assert (loaded.model.epochs, loaded.model.hidden, loaded.gates.data.default) == (5, (32, 16), "warn")
