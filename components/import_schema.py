"""ImportSchemaGen: the curated schema as an artifact.

The stock component remembers the schema's path, so its cache does not see an edited file, and a worker elsewhere does
not find it. Ours carries the text.
"""

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema


@component
def ImportSchema(schema: OutputArtifact[Schema], text: Parameter[str]) -> None:
    """Writes the schema's text as `schema.pbtxt`."""
    text_format.Parse(text, schema_pb2.Schema())
    Path(schema.uri, "schema.pbtxt").write_text(text)
