from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.lock import hold
from pipeline.steps import State
from schema.errors import GateRefusal, ModelNotBlessed, PenstockError, PipelineBusy, StepFailed, UsageError
from tests.spec.drafts import TAKEN, THING, Draft, chain
from tests.spec.running import Ran

CACHE: dict[str, Any] = {"cachingOptions": {"enableCache": True}}
LAST = {"triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}}
FINAL = {"taskFinalStatus": {"producerTask": "main"}}
PUSHED_MODEL = {"instanceSchema": "title: tfx.PushedModel\ntype: object\n"}
GIVE = "> {{$.outputs.parameters['x'].output_file}}"


def output(key: str, metadata: dict[str, object]) -> str:
    """Shell that writes an ExecutorOutput with the metadata of an artifact."""
    said = json.dumps({"artifacts": {key: {"artifacts": [{"metadata": metadata}]}}})
    return f"printf %s '{said}' > {{{{$.outputs.output_file}}}}"


def test_artifacts_and_parameters_go_from_step_to_step(tmp_path: Path) -> None:
    """A step reads the artifact and the number that another made, and a parameter given on the command line."""
    ran = Ran(chain().write(tmp_path), tmp_path, "who=world")
    assert ran.error is None
    assert ran.states == {"make": State.DONE, "read": State.DONE}
    assert ran.log("read") == "hello world\n"
    made = ran.summary.artifacts["make"]["thing"]
    assert made["uri"] == f"minio://mlpipeline/v2/artifacts/demo/{ran.summary.run_id}/make/1/thing"
    assert (ran.path("make", "thing") / "file").read_text(encoding="utf-8") == "hello world\n"
    assert not (ran.place.path / "pods").exists()


def test_a_second_run_is_cached_and_gives_the_very_same_artifacts(tmp_path: Path) -> None:
    """Run again, every step is cached, with the same artifacts; with another parameter, what depends on it runs."""
    file = chain().write(tmp_path)
    first, second, other = Ran(file, tmp_path), Ran(file, tmp_path), Ran(file, tmp_path, "who=them")
    assert set(second.states.values()) == {State.CACHED}
    assert second.summary.artifacts == first.summary.artifacts
    assert set(other.states.values()) == {State.DONE}
    assert set(Ran(file, tmp_path, cache=False).states.values()) == {State.DONE}


@pytest.mark.parametrize(
    "change", [{"image": "other"}, {"args": ["{{$.inputs.parameters['who']}}", "more"]}, {"env": [{"name": "A"}]}]
)
def test_another_container_is_not_cached(tmp_path: Path, change: dict[str, object]) -> None:
    """The cache key holds the image, the command with its arguments, and the environment, as Kubeflow's does."""
    Ran(chain().write(tmp_path), tmp_path)
    draft = chain()
    draft.executors["make"]["container"] |= change
    assert Ran(draft.write(tmp_path), tmp_path).states["make"] is State.DONE


def test_what_a_driver_finds_decides_whether_its_step_is_cached(tmp_path: Path) -> None:
    """A task that looks at the data runs each time; what reads its finding runs again where that changed, else not."""
    data = tmp_path / "data"
    draft = Draft().step("make-driver", f"cat {data} {GIVE}", gives={"x": "STRING"})
    draft.step("make", f"cp {data} {THING}", makes=["thing"], reads={"driver_output": "make-driver.x"}, **CACHE)
    draft.step("read", f"cat {TAKEN}", takes={"thing": "make.thing"}, **CACHE)
    file = draft.write(tmp_path)
    states = []
    for content in ("one", "one", "two"):
        data.write_text(content, encoding="utf-8")
        states.append(list(Ran(file, tmp_path).states.values()))
    done, cached = State.DONE, State.CACHED
    assert states == [[done, done, done], [done, cached, cached], [done, done, done]]


def test_what_was_cached_and_is_gone_is_made_again(tmp_path: Path) -> None:
    """A step is not cached where its artifact's files were removed."""
    file = chain().write(tmp_path)
    thing = Ran(file, tmp_path).path("make", "thing")
    (thing / "file").unlink()
    thing.rmdir()
    assert Ran(file, tmp_path).states["make"] is State.DONE


def test_a_pod_sees_its_own_downloads_only_and_may_edit_them(tmp_path: Path) -> None:
    """A step that spoils its input spoils its own copy; the next one reads what was made, and finds nothing else."""
    draft = Draft().step("make", f"echo good > {THING}", makes=["thing"])
    draft.step("make2", f"echo other > {THING}", makes=["thing"])
    draft.step("spoil", f"echo bad > {TAKEN}", takes={"thing": "make.thing"}, dependentTasks=["make2"])
    seen = "cd $PENSTOCK_ARTIFACT_MOUNT; find minio -type f | grep -v executor-logs | wc -l"
    draft.step("read", f"cat {TAKEN}; {seen}", takes={"thing": "make.thing"}, dependentTasks=["spoil"])
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert ran.error is None
    assert ran.log("read").split() == ["good", "1"]


def test_a_steps_paths_are_the_same_in_each_run(tmp_path: Path) -> None:
    """As in a pod, an artifact that is made once is found at the same path in a later run."""
    draft = Draft().step("make", f"touch {THING}", makes=["thing"], **CACHE)
    file = draft.step("tell", f"echo {TAKEN}", takes={"thing": "make.thing"}).write(tmp_path)
    first, second = (Ran(file, tmp_path).log("tell") for _ in range(2))
    assert first == second


def test_the_message_is_kubeflows(tmp_path: Path) -> None:
    """`{{$}}` is an ExecutorInput: typed outputs, executor-logs among them, input artifacts without a type."""
    draft = Draft().step("make", f"touch {THING}", makes=["thing"])
    draft.step("tell", 'printf %s "$0"', takes={"thing": "make.thing"}, reads={"n": [3]}, container={"args": ["{{$}}"]})
    ran = Ran(draft.write(tmp_path), tmp_path)
    message = json.loads(ran.log("tell"))
    thing = message["inputs"]["artifacts"]["thing"]["artifacts"][0]
    assert message["inputs"]["parameterValues"] == {"n": 3}
    assert (thing["name"], thing["type"], thing["metadata"]) == ("1", {"instanceSchema": ""}, {"display_name": "thing"})
    assert message["outputs"]["artifacts"]["executor-logs"]["artifacts"][0]["type"] == {
        "schemaTitle": "system.Artifact"
    }
    assert ran.path("tell", "executor-logs").read_text(encoding="utf-8") == ran.log("tell")


def test_logs_are_no_artifact_where_the_container_says_so(tmp_path: Path) -> None:
    """With PUBLISH_LOGS "false" in its environment a step has no executor-logs."""
    ran = Ran(Draft().step("make", "true", env={"PUBLISH_LOGS": "false"}).write(tmp_path), tmp_path)
    assert ran.error is None
    assert ran.summary.artifacts == {}


def test_steps_without_an_edge_run_together(tmp_path: Path) -> None:
    """Two steps each wait for a file of the other's, and both go through."""
    wait = "touch {0}/{1}; for i in $(seq 300); do test -e {0}/{2} && exit 0; sleep 0.1; done; exit 1"
    draft = Draft().step("a", wait.format(tmp_path, "a", "b")).step("b", wait.format(tmp_path, "b", "a"))
    assert Ran(draft.write(tmp_path), tmp_path).error is None


def test_a_failure_tells_the_step_its_last_lines_and_its_log(tmp_path: Path) -> None:
    """The error of a step that fails names it, its exit code, what it last wrote and its log; its pod is kept."""
    draft = Draft().step("make", "seq 40; echo no disk >&2; exit 5").step("after", "true", dependentTasks=["make"])
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert isinstance(ran.error, StepFailed)
    log = ran.place.logs / ran.summary.run_id / "make.log"
    assert str(ran.error).startswith("make ended with exit code 5. The last lines of its log:\n  30\n")
    assert str(ran.error).endswith(f"  40\n  no disk\nThe log is {log}")
    assert ran.states == {"make": State.FAILED, "after": State.WAITING}
    assert [pod.name for pod in (ran.place.path / "pods").iterdir()] == ["make"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["no-such-program"], "make cannot start 'no-such-program' here, as its container would: "),
        ([], "make has no command: it would run its image's ENTRYPOINT"),
        (["sh", "-c", "kill -KILL $$"], "make was killed, which is what the kernel does when memory runs out."),
        (["sh", "-c", "kill -TERM $$"], "make was ended by signal 15. It wrote nothing. The log is "),
        (["sh", "-c", "{{$.inputs.parameters['x']}}"], "make: {{$.inputs.parameters['x']}}: the step has no such"),
    ],
)
def test_a_process_that_cannot_be_or_was_killed_is_told(tmp_path: Path, command: list[str], told: str) -> None:
    """A program that is not here, no program at all, a kill, and an unknown placeholder each have their sentence."""
    draft = Draft().step("make", "", container={"command": command})
    assert str(Ran(draft.write(tmp_path), tmp_path).error).startswith(told)


def test_exit_code_3_is_a_gate(tmp_path: Path) -> None:
    """A step that ends with 3 ends the run with a gate's error, whose exit code is 3."""
    error = Ran(Draft().step("gate", "echo anomalies; exit 3").write(tmp_path), tmp_path).error
    assert isinstance(error, GateRefusal)
    assert error.exit_code == 3
    assert "gate said no (exit code 3). The last lines of its log:\n  anomalies\n" in str(error)


def test_what_our_entry_point_says_at_its_end_is_the_error(tmp_path: Path) -> None:
    """Where a step's last words are a paragraph of Penstock's, they are the error, as in a local run."""
    shell = "echo 'penstock: early'; echo chatter; printf 'penstock: fare: 3 rows\\ntips: 7 rows\\n'; exit 3"
    ran = Ran(Draft().step("gate", shell).write(tmp_path), tmp_path)
    assert isinstance(ran.error, GateRefusal)
    log = ran.place.logs / ran.summary.run_id / "gate.log"
    assert str(ran.error) == f"gate: fare: 3 rows\ntips: 7 rows\nThe log is {log}"
    assert ran.note("gate") == "gate: fare: 3 rows"


def test_a_step_is_tried_as_often_as_its_policy_says(tmp_path: Path) -> None:
    """A step that fails twice is done at the third attempt; with fewer retries it fails."""
    shell = f"echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) = 3"
    retry = {"maxRetryCount": 2, "backoffDuration": "0.01s", "backoffFactor": 1}
    ran = Ran(Draft().step("make", shell, retryPolicy=retry).write(tmp_path), tmp_path)
    assert ran.error is None
    assert ("make", "attempt 2 of 3 failed") in ran.watcher.notes
    assert ("make", "attempt 3 of 3") in ran.watcher.notes
    (tmp_path / "tries").unlink()
    retry["maxRetryCount"] = 1
    assert isinstance(Ran(Draft().step("make", shell, retryPolicy=retry).write(tmp_path), tmp_path).error, StepFailed)


def test_a_step_ends_at_its_time_out_and_all_that_it_started(tmp_path: Path) -> None:
    """After activeDeadlineSeconds a step is ended, and so is what it started."""
    draft = Draft().step("make", f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    draft.platform["make"] = {"activeDeadlineSeconds": "1"}
    error = Ran(draft.write(tmp_path), tmp_path).error
    assert "make did not end within 1 s" in str(error)
    assert not _is_running(int((tmp_path / "pid").read_text(encoding="utf-8")))


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("count", [1, 9])
def test_a_condition_decides_whether_a_step_runs(tmp_path: Path, count: int) -> None:
    """A step whose condition does not hold is skipped, and so is one that takes what it would have made."""
    draft = Draft().step("count", f"echo {count} {GIVE}", gives={"x": "NUMBER_INTEGER"})
    condition = {"triggerPolicy": {"condition": "int(inputs.parameter_values['x']) > 5 && true"}}
    draft.step("big", f"touch {THING}", makes=["thing"], reads={"x": "count.x"}, **condition)
    draft.step("takes", f"cat {TAKEN}", takes={"thing": "big.thing"})
    draft.step("after", "true", dependentTasks=["big"])
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert ran.error is None
    wanted = State.DONE if count > 5 else State.SKIPPED
    assert ran.states == {"count": State.DONE, "big": wanted, "takes": wanted, "after": State.DONE}
    assert count > 5 or ran.note("takes") == "big was skipped"


def test_a_condition_reads_the_metadata_of_an_artifact(tmp_path: Path) -> None:
    """TFX's conditions on a custom property of an input artifact hold or not by what its maker said."""
    draft = Draft().step("make", output("thing", {"score": 0.75}), makes=["thing"])
    score = "(inputs.artifacts['_make.thing'].artifacts[0].metadata['score'] > {})"
    for name, bar in (("low", 0.5), ("high", 0.9)):
        policy = {"triggerPolicy": {"condition": score.format(bar)}}
        draft.step(name, "true", takes={"_make.thing": "make.thing"}, **policy)
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert (ran.states["low"], ran.states["high"]) == (State.DONE, State.SKIPPED)


def test_a_condition_on_what_is_not_there_fails_with_a_sentence(tmp_path: Path) -> None:
    """A condition on a key that its artifact lacks fails the step, and names the key."""
    draft = Draft().step("make", f"touch {THING}", makes=["thing"])
    policy = {"triggerPolicy": {"condition": "inputs.artifacts['thing'].artifacts[0].metadata['score'] > 1.0"}}
    draft.step("take", "true", takes={"thing": "make.thing"}, **policy)
    assert "there is no 'score' among display_name" in str(Ran(draft.write(tmp_path), tmp_path).error)


@pytest.mark.parametrize(("shell", "state"), [("true", "COMPLETE"), ("exit 4", "FAILED")])
def test_an_exit_handler_runs_whatever_happens_and_is_told(tmp_path: Path, shell: str, state: str) -> None:
    """An exit handler behind a sub-DAG runs after its success or failure, and reads which it was; the error stays."""
    inner = Draft().step("first", shell).step("second", "true", dependentTasks=["first"])
    draft = Draft().task("main", dag=inner)
    shell = "printf %s '{{$.inputs.parameters['status']}}'"
    draft.step("bye", shell, reads={"status": FINAL}, dependentTasks=["main"], **LAST)
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert (ran.error is None) is (state == "COMPLETE")
    assert ran.states["bye"] is State.DONE
    assert json.loads(ran.log("bye"))["state"] == state


def test_inputs_and_outputs_pass_through_a_sub_dag(tmp_path: Path) -> None:
    """A parameter goes into a sub-DAG, and what its step made comes out of it."""
    inner = Draft().step("echo", f"printf %s $0 {GIVE}", gives={"x": "STRING"}, reads={"who": "$name"})
    inner.executors["echo"]["container"]["args"] = ["{{$.inputs.parameters['who']}}"]
    out = {
        "declared": {"parameterType": "STRING"},
        "from": {"valueFromParameter": {"producerSubtask": "echo", "outputParameterKey": "x"}},
    }
    draft = Draft().parameter("who", "STRING", defaultValue="ann")
    draft.task("inner", dag=inner, reads={"name": "$who"}, outputs={"parameters": {"x": out}})
    draft.step("tell", "echo got {{$.inputs.parameters['x']}}", reads={"x": "inner.x"})
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert ran.error is None
    assert ran.log("tell") == "got ann\n"


def test_of_two_branches_the_one_that_ran_gives_its_output(tmp_path: Path) -> None:
    """dsl.OneOf: of two steps under opposite conditions, the reader gets what the one that ran gave."""
    inner = Draft()
    for name, sign in (("yes", "=="), ("no", "!=")):
        policy = {"triggerPolicy": {"condition": f"inputs.parameter_values['flag'] {sign} 'yes'"}}
        inner.step(name, f"printf {name} {GIVE}", gives={"x": "STRING"}, reads={"flag": "$flag"}, **policy)
    choices = [{"producerSubtask": name, "outputParameterKey": "x"} for name in ("yes", "no")]
    out = {"declared": {"parameterType": "STRING"}, "from": {"valueFromOneof": {"parameterSelectors": choices}}}
    draft = Draft().parameter("flag", "STRING")
    draft.task("branch", dag=inner, reads={"flag": "$flag"}, outputs={"parameters": {"x": out}})
    draft.step("tell", "echo got {{$.inputs.parameters['x']}}", reads={"x": "branch.x"})
    ran = Ran(draft.write(tmp_path), tmp_path, "flag=maybe")
    assert ran.log("tell") == "got no\n"
    assert ran.states["yes"] is State.SKIPPED


def test_an_importer_gives_what_is_at_its_address(tmp_path: Path) -> None:
    """An importer's address comes from a parameter; imported again, it is the same artifact."""
    draft = Draft().parameter("uri", "STRING")
    draft.executors["import"] = {
        "importer": {
            "artifactUri": {"runtimeParameter": "uri"},
            "typeSchema": {"schemaTitle": "system.Dataset"},
            "metadata": {"of": "{{$.inputs.parameters['uri']}}"},
        }
    }
    made = {"artifacts": {"thing": {"artifactType": {"schemaTitle": "system.Dataset"}}}}
    draft.task("import", executorLabel="import", reads={"uri": "$uri"}, outputs=made)
    draft.step("read", "cat {{$.inputs.artifacts['thing'].uri}}", takes={"thing": "import.thing"})
    (tmp_path / "data").write_text("rows", encoding="utf-8")
    file = draft.write(tmp_path)
    first, second = (Ran(file, tmp_path, f"uri={tmp_path / 'data'}") for _ in range(2))
    assert first.log("read") == "rows"
    imported = first.summary.artifacts["import"]["thing"]
    assert imported["metadata"] == {"of": str(tmp_path / "data")}
    assert second.summary.artifacts["import"]["thing"] == imported


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("NUMBER_INTEGER", " 7\n", 7),
        ("NUMBER_DOUBLE", "0.5", 0.5),
        ("BOOLEAN", "True", True),
        ("STRING", "a\n", "a\n"),
        ("LIST", "[1, 2]", [1, 2]),
        ("STRUCT", '{"a": 1}', {"a": 1}),
    ],
)
def test_an_output_parameter_has_its_type(tmp_path: Path, kind: str, text: str, value: object) -> None:
    """The text that a step writes becomes a value of the declared type, which the next step gets as JSON."""
    (tmp_path / "text").write_text(text, encoding="utf-8")
    draft = Draft().step("make", f"cat {tmp_path}/text {GIVE}", gives={"x": kind})
    draft.step("tell", 'printf %s "$0"', reads={"x": "make.x"}, types={"x": kind}, container={"args": ["{{$}}"]})
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert json.loads(ran.log("tell"))["inputs"]["parameterValues"] == {"x": value}


@pytest.mark.parametrize(
    ("shell", "told"),
    [
        (f"echo seven {GIVE}", "make wrote 'seven\\n' as its output parameter 'x', which is to be a NUMBER_INTEGER"),
        ("true", "make did not write its output parameter 'x'"),
        ("echo {{{{ > {{$.outputs.output_file}}", "the step wrote no ExecutorOutput"),
    ],
)
def test_a_wrong_output_fails_the_step(tmp_path: Path, shell: str, told: str) -> None:
    """An output parameter that lacks or is of another type fails its step, as does a file that is no message."""
    ran = Ran(Draft().step("make", shell, gives={"x": "NUMBER_INTEGER"}).write(tmp_path), tmp_path)
    assert told in str(ran.error)


def test_a_step_has_its_own_environment_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's environment holds what its spec says and its secrets, not what happens to be set here."""
    monkeypatch.setenv("STRAY", "1")
    monkeypatch.setenv("TOKEN", "secret")
    draft = Draft().step("tell", 'echo "${STRAY-none} $TOKEN $LEVEL $POD"', env={"LEVEL": "debug"})
    draft.platform["tell"] = {
        "secretAsEnv": [{"secretName": "s", "keyToEnv": [{"secretKey": "k", "envVar": "TOKEN"}]}],
        "configMapAsEnv": [{"configMapName": "c", "keyToEnv": [{"configMapKey": "k", "envVar": "NOT_SET"}]}],
        "fieldPathAsEnv": [{"name": "POD", "fieldPath": "metadata.name"}],
    }
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert ran.log("tell") == "none secret debug demo-tell\n"
    assert ran.watcher.announced == ["secrets are this shell's variables here, and it lacks NOT_SET"]


def test_a_volume_is_a_folder_that_lasts(tmp_path: Path) -> None:
    """A path on a claim's mount, in a parameter or the command, is a folder of the workdir, the same in each run."""
    draft = Draft().step("keep", "echo x >> $0/log; wc -l < /data/sub/log", reads={"to": ["/data/sub"]})
    draft.executors["keep"]["container"] |= {
        "command": ["sh", "-ec", 'echo x >> "$0"/log; wc -l < "$0"/log; echo "$1" "$2"'],
        "args": ["{{$.inputs.parameters['to']}}", "--dir=/data/x", "/database"],
    }
    draft.platform["keep"] = {"pvcMount": [{"constant": "claim", "mountPath": "/data"}]}
    (tmp_path / "volumes" / "claim" / "sub").mkdir(parents=True)
    first, second = (Ran(draft.write(tmp_path), tmp_path) for _ in range(2))
    claim = tmp_path / "volumes" / "claim"
    assert first.log("keep").split() == ["1", f"--dir={claim}/x", "/database"]
    assert second.log("keep").split()[0] == "2"
    assert first.watcher.announced == [f"/data of the containers is {claim} here"]


@pytest.mark.parametrize("pushed", [1, 0])
def test_whether_a_model_was_pushed_decides_the_end(tmp_path: Path, pushed: int) -> None:
    """Where a pipeline has a Pusher, a run that pushed nothing ends as a gate's refusal; else it tells where to."""
    told = {"pushed": pushed, "pushed_version": "12", "pushed_destination": "/models/demo/12"}
    draft = Draft().step("Pusher", output("pushed_model", told), makes={"pushed_model": PUSHED_MODEL})
    ran = Ran(draft.write(tmp_path), tmp_path)
    assert ran.summary.pushed is bool(pushed)
    if pushed:
        assert ran.error is None
        assert (ran.summary.version, ran.summary.pushed_to) == ("12", "/models/demo/12")
        assert ran.note("Pusher") == "pushed as version 12"
    else:
        assert isinstance(ran.error, ModelNotBlessed)


def test_a_parameter_may_be_made_of_another(tmp_path: Path) -> None:
    """An f-string of kfp's: a constant that names another parameter of the same task."""
    draft = Draft().parameter("who", "STRING", defaultValue="ann")
    text = "hello {{$.inputs.parameters['pipelinechannel--who']}}"
    reads = {"pipelinechannel--who": "$who", "text": [text]}
    draft.step("tell", "echo {{$.inputs.parameters['text']}}", reads=reads)
    assert Ran(draft.write(tmp_path), tmp_path).log("tell") == "hello ann\n"


def test_an_optional_input_may_be_left_out(tmp_path: Path) -> None:
    """A component's default stands in for an input that is not given; kfp's IfPresent leaves its word out."""
    draft = Draft().parameter("who", "STRING", isOptional=True)
    if_present = '{"IfPresent": {"InputName": "who", "Then": ["--who", "x"], "Else": ["--nobody"]}}'
    shell = {"command": ["sh", "-c", 'echo "$@"', "sh", if_present]}
    draft.step("tell", "", reads={"who": "$who"}, optional=["who"], container=shell)
    file = draft.write(tmp_path)
    assert Ran(file, tmp_path).log("tell") == "--nobody\n"
    assert Ran(file, tmp_path, "who=ann").log("tell") == "--who x\n"


def test_an_unwritable_workdir_is_told(tmp_path: Path) -> None:
    """A workdir that is a file is told as an error, without a traceback."""
    (tmp_path / "demo").write_text("", encoding="utf-8")
    with pytest.raises(PenstockError, match="Make it writable, or run elsewhere with --workdir"):
        Ran(chain().write(tmp_path), tmp_path)


def test_a_spoilt_store_is_told(tmp_path: Path) -> None:
    """Where the file of what ran is no database, the error names it and says what to do."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "spec-kubeflow.db").write_text("spoilt" * 1000, encoding="utf-8")
    with pytest.raises(PenstockError, match=r"spec-kubeflow\.db: file is not a database.* move it away"):
        Ran(chain().write(tmp_path), tmp_path)


def test_an_artifact_cannot_leave_its_store(tmp_path: Path) -> None:
    """A step that says that its artifact is outside of the object store fails."""
    said = json.dumps({"artifacts": {"thing": {"artifacts": [{"uri": "minio://b/../../x"}]}}})
    draft = Draft().step("make", f"printf %s '{said}' > {{{{$.outputs.output_file}}}}", makes=["thing"])
    assert "make: minio://b/../../x: an address in an object store" in str(Ran(draft.write(tmp_path), tmp_path).error)


def test_two_runs_of_a_pipeline_do_not_meet(tmp_path: Path) -> None:
    """While a pipeline runs here, another run of it is refused."""
    file = chain().write(tmp_path)
    with hold(tmp_path / "demo" / "run.lock"), pytest.raises(PipelineBusy):
        Ran(file, tmp_path)


def test_nothing_starts_where_a_parameter_is_wrong(tmp_path: Path) -> None:
    """A parameter that the pipeline does not have is refused before anything is written."""
    with pytest.raises(UsageError, match=r"'whom' is no parameter of this pipeline. Did you mean 'who'\?"):
        Ran(chain().write(tmp_path), tmp_path / "work", "whom=x")
    assert not (tmp_path / "work").exists()
