from __future__ import annotations

import io
import os
import pty

from pipeline.progress import counted


def test_items_are_counted_on_a_terminal() -> None:
    """Where standard error is a terminal and standard output a file, the count of what was answered is shown."""
    screen, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as err:
        assert list(counted(range(1234), "rows", err, io.StringIO())) == list(range(1234))
        assert b"rows" in os.read(screen, 1 << 16)
    os.close(screen)


def test_nothing_is_shown_where_nobody_looks() -> None:
    """In a pipe, and where the answers themselves go to the terminal, items pass as they are."""
    screen, terminal = pty.openpty()
    err = io.StringIO()
    with os.fdopen(terminal, "w") as out:
        assert list(counted("abc", "rows", err, io.StringIO())) == list("abc")
        assert list(counted("abc", "rows", out, out)) == list("abc")
    os.set_blocking(screen, False)
    assert err.getvalue() == ""
    try:
        shown = os.read(screen, 1 << 16)
    except OSError:  # a terminal whose other end is closed, and that has nothing to read
        shown = b""
    assert shown == b""
    os.close(screen)
