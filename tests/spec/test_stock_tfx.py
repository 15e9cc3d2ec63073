from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.warm import penstock

ROWS = 200


@pytest.mark.e2e
def test_a_stock_pipeline_runs_through_tfxs_own_entry_point(tmp_path: Path) -> None:
    """What TFX compiles for Vertex AI runs as it is: its driver before the cache, then its entry point, on paths."""
    file = _compiled(tmp_path)
    done = penstock(("run", "--spec", str(file), "--workdir", "work", "--json"), tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert [(step["name"], step["state"]) for step in summary["steps"]] == [("CsvExampleGen", "done")]
    examples = summary["artifacts"]["CsvExampleGen"]["examples"]
    assert examples["uri"].startswith(f"gs://bucket/root/{summary['run_id']}/CsvExampleGen_1/")
    assert "total_bytes:" in examples["metadata"]["input_fingerprint"]
    splits = sorted(path.name for path in Path(examples["path"]).iterdir())
    assert splits == ["Split-eval", "Split-train"]


def _compiled(folder: Path) -> Path:
    """ExampleGen on a small table, as TFX compiles it for Vertex AI."""
    from tfx import v1 as tfx

    (folder / "data").mkdir()
    rows = "".join(f"{number},{number % 7 / 2}\n" for number in range(ROWS))
    (folder / "data" / "rows.csv").write_text(f"id,x\n{rows}", encoding="utf-8")
    examples = tfx.components.CsvExampleGen(input_base=str(folder / "data"))
    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(use_pipeline_spec_2_1=True),
        output_dir=str(folder),
        output_filename="stock.json",
    )
    beam = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--sdk_container_image=none"]
    runner.run(
        tfx.dsl.Pipeline("stock", "gs://bucket/root", components=[examples], enable_cache=True, beam_pipeline_args=beam)
    )
    return folder / "stock.json"
