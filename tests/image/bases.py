"""What stands for the two images that kubeflow/Dockerfile starts from, where there is no registry of images.

python:3.11-slim-trixie: Debian trixie by debootstrap, with the python3.11 that Debian built for bookworm, its headers
(which bring libc's, some 50 MB more than in that image), and pip.
apache/beam_python3.11_sdk: its boot, built by Go from the module of that version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.image.roots import Root, RunFailed

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
BOOT = "github.com/apache/beam/sdks/v2/python/container"
ADD_PYTHON = f"""set -e
echo 'deb [signed-by={KEYRING}] MIRROR bookworm main' >/etc/apt/sources.list.d/python.list
printf 'Package: *\\nPin: release n=bookworm\\nPin-Priority: 100\\n' >/etc/apt/preferences.d/python
apt-get update --quiet=2
apt-get install --quiet=2 --yes --no-install-recommends python3.11 libpython3.11-dev python3-pip-whl
for name in python3.11 python3 python; do ln -s /usr/bin/python3.11 /usr/local/bin/$name; done
PYTHONPATH=$(ls /usr/share/python-wheels/pip-*.whl) python -m pip install --quiet --no-index \\
  --find-links /usr/share/python-wheels --break-system-packages --root-user-action=ignore pip
rm -rf /etc/apt/sources.list.d/python.list /etc/apt/preferences.d/python /var/lib/apt/lists /var/cache/apt/* \\
  /usr/share/doc /usr/share/man /usr/share/locale /var/cache/debconf/*-old"""


def debian_mirror() -> str:
    """Returns the address that this machine's apt takes Debian from.

    Raises:
      RunFailed: its sources name none.
    """
    for address in _output(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).split():
        if address.rstrip("/").endswith("/debian"):
            return address
    raise RunFailed("apt's sources name no Debian mirror to make the root from")


def python_on_trixie(folder: Path, log: Path) -> Root:
    """Makes the root that stands for the Python image.

    Raises:
      RunFailed, subprocess.CalledProcessError: Debian's packages could not be had; the log says why.
    """
    mirror = debian_mirror()
    with log.open("a") as file:
        subprocess.run(
            ["debootstrap", "--variant=minbase", "--include=ca-certificates", "trixie", str(folder), mirror],
            stdout=file,
            stderr=subprocess.STDOUT,
            check=True,
        )
    root = Root(folder)
    root.run(ADD_PYTHON.replace("MIRROR", mirror), {"DEBIAN_FRONTEND": "noninteractive"}, log=log)
    return root


def beam_with_boot(folder: Path, version: str, scratch: Path, log: Path) -> Root | None:
    """Makes the root that stands for Beam's image; None where there is no Go to build its boot."""
    if not shutil.which("go"):
        return None
    place = folder / "opt/apache/beam"
    place.mkdir(parents=True)
    with log.open("a") as file:
        subprocess.run(
            ["go", "install", "-modcacherw", f"{BOOT}@v{version}"],
            env=_go_environment(place, scratch),
            stdout=file,
            stderr=subprocess.STDOUT,
            check=True,
        )
    (place / "container").rename(place / "boot")
    licence = scratch / f"go/pkg/mod/github.com/apache/beam/sdks/v2@v{version}/LICENSE"
    for name in ("LICENSE", "NOTICE"):  # the module carries no NOTICE
        shutil.copyfile(licence, place / name)
    return Root(folder)


def _go_environment(place: Path, scratch: Path) -> dict[str, str]:
    folders = {"GOPATH": scratch / "go", "GOCACHE": scratch / "go-cache", "GOBIN": place}
    return dict(os.environ) | {name: str(path) for name, path in folders.items()} | {"CGO_ENABLED": "0"}


def _output(words: list[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout
