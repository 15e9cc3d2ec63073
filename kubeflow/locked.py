"""Takes out of lock files the blocks (name, version, hashes) that an image needs: `… | locked.py take LOCK…`.

Standard input is what `uv pip compile` prints. `take` prints the locks' own blocks of what it names; `add` prints those
of its own blocks that no lock has. The image's build runs `take`; `make lock` runs `add`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)")
USAGE = "usage: uv pip compile … | locked.py take|add LOCK…"


def blocks_of(text: str) -> dict[str, str]:
    """Returns the text of each pin with its hashes, by name==version, without the comments."""
    blocks: dict[str, str] = {}
    pin = ""
    for line in text.splitlines():
        if found := PIN.match(line):
            pin = f"{found[1].lower()}=={found[2]}"
            blocks[pin] = ""
        if pin and not line.lstrip().startswith("#"):
            blocks[pin] += f"{line}\n"
    return blocks


def take(wanted: dict[str, str], locked: dict[str, str]) -> str:
    """Returns the locked blocks of what is wanted.

    Raises:
      SystemExit: something is wanted that no lock has.
    """
    missing = sorted(set(wanted) - set(locked))
    if missing:
        sys.exit(f"locked: {', '.join(missing)}: in no lock file. Run `make lock`.")
    return "".join(locked[pin] for pin in sorted(wanted))


def add(wanted: dict[str, str], locked: dict[str, str]) -> str:
    """Returns the wanted blocks that no lock has."""
    return "".join(block for pin, block in sorted(wanted.items()) if pin not in locked)


def main(arguments: list[str]) -> None:
    """Reads standard input and the locks, and prints blocks."""
    verbs = {"take": take, "add": add}
    if len(arguments) <= 1 or arguments[0] not in verbs:
        sys.exit(USAGE)
    wanted = blocks_of(sys.stdin.read())
    if not wanted:
        sys.exit("locked: standard input has no line such as name==1.0. Its resolution has failed.")
    locked: dict[str, str] = {}
    for name in arguments[1:]:
        locked |= blocks_of(Path(name).read_text("utf-8"))
    sys.stdout.write(verbs[arguments[0]](wanted, locked))


if __name__ == "__main__":
    main(sys.argv[1:])
