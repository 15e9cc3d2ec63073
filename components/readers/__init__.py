"""Sources to rows, a batch at a time: one module for each format, one row in `READERS`.

A reader yields `Rows`: those that can be used, ready for a split, and those that cannot, each with its reason. What
cannot be read at all as what it says it is raises `DataAnomaly`, which names the file.
"""

from __future__ import annotations

from components.readers import avro, delimited, json_lines, parquet, sql, tfrecord
from components.readers.kinds import Examples, Table

READERS: dict[str, Table | Examples] = {
    "csv": Table(delimited.read, delimited.columns, delimited.locate, delimited.cut, is_typed=False),
    "parquet": Table(parquet.read, parquet.columns, cut=parquet.cut),
    "jsonl": Table(json_lines.read, json_lines.columns, json_lines.locate, json_lines.cut, is_open=True),
    "avro": Table(avro.read, avro.columns),
    "sql": Table(sql.read, sql.columns),
    "tfrecord": Examples(tfrecord.read),
}
