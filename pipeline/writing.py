"""Files that a command writes: each whole or not at all, and none again that says the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schema.errors import UsageError


def changed(folder: Path, texts: Mapping[str, str]) -> dict[Path, str]:
    """Returns the texts, by file, that are not in the folder as they are."""
    return {folder / name: text for name, text in texts.items() if _read(folder / name) != text}


def write(texts: Mapping[Path, str]) -> None:
    """Writes the files, each whole or not at all.

    Raises:
      UsageError: a file cannot be written.
    """
    for file, text in texts.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            aside = file.with_name(f".{file.name}.new")
            aside.write_text(text, encoding="utf-8")
            aside.replace(file)
        except OSError as error:
            raise UsageError(f"{file}: cannot be written: {error.strerror}. Choose another place with --out.") from None


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
