"""GetModelMetadata: the signatures of a model, as its SavedModel has them."""

from __future__ import annotations

from collections.abc import Sequence

from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataResponse, SignatureDefMap

from serving.server.servable import Servable
from serving.server.status import invalid_argument

FIELD = "signature_def"


def check_fields(fields: Sequence[str]) -> None:
    """Checks what a request asks for.

    Raises:
      StatusError: it asks for nothing, or for what there is not.
    """
    if not fields:
        raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
    for field in fields:
        if field != FIELD:
            raise invalid_argument(f"Metadata field {field} is not supported")


def response(servable: Servable) -> GetModelMetadataResponse:
    """Returns the model's name, its version and its signatures."""
    signatures = SignatureDefMap()
    for key, definition in servable.signature_defs.items():
        signatures.signature_def[key].CopyFrom(definition)
    message = GetModelMetadataResponse()
    message.model_spec.name = servable.name
    message.model_spec.version.value = servable.version
    message.metadata[FIELD].Pack(signatures)
    return message
