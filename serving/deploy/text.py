"""Manifests as YAML that a person can read: in the order given, multi-line texts as blocks, and a comment on top."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

Manifest = Mapping[str, Any]
WIDTH = 110


def document(comment: str, content: Manifest) -> str:
    """Returns one YAML document under its comment, which says what it is and why."""
    lines = textwrap.wrap(" ".join(comment.split()), WIDTH, break_on_hyphens=False, break_long_words=False)
    body = yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return "".join(f"# {line}\n" for line in lines) + body


def documents(*parts: str) -> str:
    """Returns several documents as one file."""
    return "---\n".join(parts)


class _Dumper(yaml.SafeDumper):
    """YAML without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        """Writes what stands in several places each time."""
        del data
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
