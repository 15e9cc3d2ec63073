"""Runs a Dockerfile's stages in roots, instruction by instruction, as `docker build` would."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.image.dockerfile import Instruction, Stage, substitute
from tests.image.roots import Root, of_the_network

Say = Callable[[str], None]
WORTH_SAYING = 0.5  # seconds that an instruction took


@dataclass
class Built:
    """A stage so far: its root, what its ENV, USER and WORKDIR lines said, and how an image of it starts."""

    root: Root
    variables: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    cwd: str = "/"
    start: dict[str, list[str]] = field(default_factory=dict)

    @property
    def entrypoint(self) -> list[str]:
        """The words that every command of the image is put behind."""
        return self.start.get("ENTRYPOINT", [])


@dataclass
class Builder:
    """Where things are while a Dockerfile runs.

    Attributes:
      context: the folder that COPY copies from.
      given: the build's own arguments, as of --build-arg.
      images: roots of the images that stages start from, by the image's name.
    """

    context: Path
    given: Mapping[str, str]
    images: Mapping[str, Root | None]
    scratch: Path
    log: Path
    say: Say
    built: dict[str, Built] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def build(self, stages: list[Stage]) -> Built:
        """Runs the stages in their order, and returns the last."""
        for stage in stages:
            image = self.images[stage.image]
            if image is None:
                continue
            folder = self.scratch / stage.name
            subprocess.run(["cp", "--archive", str(image.folder), str(folder)], check=True)
            self.built[stage.name] = Built(Root(folder))
            for instruction in stage.instructions:
                self._timed(stage.name, instruction)
        return self.built[stages[-1].name]

    def _timed(self, name: str, instruction: Instruction) -> None:
        start = time.monotonic()
        self._do(self.built[name], instruction)
        seconds = time.monotonic() - start
        if seconds >= WORTH_SAYING:
            self.say(f"{seconds:6.1f} s  {name}: {instruction.keyword} {instruction.text[:80]}")

    def _do(self, stage: Built, instruction: Instruction) -> None:
        words = [substitute(word, stage.arguments | stage.variables) for word in instruction.words]
        match instruction.keyword:
            case "ARG":
                stage.arguments |= self._arguments(instruction)
            case "ENV":
                pairs = instruction.pairs.items()
                stage.variables |= {key: substitute(value, stage.variables) for key, value in pairs}
            case "RUN":
                variables = of_the_network() | stage.arguments | stage.variables
                stage.root.run(instruction.text, variables, user=stage.user, cwd=stage.cwd, log=self.log)
            case "COPY":
                self._copy(stage, words, instruction.flags)
            case "USER":
                stage.user = words[0]
            case "WORKDIR":
                stage.cwd = words[0]
                (stage.root.folder / words[0].lstrip("/")).mkdir(parents=True, exist_ok=True)
            case start:
                stage.start[start] = words

    def _arguments(self, instruction: Instruction) -> dict[str, str]:
        name = instruction.text.partition("=")[0]
        return instruction.pairs | ({name: self.given[name]} if name in self.given else {})

    def _copy(self, stage: Built, words: list[str], flags: Mapping[str, str]) -> None:
        *sources, target = words
        origin = flags.get("from")
        if origin and origin not in self.built:
            self.left_out.append(f"COPY --from={origin}")
            return
        place = stage.root.folder / target.lstrip("/")
        for source in sources:
            found = self.built[origin].root.folder / source.lstrip("/") if origin else self.context / source
            to = place / PurePosixPath(source).name if target.endswith("/") and not found.is_dir() else place
            copy(found, to, () if origin else ignored_names(self.context))
            if "chmod" in flags:
                to.chmod(int(flags["chmod"], 8))


def ignored_names(context: Path) -> tuple[str, ...]:
    """Returns the names that .dockerignore has for any folder: its **/name lines."""
    lines = (context / ".dockerignore").read_text("utf-8").splitlines()
    return tuple(line.removeprefix("**/") for line in lines if line.startswith("**/"))


def copy(source: Path, target: Path, left_out: tuple[str, ...]) -> None:
    """Copies a file, or what is in a folder, without what has a name of `left_out`; symbolic links stay links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        ignore = shutil.ignore_patterns(*left_out)
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=ignore)
    else:
        shutil.copy2(source, target)
