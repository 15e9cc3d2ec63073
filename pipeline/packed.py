"""Long texts in a compiled pipeline, packed: the schema of a wide table, its features.

A step's properties travel, as JSON, in one argument of its process, of which Linux takes 128 KiB. Before that, Argo
keeps a pod's template in a variable of the same bound, and Kubeflow has the properties in it twice, as JSON in JSON in
JSON (`pod-spec-patch`); a longer one Argo would put into a ConfigMap, which Kubeflow's manifests do not allow it to
make. A schema of 500 columns would be 280 KB there, and is 5 KB when packed.
"""

from __future__ import annotations

import base64
import zlib

from schema.errors import UsageError

MARK = "packed:"
LONG = 8192  # characters: shorter texts stay as they are, for people to read


def pack(text: str) -> str:
    """Returns a long text packed, and a short one as it is: what `unpack` takes."""
    if len(text) <= LONG and not text.startswith(MARK):
        return text
    return MARK + base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def unpack(text: str) -> str:
    """Returns the text that was packed.

    Raises:
      UsageError: it has the mark of a packed text, and is none.
    """
    if not text.startswith(MARK):
        return text
    try:
        return zlib.decompress(base64.b64decode(text.removeprefix(MARK), validate=True)).decode()
    except (ValueError, zlib.error):
        raise UsageError(f"{text[:60]!r}: is no packed text. Compile again, or give another text.") from None
