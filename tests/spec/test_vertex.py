from __future__ import annotations

import json
from pathlib import Path

from pipeline.steps import State
from tests.spec.drafts import TAKEN, THING, Draft
from tests.spec.running import Ran

MODEL = {"instanceSchema": "title: tfx.Model\ntype: object\n"}
BLESSING = {"instanceSchema": "title: tfx.ModelBlessing\ntype: object\n"}
DRIVER = """
found=$(cat $0)
params='"parameterValues": {"fingerprint": "%s"}'
artifacts='"artifacts": {"thing": {"artifacts": [{"metadata": {"f": "%s"}}]}}'
printf "{$params, $artifacts}" $found $found > "{{$.outputs.output_file}}"
"""
BLESS = """
metadata='{"blessed": 1, "current_model_id": "%s"}'
printf "{\\"artifacts\\": {\\"blessing\\": {\\"artifacts\\": [{\\"metadata\\": $metadata}]}}}" \
  {{$.inputs.artifacts['thing'].name}} > "{{$.outputs.output_file}}"
printf %s "$0"
"""
BLESSED = 'schema_title="tfx.ModelBlessing" AND state=LIVE AND metadata.blessed.number_value=1'
NAME = "{{$.inputs.artifacts['input'].metadata['current_model_id']}}"
ITS_MODEL = f'schema_title="tfx.Model" AND state=LIVE AND name="{NAME}"'
MESSAGE = {"args": ["{{$}}"]}


def with_driver(data: Path) -> Draft:
    """A step with a driver that looks at a file before the cache is asked."""
    lifecycle = {"preCacheCheck": {"command": ["sh", "-ec", DRIVER], "args": [str(data)]}}
    draft = Draft().step(
        "make",
        f'cat "{{{{$.outputs.output_file}}}}" > {THING}; echo "$0"',
        makes={"thing": MODEL},
        container={"lifecycle": lifecycle, **MESSAGE},
        cachingOptions={"enableCache": True},
    )
    take = {"takes": {"thing": "make.thing"}, "cachingOptions": {"enableCache": True}}
    return draft.step("take", f"cat {TAKEN}", **take)  # type: ignore[arg-type]


def test_a_driver_runs_before_the_cache_is_asked(tmp_path: Path) -> None:
    """What preCacheCheck finds is read by the executor, laid over its outputs' metadata, and is in the cache key."""
    data = tmp_path / "data"
    data.write_text("one", encoding="utf-8")
    file = with_driver(data).write_job(tmp_path)
    first, second = Ran(file, tmp_path), Ran(file, tmp_path)
    assert first.error is None
    assert json.loads(first.log("take"))["parameterValues"] == {"fingerprint": "one"}
    assert first.summary.artifacts["make"]["thing"]["metadata"] == {"display_name": "thing", "f": "one"}
    assert set(second.states.values()) == {State.CACHED}
    data.write_text("two", encoding="utf-8")
    assert set(Ran(file, tmp_path).states.values()) == {State.DONE}


def test_the_message_is_vertexs(tmp_path: Path) -> None:
    """Input artifacts have their types and names; a stock entry point is told the paths of gs:// addresses."""
    draft = Draft().step("make", f"touch {THING}", makes={"thing": MODEL})
    draft.step("tell", 'printf %s "$0"', takes={"thing": "make.thing"}, container=MESSAGE)
    ran = Ran(draft.write_job(tmp_path), tmp_path)
    thing = json.loads(ran.log("tell"))["inputs"]["artifacts"]["thing"]["artifacts"][0]
    made = ran.summary.artifacts["make"]["thing"]
    assert (thing["name"], thing["type"]) == ("1", MODEL)
    assert made["uri"] == f"gs://bucket/root/{ran.summary.run_id}/make_1/thing"
    assert thing["uri"] == made["path"]
    assert Path(made["path"]).relative_to(ran.place.path / "objects" / "gcs" / "bucket" / "root").name == "thing"


def test_our_own_entry_point_is_told_gs_addresses(tmp_path: Path) -> None:
    """`pipeline.container` gets gs:// addresses, and where they are mounted; paths at /gcs are in that folder."""
    shell = 'printf "%s\\n" "$1"; echo "$2"; ls "$PENSTOCK_ARTIFACT_MOUNT"'
    words = {"command": ["sh", "-ec", shell, "pipeline.container", "{{$}}", "/gcs/bucket/x"]}
    draft = Draft().step("tell", "", makes={"thing": MODEL}, container=words)
    ran = Ran(draft.write_job(tmp_path), tmp_path)
    message, path, mounted = ran.log("tell").splitlines()
    outputs = json.loads(message)["outputs"]
    assert outputs["artifacts"]["thing"]["artifacts"][0]["uri"].startswith("gs://bucket/root/")
    assert outputs["outputFile"].startswith("gs://bucket/root/")
    assert path == str(ran.place.path / "objects" / "gcs" / "bucket" / "x")
    assert mounted == "gcs"


def test_resolvers_find_the_latest_blessed_model(tmp_path: Path) -> None:
    """Both resolvers of LatestBlessedModel find nothing at first; a later run is given the model that was blessed."""
    queries = {"blessing-resolver": ("blessing", BLESSING, BLESSED), "model-resolver": ("model", MODEL, ITS_MODEL)}
    draft = Draft()
    for name, (key, kind, query) in queries.items():
        draft.executors[name] = {"resolver": {"outputArtifactQueries": {key: {"filter": query}}}}
        takes = {"input": "blessing-resolver.blessing"} if key == "model" else {}
        made = {"artifacts": {key: {"artifactType": kind}}}
        draft.task(name, executorLabel=name, takes=takes, outputs=made)
    draft.step("train", f"touch {THING}", makes={"thing": MODEL})
    takes = {"thing": "train.thing", "baseline": "model-resolver.model"}
    draft.step("evaluate", BLESS, makes={"blessing": BLESSING}, takes=takes, container=MESSAGE)
    file = draft.write_job(tmp_path)
    first, second = Ran(file, tmp_path), Ran(file, tmp_path)
    assert first.error is None
    assert first.note("evaluate") == "blessed"
    given = [json.loads(ran.log("evaluate"))["inputs"]["artifacts"]["baseline"] for ran in (first, second)]
    assert given[0] == {"artifacts": []}
    assert given[1]["artifacts"][0]["name"] == first.summary.artifacts["train"]["thing"]["name"]
    assert second.summary.artifacts["model-resolver"]["model"] == first.summary.artifacts["train"]["thing"]


def test_parameters_in_a_bucket_are_read(tmp_path: Path) -> None:
    """Output parameters' files lie in the bucket, too; an exit handler reads Vertex AI's word for success."""
    draft = Draft().step("main", "printf 3 > {{$.outputs.parameters['x'].output_file}}", gives={"x": "NUMBER_INTEGER"})
    status = {"taskFinalStatus": {"producerTask": "main"}}
    shell = "echo {{$.inputs.parameters['x']}} '{{$.inputs.parameters['status']}}'"
    last = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    draft.step("bye", shell, reads={"x": "main.x", "status": status}, triggerPolicy=last)
    ran = Ran(draft.write_job(tmp_path), tmp_path)
    number, _, status_text = ran.log("bye").partition(" ")
    assert (number, json.loads(status_text)["state"]) == ("3", "SUCCEEDED")
