"""Files at s3://, by Beam's filesystem, on an S3 that answers on this machine."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from apache_beam.io.filesystems import FileSystems
from moto.server import ThreadedMotoServer

from components.files import Found, connect, find
from components.files import fingerprint as fingerprint_of
from components.pieces import fingerprint, resolve
from components.spans import resolve as resolve_spans
from pipeline.sources import columns_of, example_gen
from schema.errors import UsageError
from tests.components.readers.reading import options_of, read
from tests.unit.samples import config

BUCKET = "trips"


@dataclass(frozen=True)
class Bucket:
    """A bucket: where its server is, and a client of it."""

    endpoint: str
    client: Any

    def put(self, key: str, content: bytes) -> None:
        """Writes an object."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of moto's server."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket that Beam finds by AWS_ENDPOINT_URL, as any AWS client does."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
    }.items():
        monkeypatch.setenv(name, value)
    connect([])
    client = boto3.client("s3", endpoint_url=server)
    client.create_bucket(Bucket=BUCKET)
    yield Bucket(server, client)
    for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=found["Key"])
    client.delete_bucket(Bucket=BUCKET)
    FileSystems.set_options(None)


def test_a_csv_is_found_by_a_glob_and_read(bucket: Bucket) -> None:
    """Files of a glob are read in the order of their names, decompressed by their endings; a bad row has its line."""
    bucket.put("2016/b.csv.gz", gzip.compress(b"a,b\n3,z\n"))
    bucket.put("2016/a.csv", b"a,b\n1,x\n2\n")
    bucket.put("2016/notes.txt", b"none of the data")
    out = read("csv", f"s3://{BUCKET}/2016/*.csv*")
    assert out.rows == [{"a": 1, "b": b"x"}, {"a": 3, "b": b"z"}]
    assert out.places == [(3, "2")]


@pytest.mark.parametrize("source", ["jsonl", "csv"])
def test_names_are_those_of_the_bucket(bucket: Bucket, source: str) -> None:
    """A piece is called by its URL, not by the copy that is read."""
    bucket.put("rows", b'{"a": 1}\n')
    (piece,) = resolve(options_of(source, f"s3://{BUCKET}/rows")).pieces
    assert piece.name == f"s3://{BUCKET}/rows"


def test_the_fingerprint_changes_with_the_content(bucket: Bucket) -> None:
    """A file that is written again with another size, and a file that comes, are other data; no change is none."""
    options = options_of("csv", f"s3://{BUCKET}/*.csv")
    bucket.put("a.csv", b"a\n1\n")
    first, again = (fingerprint(options, resolve(options)) for _ in range(2))
    bucket.put("a.csv", b"a\n10\n")
    longer = fingerprint(options, resolve(options))
    bucket.put("b.csv", b"a\n1\n")
    assert first == again
    assert len({first, longer, fingerprint(options, resolve(options))}) == 3


def test_spans_are_found_in_a_bucket(bucket: Bucket) -> None:
    """Placeholders work in a URL as in a path."""
    for day in ("2016/01/31", "2016/02/01", "2016/02/31"):
        bucket.put(f"{day}/trips.csv", b"a\n1\n")
    (span,) = resolve_spans(options_of("csv", f"s3://{BUCKET}/{{YYYY}}/{{MM}}/{{DD}}/trips.csv"))
    assert (span.number, [file.path for file in span.files]) == (16832, [f"s3://{BUCKET}/2016/02/01/trips.csv"])


def test_an_endpoint_may_be_named_in_the_configuration(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable, runner.beam_args says where S3 is, before a run and in it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    bucket.put("trips.csv", b"fare,tips\n1,2\n")
    named = config(
        data={"path": f"s3://{BUCKET}/trips.csv"}, runner={"beam_args": [f"--s3_endpoint_url={bucket.endpoint}"]}
    )
    assert example_gen(named, {}, "root").id == "ExampleGen"
    assert columns_of(named) == ["fare", "tips"]


@pytest.mark.usefixtures("bucket")
def test_a_file_that_is_not_there_is_named() -> None:
    """A glob that matches nothing is told with the key to set."""
    with pytest.raises(UsageError, match=r"s3://trips/none-\*\.csv: there is no such data file.*data\.path"):
        resolve(options_of("csv", f"s3://{BUCKET}/none-*.csv"))


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_named() -> None:
    """What the server answers is told, with what to check."""
    with pytest.raises(UsageError, match=r"s3://nowhere/\*\.csv: .*(cannot be looked up|there is no such data file)"):
        resolve(options_of("csv", "s3://nowhere/*.csv"))


def test_a_filesystem_that_beam_does_not_know_is_named() -> None:
    """A misspelt scheme is told by the path that has it."""
    with pytest.raises(UsageError, match=r"s4://trips/a\.csv: cannot be looked up: "):
        find("s4://trips/a.csv")


def test_a_change_of_time_is_a_change() -> None:
    """A file of the same size that was written later is other data."""
    before, after = (fingerprint_of([Found("s3://trips/a.csv", 4, changed)]) for changed in (1.0, 2.0))
    assert before != after
