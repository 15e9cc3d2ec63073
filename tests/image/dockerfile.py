"""Reads the part of the Dockerfile's syntax that kubeflow/Dockerfile uses, and refuses the rest.

Source: https://docs.docker.com/reference/dockerfile.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

KNOWN = frozenset({"ARG", "FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "ENTRYPOINT", "CMD"})
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
INSTRUCTION = re.compile(r"([A-Za-z]+)\s+(.*)", re.DOTALL)


class Unreadable(ValueError):
    """The Dockerfile says something that is not understood here."""


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
      keyword: in capitals.
      text: all behind it, in one line.
    """

    keyword: str
    text: str

    @property
    def flags(self) -> dict[str, str]:
        """The --name=value words of a COPY."""
        found = (word.removeprefix("--").partition("=") for word in self._words if word.startswith("--"))
        return {name: value for name, _, value in found}

    @property
    def words(self) -> list[str]:
        """The words behind the flags; of ENTRYPOINT and CMD in their JSON form too."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return [word for word in self._words if not word.startswith("--")]

    @property
    def pairs(self) -> dict[str, str]:
        """The name=value words of an ENV or ARG; an ARG without a value is left out."""
        found = (word.partition("=") for word in self._words)
        return {name: value for name, equals, value in found if equals}

    @property
    def _words(self) -> list[str]:
        return shlex.split(self.text)


@dataclass(frozen=True)
class Stage:
    """What stands between two FROM lines."""

    name: str
    image: str
    instructions: list[Instruction] = field(default_factory=list)


def parse(text: str) -> list[Stage]:
    """Returns the stages in their order, with the ARGs above the first FROM put into their images.

    Raises:
      Unreadable: an instruction, a flag or a form is not known here.
    """
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for instruction in map(_instruction, _lines(text)):
        if instruction.keyword == "FROM":
            stages.append(_stage(instruction, arguments))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.keyword == "ARG":
            arguments |= instruction.pairs
        else:
            raise Unreadable(f"{instruction.keyword} stands before the first FROM")
    if not stages:
        raise Unreadable("no FROM")
    return stages


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Returns the text with $NAME and ${NAME} replaced, by nothing where there is no such name, as Docker does."""
    return VARIABLE.sub(lambda found: values.get(found[1] or found[2], ""), text)


def _lines(text: str) -> list[str]:
    kept = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(kept)
    return re.sub(r"\\\n\s*", " ", joined).splitlines()


def _instruction(line: str) -> Instruction:
    found = INSTRUCTION.fullmatch(line.strip())
    keyword = found[1].upper() if found else line.strip()
    if not found or keyword not in KNOWN:
        raise Unreadable(f"{keyword}: legal here are {', '.join(sorted(KNOWN))}")
    instruction = Instruction(keyword, found[2])
    if "<<" in instruction.text:
        raise Unreadable(f"{line}: a here-document")
    legal = {"COPY": {"from", "chmod"}}.get(keyword, set())
    if keyword in {"COPY", "FROM"} and set(instruction.flags) - legal:
        raise Unreadable(f"{line}: legal flags here are {', '.join(sorted(legal)) or 'none'}")
    if keyword == "RUN" and instruction.text.startswith(("--", "[")):
        raise Unreadable(f"{line}: legal here is a shell's line alone")
    return instruction


def _stage(instruction: Instruction, arguments: Mapping[str, str]) -> Stage:
    match substitute(instruction.text, arguments).split():
        case [image, word, name] if word.upper() == "AS":
            return Stage(name, image)
        case _:
            raise Unreadable(f"FROM {instruction.text}: legal here is FROM image AS name")
