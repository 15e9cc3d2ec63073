"""What ExampleGen is told: where the rows are, how they are read, and into which splits they go."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from schema.section import Section

NUMBER = "NUMBER"  # the type of a column that some role reads as a number, where no schema says which kind


class SourceOptions(Section):
    """Where rows come from, and what becomes of them; the ExampleGen's custom_config."""

    source: str = Field(description="a row of components.readers.READERS")
    path: str = Field("", description="a file or a glob, with {SPAN} and {VERSION} where there are spans")
    span: int | None = Field(None, description="the latest span to read; the latest that exists by default")
    version: int | None = Field(None, description="the version of that span; the latest by default")
    window: int = Field(1, description="how many spans to read, the latest included")
    test_spans: int = Field(0, description="how many of them, the latest, are the test split")
    splits: Mapping[str, int] = Field(description="hash buckets of each split, out of their sum")
    seed: int = 0
    types: Mapping[str, str] = Field({}, description="INT, FLOAT, BYTES or NUMBER by column")
    required: tuple[str, ...] = Field((), description="columns without which a row cannot be used: the label's")
    delimiter: str = ","
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()
    connection: str = ""
    password_file: str | None = None
    query: str = ""
    max_quarantined: float = 0.0
    gzip_level: int = Field(1, description="how hard gzip tries at the files of the splits, from 0 to 9")
    quarantine: str = Field("", description="the folder in which the rows go that cannot be used")
