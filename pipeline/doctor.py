"""What this machine has, what it lacks, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pipeline import job_server
from pipeline.run import FREE_MIB_NEEDED, MIB
from pipeline.runner_settings import Flink, JobServer, Spark

LOCK = Path(__file__).parent.parent / "requirements.lock"
NEEDED_GLIBC = (2, 39)
NEEDED_GLIBCXX = "GLIBCXX_3.4.32"
SECONDS = 10
KSERVE_CRD = "inferenceservices.serving.kserve.io"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: whether a run needs it, what was found, and what to do where it lacks."""

    name: str
    is_well: bool
    found: str
    advice: str = ""
    needed: bool = False


def diagnose() -> list[Check]:
    """Returns all checks."""
    return [check() for check in CHECKS]


def check_python() -> Check:
    """Python 3.11."""
    is_well = sys.version_info[:2] == (3, 11)
    return Check(
        "Python", is_well, platform.python_version(), "" if is_well else "make install PYTHON=python3.11", needed=True
    )


def check_glibc() -> Check:
    """The C library that this Python runs on; the TFX wheels need 2.39."""
    name, version = (os.confstr("CS_GNU_LIBC_VERSION") or "none 0.0").split()
    is_well = tuple(map(int, version.split("."))) >= NEEDED_GLIBC
    own = " (of .venv)" if any(Path(sys.prefix, "lib", "runtime").glob("libc.so.6")) else ""
    return Check("glibc", is_well, f"{name} {version}{own}", "" if is_well else "make clean install", needed=True)


def check_libstdcxx() -> Check:
    """The C++ library that this process has loaded, or would load."""
    loaded = re.search(r"\S+libstdc\+\+\.so\.6\S*", Path("/proc/self/maps").read_text())
    if not loaded:
        return Check("libstdc++", is_well=False, found="not loaded", advice="make clean install", needed=True)
    versions = set(re.findall(rb"GLIBCXX_3\.4\.\d+", Path(loaded[0]).read_bytes()))
    newest = max(versions, key=lambda version: int(version.rpartition(b".")[2])).decode()
    is_well = NEEDED_GLIBCXX.encode() in versions
    return Check("libstdc++", is_well, newest, "" if is_well else "make clean install", needed=True)


def check_packages() -> Check:
    """The TFX set, held against the lock file."""
    pinned = dict(re.findall(r"^([\w.-]+)==([^\s\\]+)", LOCK.read_text(), re.MULTILINE)) if LOCK.exists() else {}
    wrong = [
        f"{name} {found or 'is missing'} (pinned {pin})"
        for name, pin in pinned.items()
        if (found := _installed(name)) != pin
    ]
    found = f"tfx {_installed('tfx')}, {len(pinned)} pins, {len(pinned) - len(wrong)} as pinned"
    return Check(
        "TFX set", not wrong, found, f"{', '.join(wrong[:5])}: make clean install" if wrong else "", needed=True
    )


def check_disk() -> Check:
    """Room for a run in the current folder."""
    free = shutil.disk_usage(".").free // MIB
    is_well = free >= FREE_MIB_NEEDED
    advice = "" if is_well else f"a run needs {FREE_MIB_NEEDED} MiB: free some, or use --workdir"
    return Check("free disk", is_well, f"{free / 1024:.1f} GiB", advice, needed=True)


def check_gpu() -> Check:
    """NVIDIA GPUs that the driver knows."""
    names = _output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") if shutil.which("nvidia-smi") else ""
    advice = "" if names else "training runs on the CPU; for a GPU install NVIDIA's driver, and tensorflow[and-cuda]"
    return Check("GPU", bool(names), names.replace("\n", ", ") or "none", advice)


def check_model_server() -> Check:
    """TensorFlow Serving's own server, which `penstock serve` prefers."""
    path = shutil.which("tensorflow_model_server")
    advice = "" if path else "penstock serve uses the embedded server; in production run what penstock deploy writes"
    return Check("tensorflow_model_server", bool(path), path or "not on PATH", advice)


def check_docker() -> Check:
    """A Docker engine that answers; the client alone runs and builds nothing."""
    if not shutil.which("docker"):
        return Check("Docker", is_well=False, found="not installed", advice="needed only for images and compose")
    done = _output_of("docker", "info", "--format", "{{.ServerVersion}}")
    advice = "" if done else "needed only for images and compose: start the Docker engine"
    return Check("Docker", bool(done), f"engine {done}" if done else "a client, and no engine that answers", advice)


def check_compose() -> Check:
    """Whether `penstock deploy --target compose` can be brought up here."""
    version = _output_of("docker", "compose", "version", "--short")
    if not version:
        return _target("compose", "no docker compose", "install Docker's compose plugin, or copy the folder elsewhere")
    if not check_docker().is_well:
        return _target("compose", f"compose {version}, and no engine", "start the Docker engine")
    return _target("compose", f"compose {version}")


def check_compose_gpu() -> Check:
    """Whether `penstock deploy --target compose-gpu` can be brought up here."""
    compose = check_compose()
    if not compose.is_well:
        return _target("compose-gpu", compose.found, compose.advice)
    if not check_gpu().is_well:
        return _target("compose-gpu", "no GPU", "use --target compose, or a machine with NVIDIA's driver")
    if "nvidia" not in _output_of("docker", "info", "--format", "{{json .Runtimes}}"):
        advice = "install nvidia-container-toolkit, then: nvidia-ctk runtime configure --runtime=docker"
        return _target("compose-gpu", "a GPU that Docker does not know", advice)
    return _target("compose-gpu", compose.found)


def check_kubernetes() -> Check:
    """Whether `penstock deploy --target kubernetes` can be applied from here."""
    if not shutil.which("kubectl"):
        return _target("kubernetes", "no kubectl", "install kubectl, or apply the folder from where it is")
    context = _output_of("kubectl", "config", "current-context")
    if not context:
        return _target("kubernetes", "kubectl without a context", "kubectl config use-context NAME, or set KUBECONFIG")
    if not _output_of("kubectl", "version", f"--request-timeout={SECONDS // 2}s"):
        return _target("kubernetes", f"context {context}, which does not answer", "kubectl cluster-info says why")
    return _target("kubernetes", f"context {context}")


def check_kserve() -> Check:
    """Whether `penstock deploy --target kserve` can be applied from here."""
    cluster = check_kubernetes()
    if not cluster.is_well:
        return _target("kserve", cluster.found, cluster.advice)
    if not _output_of("kubectl", "get", "crd", KSERVE_CRD, "-o", "name", f"--request-timeout={SECONDS // 2}s"):
        return _target("kserve", f"{cluster.found}, without KServe", "install KServe there, or use --target kubernetes")
    return _target("kserve", cluster.found)


def check_flink() -> Check:
    """Whether `penstock run` can have its Beam steps run on Flink, embedded in Beam's job server."""
    return _job_server("flink", Flink())


def check_spark() -> Check:
    """Whether `penstock run` can have its Beam steps run on Spark, in Beam's job server."""
    return _job_server("spark", Spark())


CHECKS: tuple[Callable[[], Check], ...] = (
    check_python,
    check_glibc,
    check_libstdcxx,
    check_packages,
    check_disk,
    check_gpu,
    check_model_server,
    check_docker,
    check_compose,
    check_compose_gpu,
    check_kubernetes,
    check_kserve,
    check_flink,
    check_spark,
)


def _job_server(name: str, settings: JobServer) -> Check:
    lacking = job_server.lack(name, settings)
    found = "no job server, or no Java" if lacking else str(job_server.jar(name, settings))
    return Check(f"run --runner {name}", not lacking, found, lacking)


def _target(name: str, found: str, advice: str = "") -> Check:
    """A place that `penstock deploy` writes for: usable from this machine where there is nothing to advise."""
    return Check(f"deploy --target {name}", not advice, found, advice)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _output_of(*command: str) -> str:
    """What the command prints; "" where it fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
