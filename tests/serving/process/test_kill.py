"""kill -9 at the worst moments: nothing that was published is lost, and a restart serves it."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc

from components.publication import ASIDE, latest_version, publish
from tests.conformance.configs import config_text, model_config
from tests.conformance.grpc_api import TIMEOUT, Grpc, reload_request
from tests.conformance.waiting import eventually
from tests.serving.process.conftest import Serve
from tests.serving.process.harness import ROOT, Ports, Running
from tests.serving.process.models import RELEASE, marks_in, slow_to_load
from tests.serving.process.traffic import Traffic

POLL = "--file_system_poll_wait_seconds=0.1"
PUSH = (
    "import sys; from pathlib import Path; from components.publication import publish; "
    "print(flush=True); publish(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])"
)
PUSHES = 20
MEGABYTES = 100


def digests(base: Path) -> dict[str, str]:
    """Returns for each version in a folder a digest of all its files."""
    return {version.name: digest(version) for version in base.iterdir() if version.name.isdecimal()}


def digest(folder: Path) -> str:
    """Returns a digest of a folder's files, their names and what they hold."""
    found = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        found.update(f"{file.relative_to(folder)} {file.stat().st_size} ".encode() + file.read_bytes())
    return found.hexdigest()


def test_while_a_version_loads(serve: Serve, tmp_path: Path, sources: list[Path]) -> None:
    """A server that is killed while it loads a large version comes back with this and the one that it served."""
    base, source, ports = tmp_path / "m", tmp_path / "large", Ports()
    first = publish(sources[0], base, "first").number
    slow_to_load(source, tmp_path, 7.0, MEGABYTES)
    config = tmp_path / "config"
    config.write_text(config_text([model_config("m", base, "all {}")]))
    flags = (f"--model_config_file={config}", POLL)
    with serve(*flags, ports=ports) as server:
        server.wait_until_open()
        second = publish(source, base, "second").number
        before = digests(base)
        server.wait_until(lambda: marks_in(tmp_path) == ["loading"], "begun to load the large version")
        assert Grpc(server.grpc).y("m") == 2.0
        server.kill()
    assert digests(base) == before
    (tmp_path / RELEASE).touch()
    with serve(*flags, ports=ports) as server:
        api = Grpc(server.wait_until_open().grpc)
        eventually(lambda: api.states("m") == dict.fromkeys((second, first), "AVAILABLE"), "both are served")
        assert [api.y("m", version=version) - 1.0 for version in (first, second)] == [1.0, 7.0]


def test_while_a_push_is_killed(serve: Serve, tmp_path: Path, sources: list[Path]) -> None:
    """Pushes that are killed at any moment leave whole versions only, cost no request, and the next push succeeds."""
    base, ports, seed = tmp_path / "m", Ports(), random.randrange(2**32)
    moments = random.Random(seed)
    sys.stdout.write(f"random.Random({seed})\n")
    publish(sources[0], base, "0")
    flags = ("--model_name=m", f"--model_base_path={base}", POLL)
    ended = []
    with serve(*flags, ports=ports) as server:
        with Traffic(server.wait_until_open(), "m", threads=1) as traffic:
            for number in range(1, PUSHES + 1):
                before = digests(base)
                ended.append(killed_push(sources[number % 2], base, str(number), moments.uniform(0, 0.02)))
                after = digests(base)
                assert {name: after.get(name) for name in before} == before
                assert all(is_whole(base / name, sources) for name in after.keys() - before.keys())
            publish(sources[2], base, "last")
            eventually(lambda: traffic.newest == {3.0}, "the push that was not killed is served")
        assert traffic.failures == []
        server.kill()
    assert not (base / ASIDE).exists()
    assert any(code != 0 for code in ended), "no push was killed before its end"
    with serve(*flags, ports=ports) as server:
        assert Grpc(server.wait_until_open().grpc).y("m") == 4.0


def killed_push(source: Path, base: Path, origin: str, seconds: float) -> int:
    """Starts a push, kills it some time after it has begun, and returns its exit code."""
    words = [sys.executable, "-c", PUSH, str(source), str(base), origin]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as push:
        assert push.stdout
        push.stdout.readline()
        time.sleep(seconds)
        push.kill()
        return push.wait()


def is_whole(version: Path, sources: list[Path]) -> bool:
    """Tells whether a version holds all files of one of the models that it may come from."""
    return any(
        all((version / file.relative_to(source)).read_bytes() == file.read_bytes() for file in files)
        for source in sources
        if (files := [file for file in source.rglob("*") if file.is_file()])
    )


def test_while_the_configuration_changes(serve: Serve, tmp_path: Path, sources: list[Path]) -> None:
    """A configuration file is written in place and reloads are asked for, under traffic; kill -9 loses nothing."""
    bases = {name: tmp_path / name for name in ("m", "n")}
    for name, source in zip(bases, sources, strict=False):
        publish(source, bases[name], source.name)
    configs = [model_config(name, base) for name, base in bases.items()]
    file, ports = tmp_path / "config", Ports()
    file.write_text(config_text(configs))
    flags = (f"--model_config_file={file}", "--model_config_file_poll_wait_seconds=0.01", POLL)
    with serve(*flags, ports=ports) as server:
        with Traffic(server.wait_until_open(), "m", threads=1) as traffic, changing(server, file, configs):
            server.wait_until_said("Done unloading servable version {name: n", 10)
        assert traffic.failures == []
        assert traffic.answers
        with changing(server, file, configs):
            time.sleep(random.uniform(0, 0.2))
            server.kill()
    file.write_text(config_text(configs))
    with serve(*flags, ports=ports) as server:
        api = Grpc(server.wait_until_open().grpc)
        assert [api.y(name) - 1.0 for name in bases] == [1.0, 2.0]
    assert latest_version(bases["m"]) is not None


@contextmanager
def changing(server: Running, file: Path, configs: list[object]) -> Iterator[None]:
    """Writes a configuration file with all models, with the first alone, and so on, and asks for the same by gRPC."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.02):
            for some in (configs[:1], configs):
                file.write_text(config_text(some))

    def reload() -> None:
        api = Grpc(server.grpc)
        while not stop.wait(0.02):
            for some in (configs[:1], configs):
                try:
                    api.reload(reload_request(some), timeout=TIMEOUT)
                except grpc.RpcError as error:
                    refused.append(error.code())

    refused: list[grpc.StatusCode] = []
    threads = [threading.Thread(target=work, daemon=True) for work in (write, reload)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
