"""TFDV's anomalies in words: the split, the feature, what was found, what the schema allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2


@dataclass(frozen=True)
class Anomaly:
    """One feature of one split that does not fit the schema, and the first rows in which it does not."""

    split: str
    feature: str
    found: str
    allowed: str
    severity: str
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        said = f"{self.split} split, feature {self.feature!r}: {self.found}. The schema allows: {self.allowed}."
        return "\n    ".join([said, *self.rows])


def describe(
    anomalies: Mapping[str, anomalies_pb2.Anomalies],
    schema: schema_pb2.Schema,
    default: str,
    severities: Mapping[str, str],
) -> Iterator[Anomaly]:
    """Yields the anomalies of each split; `severities` overrides `default` by feature."""
    domains = {domain.name: list(domain.value) for domain in schema.string_domain}
    features = {feature.name: feature for feature in schema.feature}
    for split, found in anomalies.items():
        for name, info in sorted(found.anomaly_info.items()):
            severity = severities.get(name, default)
            yield Anomaly(split, name, _reasons(info), allowed(features.get(name), domains), severity)
        if found.HasField("dataset_anomaly_info"):
            reasons = _reasons(found.dataset_anomaly_info)
            yield Anomaly(split, "(the whole split)", reasons, "its dataset constraints", default)


def allowed(feature: schema_pb2.Feature | None, domains: Mapping[str, list[str]]) -> str:
    """Returns what a schema says of a feature, in words."""
    if feature is None:
        return "no such feature"
    said = [
        {"INT": "integers", "FLOAT": "numbers", "BYTES": "text"}.get(schema_pb2.FeatureType.Name(feature.type), "any")
    ]
    said += [_domain(feature, domains)] if feature.WhichOneof("domain_info") else []
    if feature.presence.min_fraction:
        said.append(f"present in at least {feature.presence.min_fraction:.0%} of the rows")
    if feature.HasField("value_count") and feature.value_count.max:
        said.append(f"at most {feature.value_count.max} value a row")
    return ", ".join(said)


def _domain(feature: schema_pb2.Feature, domains: Mapping[str, list[str]]) -> str:
    kind = feature.WhichOneof("domain_info")
    if kind in ("int_domain", "float_domain"):
        domain = getattr(feature, kind)
        bounds = [f"from {_exact(domain.min)}"] if domain.HasField("min") else []
        bounds += [f"to {_exact(domain.max)}"] if domain.HasField("max") else []
        return " ".join(bounds) or "of any size"
    if kind in ("domain", "string_domain"):
        values = domains.get(feature.domain, []) if kind == "domain" else list(feature.string_domain.value)
        return f"one of {', '.join(values)}"
    return str(kind)


def _exact(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.15g}"


def _reasons(info: anomalies_pb2.AnomalyInfo) -> str:
    reasons = [f"{reason.short_description}: {reason.description}" for reason in info.reason]
    return "; ".join(" ".join(reason.split()).rstrip(".") for reason in reasons) or info.description.rstrip(".")
