from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as service

from pipeline.mlmd_repairs import MARK, in_order_of_ids, restore_backslashes, without_backslashes

texts = st.text(st.sampled_from(["\\", MARK, "0", "1", "a", "'"]), max_size=8)


@given(texts, texts, texts, st.integers(0, 9))
def test_what_is_taken_is_restored(uri: str, key: str, value: str, number: int) -> None:
    """A message without backslashes has none in any text, and becomes what it was."""
    artifact = mlmd.Artifact(uri=uri, id=number, custom_properties={key: mlmd.Value(string_value=value)})
    artifact.custom_properties["number"].int_value = number
    types = [mlmd.ArtifactType(name=value, properties={key: mlmd.STRING})]
    requests = (
        service.PutArtifactsRequest(artifacts=[artifact, artifact]),
        service.PutTypesRequest(artifact_types=types),
        service.GetArtifactsByURIRequest(uris=[uri, value]),
    )
    for request in requests:
        bare = without_backslashes(request)
        assert b"\\" not in bare.SerializeToString()
        restore_backslashes(bare)
        assert bare == request


def test_other_texts_stay_as_they_are() -> None:
    """A message whose texts have no backslash is stored as it is, for other programs to read."""
    artifact = mlmd.Artifact(uri="gs://bucket/it's 100%", name="ü")
    assert without_backslashes(artifact) == artifact


@given(st.lists(st.integers(1, 9), max_size=6), st.randoms())
def test_what_was_asked_for_by_ids_comes_in_their_order(ids: list[int], random: Random) -> None:
    """Artifacts come in the order in which their ids were asked for, whatever the order in which they were found."""
    found = [mlmd.Artifact(id=number) for number in set(ids) - {9}]
    random.shuffle(found)
    response = service.GetArtifactsByIDResponse(artifacts=found)
    in_order_of_ids(service.GetArtifactsByIDRequest(artifact_ids=ids), response)
    assert [artifact.id for artifact in response.artifacts] == [number for number in dict.fromkeys(ids) if number != 9]
