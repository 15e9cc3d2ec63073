from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fastavro
import pyarrow.csv
import pyarrow.parquet
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.init.command import check_arguments, look, write
from schema.errors import DataAnomaly, UsageError
from tests.unit.init_tables import ROWS, answers, learnable, numbers, plan_of, silent, write_csv
from tests.unit.test_cli import _heavy_modules_after, penstock

CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6) | st.sampled_from(
    ["", "1", "2.5", "?", "x"]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a CSV that can be learned."""
    write_csv(tmp_path, learnable(city=["Rome", "Oslo"] * (ROWS // 2)))
    return tmp_path


def init(folder: Path, *words: str, name: str = "mine") -> tuple[int, str, str]:
    """Exit code, output and errors of `penstock init` in a folder."""
    done = penstock("init", name, "--data", "rows.csv", "--label", "answer", *words, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def test_two_files_are_written_and_told(folder: Path) -> None:
    """The configuration and the schema are written, the decisions shown, and the next command named."""
    code, out, _ = init(folder)
    assert code == 0
    assert {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()} == {
        "rows.csv",
        "configs/mine.yaml",
        "schema/mine.pbtxt",
    }
    for words in ("binary", "size", "numeric, bucketized", "city", "categorical", "penstock run configs/mine.yaml"):
        assert words in out
    written = yaml.safe_load((folder / "configs" / "mine.yaml").read_text())
    assert (written["data"]["path"], written["schema"]["path"]) == ("../rows.csv", "../schema/mine.pbtxt")


def test_what_is_written_is_valid(folder: Path) -> None:
    """`penstock validate` finds nothing to object to."""
    init(folder)
    done = penstock("validate", "configs/mine.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr


def test_nothing_is_overwritten_without_force(folder: Path) -> None:
    """A file that is there stops it with 2 and is named; with --force both are written anew."""
    (folder / "schema").mkdir()
    (folder / "schema" / "mine.pbtxt").write_text("mine")
    code, _, err = init(folder)
    assert code == 2
    assert "schema/mine.pbtxt: already there" in err
    assert "--force" in err
    assert (folder / "schema" / "mine.pbtxt").read_text() == "mine"
    assert not (folder / "configs").exists()
    assert init(folder, "--force")[0] == 0
    assert "feature {" in (folder / "schema" / "mine.pbtxt").read_text()


def test_a_dry_run_prints_and_writes_nothing(folder: Path) -> None:
    """--dry-run prints both files as they would be."""
    code, out, _ = init(folder, "--dry-run")
    assert code == 0
    assert "# configs/mine.yaml\n" in out
    assert 'name: "city"' in out
    assert [file.name for file in folder.iterdir()] == ["rows.csv"]


def test_a_dry_run_needs_no_force(folder: Path) -> None:
    """--dry-run prints what would be written also where the files are there, and leaves them as they are."""
    (folder / "schema").mkdir()
    (folder / "schema" / "mine.pbtxt").write_text("mine")
    code, out, _ = init(folder, "--dry-run")
    assert code == 0
    assert "# schema/mine.pbtxt\n" in out
    assert (folder / "schema" / "mine.pbtxt").read_text() == "mine"


def test_json_is_one_object_with_the_decisions(folder: Path) -> None:
    """--json prints what was decided of each column, the bars, the doubts and the files."""
    told = json.loads(init(folder, "--json")[1])
    assert [column["column"] for column in told["columns"]] == ["size", "city", "answer"]
    assert told["problem"] == "binary"
    assert set(told) >= {"label", "bars", "slices", "doubts", "splits", "files"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["init", "Mine", "--data", "rows.csv", "--label", "answer"], "'Mine' is no name of a pipeline"),
        (["init", "mine", "--data", "none.csv", "--label", "answer"], "there is no such data file"),
        (["init", "mine", "--data", "rows.csv", "--label", "anser"], "Did you mean 'answer'?"),
        (["init", "mine", "--data", "rows.csv", "--label", "answer >"], "does not parse"),
        (["init", "mine", "--data", "rows.csv", "--label", "answer", "--problem", "regression"], "needs a number"),
        (["init", "mine", "--data", "rows.csv", "--label", "answer", "--problem", "clustering"], "'clustering'"),
        (["init", "mine", "--data", "rows.csv"], "--label"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(folder: Path, words: list[str], message: str) -> None:
    """Each mistake is told in words, with exit code 2, and leaves the folder as it was."""
    done = penstock(*words, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [file.name for file in folder.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize("line", ["init --help", "init Mine --data rows.csv --label answer"])
def test_nothing_heavy_is_imported_before_the_arguments_are_right(line: str) -> None:
    """Help and wrong arguments are answered without TensorFlow, pandas or the rest."""
    assert _heavy_modules_after(*line.split()).endswith("[]")


def test_a_csv_needs_no_tensorflow(folder: Path) -> None:
    """From the file to both texts, neither TensorFlow nor TFX nor Beam is imported."""
    code = (
        "import sys; from pipeline.init.command import look, texts_of;"
        "texts_of(look('mine', 'rows.csv', 'answer', 'auto', 1000, print), 'rows.csv');"
        "print({'tensorflow', 'tfx', 'tfx_bsl', 'apache_beam', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert (done.stdout, done.returncode) == ("set()\n", 0), done.stderr


def _parquet(csv: Path) -> Path:
    file = csv.with_suffix(".parquet")
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(csv), file)
    return file


def _json_lines(csv: Path) -> Path:
    file = csv.with_suffix(".jsonl")
    rows = pyarrow.csv.read_csv(csv).to_pylist()
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def _avro(csv: Path) -> Path:
    fields = [{"name": "size", "type": "double"}, *({"name": name, "type": "string"} for name in ("city", "answer"))]
    rows = pyarrow.csv.read_csv(csv).to_pylist()
    file = csv.with_suffix(".avro")
    with file.open("wb") as stream:
        fastavro.writer(stream, {"type": "record", "name": "row", "fields": fields}, rows)
    return file


def _gzipped(csv: Path) -> Path:
    file = csv.with_suffix(".csv.gz")
    file.write_bytes(gzip.compress(csv.read_bytes()))
    return file


def _tab_separated(csv: Path) -> Path:
    file = csv.with_suffix(".tsv")
    file.write_text(csv.read_text().replace(",", "\t"))
    return file


def _tfrecord(csv: Path) -> Path:
    from tests.components.tables import to_examples, write_records

    return write_records(csv.with_suffix(".tfrecord.gz"), to_examples(pyarrow.csv.read_csv(csv).to_pydict()))


@pytest.mark.parametrize("form", [_parquet, _json_lines, _avro, _gzipped, _tab_separated, _tfrecord])
def test_any_kind_of_file_is_looked_at(folder: Path, form: Callable[[Path], Path]) -> None:
    """The same rows in another kind of file lead to the same decisions."""
    expected = look("mine", str(folder / "rows.csv"), "answer", "auto", 1000, silent)
    made = look("mine", str(form(folder / "rows.csv")), "answer", "auto", 1000, silent)
    assert {one.name: one.roles for one in made.decisions} == {one.name: one.roles for one in expected.decisions}
    assert (made.label.text, made.rows) == (expected.label.text, ROWS)


@given(cells=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=30))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_of_strings_is_decided_or_refused(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    """Whatever two columns of strings stand beside a label, there is a plan or an error of ours, and nothing else."""
    columns = {"a": [one for one, _ in cells], "b": [two for _, two in cells], "y": ["no", "yes", "yes"] * 10}
    kept = {name: column[: len(cells)] for name, column in columns.items()}
    try:
        made = plan_of(tmp_path, kept, "y")
    except (UsageError, DataAnomaly):
        return
    assert [decision.name for decision in made.decisions] == ["a", "b", "y"]


@pytest.mark.parametrize("name", ["", "Wine", "a b", "../x", "-x", "x" * 200])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """A name is one of lower-case letters, digits and dashes."""
    with pytest.raises(UsageError, match="is no name of a pipeline"):
        check_arguments(name, "y", force=False)


def test_files_are_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files are there afterwards, and nothing beside them."""
    monkeypatch.chdir(tmp_path)
    write(check_arguments("mine", "y", force=False), ("name: mine\n", "feature {}\n"))
    assert {str(file) for file in Path().rglob("*.*")} == {"configs/mine.yaml", "schema/mine.pbtxt"}


def test_many_columns_make_a_short_table(tmp_path: Path) -> None:
    """Of many alike columns the screen has one line, and the configuration each."""
    columns = {f"pixel {number}": numbers(number) for number in range(60)}
    write_csv(tmp_path, {**columns, "answer": answers()})
    code, out, _ = init(tmp_path)
    assert code == 0
    assert "59 columns: pixel 1 … pixel 59" in out or "60 columns: pixel 0 … pixel 59" in out
    assert len(out.splitlines()) < 30
    assert (tmp_path / "configs" / "mine.yaml").read_text().count("role: numeric") == 60
