"""The ledger: the models that were blessed, in a folder, so that no metadata store is needed to find the latest.

An entry is a folder `<ledger>/<number>/` of `model/`, a copy of the model, and `entry.json`, which is written last and
renamed into its place; without it there is no entry. So who reads sees whole entries only, and a writer that is killed
leaves what a later one sweeps away. No folder is renamed: buckets that are mounted as folders (gcsfuse) cannot do it.

An entry's number is when its model was made, in milliseconds since 1970, where the metadata store tells, else when it
was blessed. So the entry with the greatest number is the model that TFX's LatestBlessedModelStrategy takes.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from components.durable import flush, flush_all
from components.files import copy_folder
from components.origin import are_one
from schema.errors import PenstockError

MODEL, ENTRY = "model", "entry.json"
KEPT = 10
FEWEST_KEPT = 2  # the latest, and the one with which the latest itself is compared
LEFT_BEHIND = 24 * 60 * 60  # seconds after which nobody writes an entry any more
Copy = Callable[[str, str], None]


@dataclass(frozen=True, order=True)
class Entry:
    """A blessed model: its number, the URI that it had as an artifact, and when it was made, 0 where none knows."""

    number: int
    origin: str
    made: int
    path: Path

    @property
    def model(self) -> Path:
        """The folder with the model, laid out as the artifact was."""
        return self.path / MODEL


def record(
    ledger: Path, model: str, origin: str, made: int = 0, *, keep: int = KEPT, copy: Copy = copy_folder
) -> Entry:
    """Copies a blessed model into the ledger; one that is there already keeps its place.

    Any number of processes may record at the same time.

    Args:
      ledger: the folder; it is made where there is none.
      model: the folder of the model, or its URL.
      origin: what tells the model from others: the URI of its artifact.
      made: when the model was made, in milliseconds since 1970; 0 where that is not known. A model of the same origin
        that was made at another time is another model (the pipeline's root was wiped), and takes the old one's place.
      keep: how many entries stay, the latest ones; at least two do.
      copy: copies a folder.

    Raises:
      OSError: the copy could not be written; no entry appeared.
    """
    before = [entry for entry in entries(ledger) if are_one(entry.origin, origin)]
    for entry in before:
        if 0 in (made, entry.made) or made == entry.made:
            return entry
    path = _claim(ledger, made)
    entry = Entry(int(path.name), origin, made, path)
    try:
        copy(model, str(entry.model))
        _complete(entry)
    finally:
        if not (path / ENTRY).exists():
            shutil.rmtree(path, ignore_errors=True)
    for old in (*before, *entries(ledger)[: -max(keep, FEWEST_KEPT)]):
        _remove(old.path)
    _sweep(ledger)
    return entry


def latest(ledger: Path, other_than: str) -> Entry | None:
    """Returns the entry with the greatest number whose origin is another one.

    Raises:
      PenstockError: an entry cannot be understood.
    """
    return max((entry for entry in entries(ledger) if not are_one(entry.origin, other_than)), default=None)


def entry_at(ledger: Path, number: int) -> Entry:
    """Returns the entry of a number.

    Raises:
      PenstockError: it is not there any more.
    """
    entry = _read(ledger / str(number))
    if entry is None:
        raise PenstockError(f"{ledger / str(number)}: this blessed model is no longer there. Run the pipeline again.")
    return entry


def entries(ledger: Path) -> list[Entry]:
    """Returns all entries, the earliest first; none where there is no ledger.

    Raises:
      PenstockError: an entry cannot be understood.
    """
    found = (_read(folder) for folder in _numbered(ledger))
    return sorted(entry for entry in found if entry)


def _numbered(ledger: Path) -> list[Path]:
    folders = ledger.iterdir() if ledger.is_dir() else ()
    return [folder for folder in folders if folder.name.isdecimal()]


def _read(folder: Path) -> Entry | None:
    try:
        said = json.loads((folder / ENTRY).read_text(encoding="utf-8"))
        return Entry(int(folder.name), str(said["origin"]), int(said["made"]), folder)
    except (FileNotFoundError, NotADirectoryError):
        return None  # one is writing it, or was killed while it did
    except (ValueError, KeyError, TypeError):
        raise PenstockError(f"{folder / ENTRY}: is none that Penstock wrote. Remove the folder {folder}.") from None


def _claim(ledger: Path, made: int) -> Path:
    """Makes the folder of a new entry: the first number from `made` on, or from now on, that nobody has."""
    ledger.mkdir(parents=True, exist_ok=True)
    taken = max((int(folder.name) for folder in _numbered(ledger)), default=0)
    number = made or max(int(time.time() * 1000), taken + 1)
    while True:
        try:
            (ledger / str(number)).mkdir()
        except FileExistsError:
            number += 1
        else:
            return ledger / str(number)


def _complete(entry: Entry) -> None:
    """Makes an entry of a folder with a model."""
    flush_all(entry.path)
    aside = entry.path / f".{ENTRY}"
    aside.write_text(json.dumps({"origin": entry.origin, "made": entry.made}), encoding="utf-8")
    flush(aside)
    aside.replace(entry.path / ENTRY)
    flush(entry.path)
    flush(entry.path.parent)


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):  # another process removes it too
        (folder / ENTRY).unlink()  # what is half gone is no entry
    shutil.rmtree(folder, ignore_errors=True)


def _sweep(ledger: Path) -> None:
    """Removes what writers left that were killed."""
    for folder in _numbered(ledger):
        with suppress(FileNotFoundError):
            if not (folder / ENTRY).exists() and folder.stat().st_mtime < time.time() - LEFT_BEHIND:
                shutil.rmtree(folder, ignore_errors=True)
