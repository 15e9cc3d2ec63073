"""A folder as the root of the filesystem: commands in it, in namespaces of their own, which leave nothing mounted."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
NAMES = (Path("etc/resolv.conf"), Path("etc/hosts"))
OF_THE_NETWORK = re.compile(
    r"(?i)(https?|no|all)_proxy|PIP_(INDEX_URL|EXTRA_INDEX_URL|CERT|TRUSTED_HOST|DEFAULT_TIMEOUT)"
    r"|UV_(DEFAULT_INDEX|INDEX|INDEX_URL|HTTP_TIMEOUT)|(SSL|CURL_CA|REQUESTS_CA)_(CERT_FILE|BUNDLE)"
)
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NEEDED = ("debootstrap", "unshare", "chroot", "mount")


class RunFailed(RuntimeError):
    """A command in the root has failed."""


@dataclass(frozen=True)
class Root:
    """A folder that holds a whole system."""

    folder: Path

    def run(
        self,
        command: str,
        variables: Mapping[str, str],
        *,
        user: str = "0:0",
        cwd: str = "/",
        log: Path | None = None,
    ) -> str:
        """Runs a line of shell in the root, and returns what it printed; the log holds its errors, too.

        Raises:
          RunFailed: its exit code is not 0; the message ends with the last lines that it printed.
        """
        inside = f"cd {shlex.quote(cwd)} && {command}"
        told = [f"{name}={value}" for name, value in ({"PATH": PATH, "HOME": "/root"} | dict(variables)).items()]
        words = ["chroot", f"--userspec={user}", str(self.folder), "/usr/bin/env", "-i", *told]
        words += ["/bin/sh", "-c", inside]
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", self._mounted(words)],
            env={"PATH": PATH},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if log:
            with log.open("a") as file:
                file.write(f"$ {command}\n{done.stdout}")
        if done.returncode:
            last = "\n".join(done.stdout.splitlines()[-15:])
            raise RunFailed(f"{command}\nended with exit code {done.returncode}:\n{last}")
        return done.stdout

    def bytes_of(self, *paths: str) -> int:
        """Returns what files take on disk, in bytes; one with several names counts once."""
        found = subprocess.run(
            [
                "du",
                "--summarize",
                "--one-file-system",
                "--total",
                "--block-size=1",
                *(f"{self.folder}{p}" for p in paths),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(found.stdout.splitlines()[-1].split()[0])

    def _mounted(self, words: list[str]) -> str:
        """The shell's line that mounts what each container has, and then becomes the command."""
        root = shlex.quote(str(self.folder))
        lines = [f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
        for file in (CERTIFICATES, *NAMES):  # the network as this machine sees it, as Docker does it
            if (Path("/") / file).exists():
                (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / file).touch()
                lines.append(f"mount --bind /{file} {root}/{file}")
        return "\n".join([*lines, f"exec {shlex.join(words)}"])


def of_the_network() -> dict[str, str]:
    """Returns the variables by which this machine reaches its package registries; Docker, too, hands on proxies."""
    return {name: value for name, value in os.environ.items() if OF_THE_NETWORK.fullmatch(name)}


def lacking() -> list[str]:
    """Returns what this machine lacks to run commands in a root."""
    missing = [name for name in NEEDED if not shutil.which(name, path=f"{os.defpath}:/usr/sbin:/sbin")]
    return missing if os.geteuid() == 0 else ["root", *missing]
