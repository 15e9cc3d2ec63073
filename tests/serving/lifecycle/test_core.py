from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.server.lifecycle.core import Core, CoreOptions
from serving.server.lifecycle.fakes import FakeLoad, FakeTime
from serving.server.status import StatusError, not_found
from tests.serving.lifecycle.worlds import Disk, eventually, finishes, refusal, serves, spec, states

MakeCore = Callable[..., Core]
Run = Callable[..., threading.Thread]
ALL = "model_version_policy { all {} }"


class Failing:
    """Work on a thread of its own whose StatusError is kept."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self.error: StatusError | None = None

    def __call__(self) -> None:
        try:
            self._work()
        except StatusError as error:
            self.error = error


def test_it_starts_with_every_model_available(disk: Disk, make_core: MakeCore) -> None:
    """The latest version of each model answers when start() returns."""
    disk.add("m", 1, 2)
    disk.add("n", 5)
    core = make_core()
    assert not core.is_ready()
    core.start(disk.config("m", "n"))
    assert core.is_ready()
    assert core.names() == ["m", "n"]
    assert (serves(core, "m"), serves(core, "n"), serves(core, "m", 1)) == (2, 5, None)


def test_statuses_come_from_the_highest_version_down(disk: Disk, make_core: MakeCore) -> None:
    """As TensorFlow Serving gives them, one or all."""
    disk.add("m", 1, 10, 9)
    core = make_core()
    core.start(disk.config(m=ALL))
    eventually(lambda: states(core, "m") == {10: "AVAILABLE", 9: "AVAILABLE", 1: "AVAILABLE"})
    assert list(states(core, "m")) == [10, 9, 1]
    assert [status.version for status in core.statuses("m", 9)] == [9]
    assert core.statuses("m", 9)[0].HasField("status")


def test_statuses_of_what_never_was_are_refused(disk: Disk, make_core: MakeCore) -> None:
    """The message tells a version from a model."""
    disk.add("m", 1)
    core = make_core()
    core.start(disk.config("m"))
    assert refusal(lambda: core.statuses("x", None)) == ("NOT_FOUND", "Could not find any versions of model x")
    assert refusal(lambda: core.statuses("m", 9)) == ("NOT_FOUND", "Could not find version 9 of model m")


def test_a_new_version_takes_over_at_the_next_poll(disk: Disk, make_core: MakeCore, time: FakeTime) -> None:
    """After a second on the clock, version 2 answers and version 1 has ended; its end stays visible."""
    disk.add("m", 1)
    core = make_core()
    core.start(disk.config("m"))
    disk.add("m", 2)
    time.advance(1)
    eventually(lambda: states(core, "m") == {2: "AVAILABLE", 1: "END"})
    assert (serves(core, "m"), serves(core, "m", 1)) == (2, None)


def test_it_polls_on_the_real_clock(disk: Disk, load: FakeLoad) -> None:
    """Without a clock of its own it takes the machine's."""
    disk.add("m", 1)
    core = Core(load, CoreOptions(file_system_poll_wait_seconds=0.01))
    core.start(disk.config("m"))
    disk.add("m", 2)
    eventually(lambda: serves(core, "m") == 2)
    finishes(core.stop)


def test_it_looks_only_once_if_told_so(disk: Disk, make_core: MakeCore) -> None:
    """--file_system_poll_wait_seconds=0 starts no polling."""
    disk.add("m", 1)
    core = make_core(file_system_poll_wait_seconds=0)
    core.start(disk.config("m"))
    assert "poll the file system" not in {thread.name for thread in threading.enumerate()}
    disk.add("m", 2)
    assert serves(core, "m") == 1


def test_a_version_that_fails_leaves_the_old_one_serving(
    disk: Disk, make_core: MakeCore, load: FakeLoad, time: FakeTime
) -> None:
    """Its status has the error, and the server stays ready."""
    disk.add("m", 1)
    core = make_core()
    core.start(disk.config("m"))
    load.fail("m", 2, not_found("no such graph"))
    disk.add("m", 2)
    time.advance(1)
    eventually(lambda: states(core, "m") == {2: "END", 1: "AVAILABLE"})
    (failed,) = core.statuses("m", 2)
    assert (failed.status.error_code, failed.status.error_message) == (5, "no such graph")
    assert serves(core, "m") == 1
    assert core.is_ready()


def test_it_waits_for_a_base_path(
    disk: Disk, make_core: MakeCore, time: FakeTime, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder that is not there at the start is looked for until it is, and complained of once."""
    core = make_core()
    thread = run(lambda: core.start(disk.config("m")))
    time.advance(1)
    time.advance(1)
    assert thread.is_alive()
    assert sum("Could not find base path" in message for message in caplog.messages) == 1
    disk.add("m", 1)
    time.advance(1)
    thread.join(30)
    assert core.is_ready()


def test_a_missing_base_path_is_that_models_own_matter(
    disk: Disk, make_core: MakeCore, time: FakeTime, tmp_path: Path
) -> None:
    """A folder that vanishes unloads nothing, and the other models get their new versions."""
    disk.add("m", 1)
    disk.add("n", 1)
    core = make_core()
    core.start(disk.config("m", "n"))
    (tmp_path / "m").rename(tmp_path / "elsewhere")
    disk.add("n", 2)
    time.advance(1)
    eventually(lambda: serves(core, "n") == 2)
    assert serves(core, "m") == 1


def test_a_base_path_without_versions_unloads_all(
    disk: Disk, make_core: MakeCore, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    """The model is gone, its versions' ends stay, and the log says what may be wrong."""
    disk.add("m", 1)
    core = make_core()
    core.start(disk.config("m"))
    disk.remove("m", 1)
    time.advance(1)
    eventually(lambda: states(core, "m") == {1: "END"})
    assert refusal(lambda: core.servable(spec("m")).__enter__()) == (
        "NOT_FOUND",
        "Servable not found for request: Latest(m)",
    )
    assert not core.is_ready()
    assert any("Did you forget to name your leaf directory as a number" in message for message in caplog.messages)


def test_a_model_that_cannot_be_loaded_ends_the_start(disk: Disk, make_core: MakeCore, load: FakeLoad) -> None:
    """With the words of TensorFlow Serving, and nothing is left loaded."""
    disk.add("m", 1)
    disk.add("n", 1)
    load.fail("m", 1, not_found("no such graph"))
    core = make_core()
    assert refusal(lambda: core.start(disk.config("m", "n"))) == (
        "UNKNOWN",
        "1 servable(s) did not become available: {{{name: m version: 1} due to error: NOT_FOUND: no such graph}, }",
    )
    assert serves(core, "n") is None


def test_a_start_that_waits_can_be_stopped(disk: Disk, make_core: MakeCore, run: Run) -> None:
    """stop() ends it with an error."""
    core = make_core()
    start = Failing(lambda: core.start(disk.config("m")))
    thread = run(start)
    eventually(lambda: core.names() == ["m"])
    finishes(core.stop)
    thread.join(30)
    assert start.error is not None
    assert "did not become available" in start.error.message


@pytest.mark.parametrize("policy", ["latest { num_versions: 2 }", "specific { versions: 2 versions: 3 }"])
def test_several_versions_are_served(disk: Disk, make_core: MakeCore, policy: str) -> None:
    """The two that the policy wants, the highest by default."""
    disk.add("m", 1, 2, 3)
    core = make_core()
    core.start(disk.config(m=f"model_version_policy {{ {policy} }}"))
    eventually(lambda: (serves(core, "m", 2), serves(core, "m", 3)) == (2, 3))
    assert (serves(core, "m"), serves(core, "m", 1)) == (3, None)


def test_loads_are_logged_as_upstream_logs_them(
    disk: Disk, make_core: MakeCore, caplog: pytest.LogCaptureFixture
) -> None:
    """Scripts wait for this line."""
    disk.add("m", 1)
    with caplog.at_level(logging.INFO):
        core = make_core()
        core.start(disk.config("m"))
        finishes(core.stop)
    assert "Successfully loaded servable version {name: m version: 1}" in caplog.messages
    assert "Done unloading servable version {name: m version: 1}" in caplog.messages


def test_retries_take_their_time(disk: Disk, make_core: MakeCore, load: FakeLoad, time: FakeTime, run: Run) -> None:
    """A version that fails twice is available after two intervals, and LOADING meanwhile."""
    disk.add("m", 1)
    load.fail("m", 1, not_found("half copied"), times=2)
    core = make_core(max_num_load_retries=5, load_retry_interval_micros=500_000, file_system_poll_wait_seconds=0)
    thread = run(lambda: core.start(disk.config("m")))
    time.advance(0.5)
    assert states(core, "m") == {1: "LOADING"}
    time.advance(0.5)
    thread.join(30)
    assert load.calls == [("m", 1)] * 3
    assert serves(core, "m") == 1


def test_retries_end_with_the_versions_folder(disk: Disk, make_core: MakeCore, load: FakeLoad, time: FakeTime) -> None:
    """A bad version that is taken away is not tried again, and its error stays visible."""
    disk.add("m", 1)
    core = make_core(max_num_load_retries=5)
    core.start(disk.config("m"))
    load.fail("m", 2, not_found("broken"), times=9)
    disk.add("m", 2)
    time.advance(1)
    eventually(lambda: ("m", 2) in load.calls)
    disk.remove("m", 2)
    time.advance(1)
    eventually(lambda: states(core, "m") == {2: "END", 1: "AVAILABLE"})
    assert load.calls.count(("m", 2)) == 1
    assert serves(core, "m") == 1


def test_a_reload_adds_and_removes_models(disk: Disk, make_core: MakeCore, load: FakeLoad) -> None:
    """It returns when the new model is available; the one left out is unloaded; the one that stays is not touched."""
    for name in ("m", "n", "o"):
        disk.add(name, 1)
    core = make_core()
    core.start(disk.config("m", "n"))
    core.reload(disk.config("n", "o"))
    assert core.names() == ["n", "o"]
    assert (serves(core, "m"), serves(core, "n"), serves(core, "o")) == (None, 1, 1)
    eventually(lambda: states(core, "m") == {1: "END"})
    assert load.calls.count(("n", 1)) == 1


def test_a_reload_changes_the_policy(disk: Disk, make_core: MakeCore) -> None:
    """From the latest version to an old one, without a gap."""
    disk.add("m", 1, 2)
    core = make_core(file_system_poll_wait_seconds=0)
    core.start(disk.config("m"))
    core.reload(disk.config(m="model_version_policy { specific { versions: 1 } }"))
    assert serves(core, "m") is not None
    eventually(lambda: states(core, "m") == {2: "END", 1: "AVAILABLE"})


def test_a_reload_whose_new_model_fails_says_so(disk: Disk, make_core: MakeCore, load: FakeLoad) -> None:
    """And the others serve on."""
    disk.add("m", 1)
    disk.add("n", 1)
    load.fail("n", 1, not_found("no such graph"))
    core = make_core()
    core.start(disk.config("m"))
    assert refusal(lambda: core.reload(disk.config("m", "n"))) == (
        "UNKNOWN",
        "1 model(s) did not become available: {{{name: n version: 1} due to error: NOT_FOUND: no such graph}, }",
    )
    assert serves(core, "m") == 1
    assert not core.is_ready()


def test_a_reload_that_waits_in_vain_is_superseded(disk: Disk, make_core: MakeCore, run: Run) -> None:
    """A model without a folder holds up its own reload; the next one takes the model away, and the first one ends."""
    disk.add("m", 1)
    core = make_core()
    core.start(disk.config("m"))
    first = Failing(lambda: core.reload(disk.config("m", "typo")))
    thread = run(first)
    eventually(lambda: core.names() == ["m", "typo"])
    core.reload(disk.config("m"))
    thread.join(30)
    assert first.error is not None
    assert first.error.message == "1 model(s) did not become available: {{{name: typo} is no longer wanted}, }"


@pytest.mark.parametrize("text", ["", "custom_model_config { }"])
def test_a_reload_without_a_list_is_refused(disk: Disk, make_core: MakeCore, text: str) -> None:
    """With TensorFlow Serving's words."""
    disk.add("m", 1)
    core = make_core()
    core.start(disk.config("m"))
    assert refusal(lambda: core.reload(text_format.Parse(text, ModelServerConfig()))) == (
        "INVALID_ARGUMENT",
        (
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        ),
    )
    assert serves(core, "m") == 1


def test_a_reload_that_is_refused_changes_nothing(disk: Disk, make_core: MakeCore) -> None:
    """Neither the models nor the labels, though only one label of it is wrong."""
    disk.add("m", 1)
    disk.add("n", 1)
    core = make_core()
    core.start(disk.config("m"))
    core.reload(disk.config(m='version_labels { key: "stable" value: 1 }'))
    wrong = disk.config("n", m='version_labels { key: "new" value: 1 } version_labels { key: "next" value: 2 }')
    assert refusal(lambda: core.reload(wrong)) == (
        "FAILED_PRECONDITION",
        "Request to assign label to version 2 of model m, which is not currently available for inference",
    )
    assert core.names() == ["m"]
    assert (serves(core, "m", label="stable"), serves(core, "m", label="new")) == (1, None)


def test_a_label_is_moved_while_both_versions_are_loaded(disk: Disk, make_core: MakeCore) -> None:
    """The label answers before and after, and the version that it left can go in the same reload."""
    disk.add("m", 1, 2)
    core = make_core(file_system_poll_wait_seconds=0)
    core.start(disk.config(m=ALL))
    eventually(lambda: (serves(core, "m", 1), serves(core, "m", 2)) == (1, 2))
    core.reload(disk.config(m=ALL + 'version_labels { key: "stable" value: 1 }'))
    assert serves(core, "m", label="stable") == 1
    core.reload(disk.config(m='version_labels { key: "stable" value: 2 }'))
    assert serves(core, "m", label="stable") == 2
    eventually(lambda: states(core, "m") == {2: "AVAILABLE", 1: "END"})


@pytest.mark.parametrize("allow", [False, True])
def test_labels_in_the_first_configuration_need_the_flag(disk: Disk, make_core: MakeCore, allow: bool) -> None:  # noqa: FBT001
    """Nothing is available yet when it is read, so that without --allow_version_labels… the start fails."""
    disk.add("m", 1)
    core = make_core(allow_version_labels_for_unavailable_models=allow)
    config = disk.config(m='version_labels { key: "stable" value: 1 }')
    if allow:
        core.start(config)
        assert serves(core, "m", label="stable") == 1
    else:
        assert refusal(lambda: core.start(config))[0] == "FAILED_PRECONDITION"


def test_the_configuration_file_is_read_again(
    disk: Disk, make_core: MakeCore, time: FakeTime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A change is served after the interval; a file that is no configuration is complained of, and all serves on."""
    for name in ("m", "n"):
        disk.add(name, 1)
    file = tmp_path / "models.config"
    file.write_text(text_format.MessageToString(disk.config("m")))
    core = make_core(model_config_file=file, model_config_file_poll_wait_seconds=30, file_system_poll_wait_seconds=1000)
    core.start(disk.config("m"))
    file.write_text("model_config_list { confg { } }")
    time.advance(30)
    eventually(lambda: any("Error parsing text-format" in message for message in caplog.messages))
    assert serves(core, "m") == 1
    file.write_text(text_format.MessageToString(disk.config("n")))
    time.advance(30)
    eventually(lambda: core.names() == ["n"] and core.is_ready())
    eventually(lambda: states(core, "m") == {1: "END"})


def test_a_server_may_start_without_models(disk: Disk, make_core: MakeCore) -> None:
    """An empty configuration is no error, and models can be added."""
    disk.add("m", 1)
    core = make_core()
    core.start(ModelServerConfig())
    assert core.is_ready()
    core.reload(disk.config("m"))
    assert serves(core, "m") == 1


def test_an_illegal_configuration_does_not_start(disk: Disk, make_core: MakeCore) -> None:
    """A relative base path, for one."""
    config = disk.config("m")
    config.model_config_list.config[0].base_path = "models/m"
    assert refusal(lambda: make_core().start(config)) == (
        "INVALID_ARGUMENT",
        "Expected model m to have an absolute path or URI; got base_path()=models/m",
    )


def test_stop_waits_for_requests(disk: Disk, make_core: MakeCore, load: FakeLoad, run: Run) -> None:
    """It drains: a request in flight is answered, and only then is its version closed."""
    disk.add("m", 1)
    core = make_core()
    core.start(disk.config("m"))
    with core.servable(spec("m")) as servable:
        thread = run(core.stop)
        eventually(lambda: states(core, "m") == {1: "UNLOADING"})
        assert not core.is_ready()
        assert thread.is_alive()
        assert servable.session.run((), [np.zeros(1)], (), None)
    thread.join(30)
    assert states(core, "m") == {1: "END"}
    assert refusal(lambda: load.loaded[0].session.run((), [], (), None))[1] == "the session is closed"


def test_no_request_fails_while_versions_change(disk: Disk, make_core: MakeCore, load: FakeLoad, run: Run) -> None:
    """Four clients call without a pause while twelve versions come and go, some of which are broken."""
    disk.add("m", 1)
    core = make_core(file_system_poll_wait_seconds=0)
    core.start(disk.config("m"))
    stopped, failures, seen = threading.Event(), list[str](), set[int]()

    def call() -> None:
        while not stopped.is_set():
            try:
                with core.servable(spec("m")) as servable:
                    seen.add(servable.version)
                    servable.session.run((), [], (), None)
            except StatusError as error:
                failures.append(error.message)

    threads = [run(call) for _ in range(4)]
    good = 1
    for number in range(2, 14):
        if broken := number % 5 == 0:
            load.fail("m", number, not_found("broken"))
        disk.add("m", number)
        core.poll()
        eventually(lambda: states(core, "m").get(number) == ("END" if broken else "AVAILABLE"))  # noqa: B023  it is called at once
        disk.remove("m", *(() if broken else (good,)))
        good = good if broken else number
        if broken:
            disk.remove("m", number)
            core.poll()
    eventually(lambda: good in seen)
    stopped.set()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert len(seen) > 1
    eventually(lambda: sum(state == "AVAILABLE" for state in states(core, "m").values()) == 1)
