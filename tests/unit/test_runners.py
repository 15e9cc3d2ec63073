from __future__ import annotations

import os
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline import job_server
from pipeline.loading import load
from pipeline.runner_settings import Flink, Spark
from pipeline.runners import RUNNERS, beam_args, check_here
from schema.errors import UsageError
from tests.unit.samples import REPOSITORY, TAXI, config, minimal, write

DATAFLOW = {"project": "a-project", "region": "europe-west4", "temp_location": "gs://bucket/temp"}
COMPLETE: dict[str, dict[str, Any]] = {"dataflow": {"image": "an/image:1", "runner": {"dataflow": DATAFLOW}}}


def args_of(name: str, image: str | None = None, **settings: Any) -> list[str]:
    """Beam's options for a runner with some settings of its own."""
    return beam_args(config(image=image, runner={"name": name, name: settings} if settings else {"name": name}))


def refusal_of(name: str, **settings: Any) -> str:
    """What a machine is told that cannot use a runner."""
    with pytest.raises(UsageError) as caught:
        check_here(config(runner={"name": name, name: settings}))
    return str(caught.value)


def java_in(folder: Path) -> str:
    """Returns the path of a program that stands for Java."""
    program = folder / "java"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return str(program)


def test_beam_runs_in_the_process_of_its_step_by_default() -> None:
    """Without a setting Beam is its own runner in one process, and fetches nothing."""
    args = beam_args(config())
    assert "--runner=DirectRunner" in args
    assert "--direct_running_mode=in_memory" in args


@pytest.mark.parametrize("name", RUNNERS)
def test_more_options_for_beam_come_last(name: str) -> None:
    """Options of the configuration follow those of the runner, so that Beam takes them where both give one."""
    complete = COMPLETE.get(name, {})
    runner = complete.get("runner", {}) | {"name": name}
    args = beam_args(config(**complete | {"runner": runner | {"beam_args": ["--job_name=taxi", "--parallelism=9"]}}))
    assert args[-2:] == ["--job_name=taxi", "--parallelism=9"]
    assert args[:-2] == beam_args(config(**complete | {"runner": runner}))


@pytest.mark.parametrize(("name", "words"), [("locall", "Did you mean 'local'?"), ("kafka", "Legal here: ")])
def test_an_unknown_runner_names_the_nearest(name: str, words: str) -> None:
    """A runner that is none is told with its key and the nearest one, or all of them."""
    with pytest.raises(UsageError) as caught:
        beam_args(config(runner={"name": name}))
    assert str(caught.value).startswith(f"'runner.name' is {name!r}. {words}")


@pytest.mark.parametrize("name", sorted(set(RUNNERS) - {"local"}))
def test_every_runner_has_an_overlay_that_is_right(name: str) -> None:
    """Laid over a pipeline, configs/NAME.yaml makes options of Beam's, each with its two dashes, for its runner."""
    loaded = load([TAXI, REPOSITORY / "configs" / f"{name}.yaml"])
    assert loaded.runner.name == name
    args = beam_args(loaded)
    assert args[0] == f"--runner={name.capitalize()}Runner"
    assert all(option.startswith("--") for option in args)


@pytest.mark.parametrize("name", RUNNERS)
def test_no_runner_has_tfx_packed_for_its_workers(name: str) -> None:
    """An image, or the word that there is none, keeps TFX from building a package of itself in every step."""
    args = beam_args(
        config(**COMPLETE.get(name, {}) | {"runner": {"name": name, name: DATAFLOW}})
        if name == "dataflow"
        else config(image="an/image:1", runner={"name": name})
    )
    assert sum(option.startswith("--sdk_container_image=") for option in args) == 1


def test_flink_is_embedded_by_default() -> None:
    """The job server that `make flink` puts there has a cluster of its own, and the workers are the step's process."""
    args = args_of("flink", parallelism=3, version="1.20")
    assert {"--flink_master=[local]", "--environment_type=LOOPBACK", "--parallelism=3"} < set(args)
    (jar,) = [option.partition("=")[2] for option in args if option.startswith("--flink_job_server_jar=")]
    assert Path(jar) == Path.home() / ".cache" / "penstock" / "flink-1.20-job-server.jar"


def test_a_job_server_that_runs_keeps_its_own_cluster() -> None:
    """With an endpoint no jar is named, and the master is left to the job server unless it is given."""
    args = args_of("flink", job_endpoint="localhost:8099")
    assert {"--job_endpoint=localhost:8099", "--flink_master=[auto]"} < set(args)
    assert not any("jar" in option or "java" in option for option in args)
    assert not any("spark_master" in option for option in args_of("spark", job_endpoint="localhost:8099"))


def test_a_cluster_is_given_as_its_runner_names_it() -> None:
    """Flink's and Spark's masters reach Beam, and the image or the environment's own words say where workers are."""
    flink = args_of("flink", "an/image:1", master="flink:8081", environment="DOCKER")
    assert {"--flink_master=flink:8081", "--environment_type=DOCKER", "--environment_config=an/image:1"} < set(flink)
    command = '{"command": "/opt/apache/beam/boot"}'
    spark = args_of("spark", master="spark://spark:7077", environment="PROCESS", environment_config=command)
    assert {"--spark_master_url=spark://spark:7077", f"--environment_config={command}"} < set(spark)


def test_workers_in_docker_need_an_image() -> None:
    """Without the configuration's image and one of the section's own there is nothing to run."""
    with pytest.raises(UsageError, match="DOCKER also needs 'image'"):
        args_of("flink", environment="DOCKER")


@pytest.mark.parametrize(
    ("section", "settings", "said"),
    [
        (Flink, {"master": "flink:8081"}, "workers at flink:8081 cannot reach into a step's process"),
        (Flink, {"job_endpoint": "flink:8099"}, "workers at flink:8099 cannot reach into a step's process"),
        (Spark, {"master": "spark://spark:7077"}, "legal there are DOCKER, PROCESS and EXTERNAL"),
        (Flink, {"environment": "EXTERNAL"}, "also needs environment_config, such as localhost:50000"),
        (Spark, {"environment": "PROCESS"}, 'also needs environment_config, such as {"command"'),
        (Flink, {"job_endpoint": "http://flink:8099"}, "should match pattern"),
        (Flink, {"version": "1.4"}, "'1.19', '1.20', '2.0', '2.1' or '2.2'"),
        (Flink, {"parallelism": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(section: Any, settings: dict[str, Any], said: str) -> None:
    """The message says what is wrong with the settings, and what is legal."""
    with pytest.raises(ValidationError) as caught:
        section(**settings)
    assert said in str(caught.value)


def test_the_jar_of_a_setting_is_beside_its_file(tmp_path: Path) -> None:
    """A relative path is the YAML file's, as any other."""
    runner = {"name": "flink", "flink": {"job_server_jar": "jars/flink.jar"}}
    loaded = load([write(tmp_path / "taxi.yaml", minimal(runner=runner))])
    assert f"--flink_job_server_jar={tmp_path / 'jars' / 'flink.jar'}" in beam_args(loaded)


@pytest.mark.parametrize("name", ["flink", "spark"])
def test_a_missing_java_is_told_with_what_to_do(name: str) -> None:
    """The message names the program that was looked for, and the settings that go round it."""
    said = refusal_of(name, java="no-such-java")
    assert said.startswith(f"runner {name}: there is no Java: 'no-such-java' is no program on PATH.")
    assert f"'runner.{name}.java'" in said
    assert f"'runner.{name}.job_endpoint'" in said


@pytest.mark.parametrize("name", ["flink", "spark"])
def test_a_missing_jar_is_told_with_what_to_do(tmp_path: Path, name: str) -> None:
    """The message names the file that was looked for, and how it comes there; where it is, nothing is said."""
    jar = tmp_path / "server.jar"
    settings = {"java": java_in(tmp_path), "job_server_jar": str(jar)}
    said = refusal_of(name, **settings)
    assert said.startswith(
        f"runner {name}: there is no job server at {jar}. Have Maven fetch Beam's with make {name}, "
    )
    jar.touch()
    check_here(config(runner={"name": name, name: settings}))


def test_the_jar_of_another_flink_is_asked_for_by_its_version(tmp_path: Path) -> None:
    """What is to be done is the verb with the configured version, and a Beam that has it: the installed one."""
    settings = {"java": java_in(tmp_path), "job_server_jar": str(tmp_path / "no.jar"), "version": "1.20"}
    verb = f"make flink FLINK=1.20 BEAM={version('apache-beam')}"
    assert f"Have Maven fetch Beam's with {verb}, " in refusal_of("flink", **settings)


def test_a_job_server_that_does_not_answer_is_told() -> None:
    """Something has to listen at the endpoint before a run begins: Beam itself would wait for minutes."""
    with socket.create_server(("localhost", 0)) as server:
        endpoint = f"localhost:{server.getsockname()[1]}"
        check_here(config(runner={"name": "flink", "flink": {"job_endpoint": endpoint}}))
    said = refusal_of("flink", job_endpoint=endpoint)
    assert said.startswith(f"runner flink: nothing answers at {endpoint}, where 'runner.flink.job_endpoint' says")


def test_dataflow_gets_its_settings_and_the_image() -> None:
    """Each setting is the option of Beam's that it is called after; workers install nothing."""
    more = {"service_account": "a@b.iam", "max_workers": 5, "public_ips": False, "machine_type": "n2-standard-4"}
    assert args_of("dataflow", "an/image:1", **DATAFLOW | more) == [
        "--runner=DataflowRunner",
        "--project=a-project",
        "--region=europe-west4",
        "--temp_location=gs://bucket/temp",
        "--machine_type=n2-standard-4",
        "--sdk_container_image=an/image:1",
        "--sdk_location=container",
        "--service_account_email=a@b.iam",
        "--max_num_workers=5",
        "--no_use_public_ips",
    ]


def test_dataflow_names_all_that_it_lacks() -> None:
    """Project, region, bucket and image are asked for at once."""
    with pytest.raises(UsageError) as caught:
        args_of("dataflow", region="europe-west4")
    assert str(caught.value).startswith(
        "runner dataflow also needs 'runner.dataflow.project', 'runner.dataflow.temp_location', 'image'."
    )


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"temp_location": "/tmp/dataflow"}, "temp_location"),  # noqa: S108  # that is what is wrong
        ({"region": "Europe"}, "region"),
        ({"project": "12345"}, "project"),
        ({"max_workers": 0}, "max_workers"),
        ({"service_account": "me"}, "service_account"),
    ],
)
def test_what_dataflow_would_refuse_is_refused_here(settings: dict[str, Any], key: str) -> None:
    """Buckets, regions, projects and accounts are held against their form."""
    with pytest.raises(ValidationError) as caught:
        args_of("dataflow", **DATAFLOW | settings)
    assert f"runner.dataflow.{key}" in str(caught.value)


def test_a_run_on_this_machine_is_not_dataflows() -> None:
    """Its workers do not see this machine's folders; the message says where the pipeline can run instead."""
    with pytest.raises(UsageError, match=r"reach gs:// alone.*--target vertex"):
        check_here(config(**COMPLETE["dataflow"] | {"runner": {"name": "dataflow", "dataflow": DATAFLOW}}))


def test_maven_and_the_runner_agree_where_the_jar_is(tmp_path: Path) -> None:
    """`make flink` and `make spark` put the jar where the runner looks for it, of the Flink that is the default."""
    maven, log = tmp_path / "mvn", tmp_path / "log"
    maven.write_text(f'#!/bin/sh\necho "$@" >> {log}\ntouch "${{5#-Dfolder=}}/server.jar"\n')
    maven.chmod(0o755)
    java_in(tmp_path)
    home = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["make", "--no-print-directory", "flink", "spark"], cwd=REPOSITORY, env=home, check=True)
    for name, settings in (("flink", Flink()), ("spark", Spark())):
        assert (tmp_path / job_server.jar(name, settings).relative_to(Path.home())).is_file()
    assert f"-Dflink={Flink().version} -Dbeam=" in log.read_text()
