"""What the page about the configuration says beside its tables."""

OPENING = """
# The configuration

<!-- Made by `make docs` from pipeline/config.py, the settings.py of components/ and serving/, and schema/roles.py. -->

A pipeline is described by one YAML file, or by several laid over each other. Every number that it uses stands there, or
is a default in the tables below. An unknown key is refused, with the nearest legal one named; `penstock validate`
checks everything and touches nothing. An editor that reads JSON Schema completes keys and shows what they do, where a
file begins with

```yaml
# yaml-language-server: $schema=../docs/configuration.schema.json
```
"""

EXAMPLE = """
## An example

```yaml
name: churn
problem: binary
label: churned
data:
  source: csv
  path: ../data/customers.csv       # relative to this file
  splits: {train: 8, eval: 1, test: 1}
  missing: ["?", NA]
schema: {path: ../schema/churn.pbtxt}
features:
  - {column: age, role: numeric}
  - {column: age, role: bucketized, buckets: 10}
  - {column: plan, role: categorical}
  - {column: city, role: hashed, buckets: 1000}
  - {columns: [plan, city], role: crossed}
  - {column: joined_at, role: date, parts: [month, weekday]}
gates:
  data: {features: {city: warn}}    # an anomaly of city is told, and does not stop the run
model: {hidden: [64, 32], epochs: 20}
evaluation:
  slices: [[plan], [plan, city]]
  bars:
    auc: {min: 0.8}
    log_loss: {max: 0.4}
  slice_bars:
    - {slice: {plan: null}, metrics: {accuracy: {min: 0.7}}}     # null: each of its values
  worst_change: {auc: 0.01}         # against the latest blessed model
```
"""

ROLES_OPENING = """
What the columns are to the model: a list with one entry for each role of a column, such as
`{column: fare, role: numeric}`. A column may have several roles. What no role names, the model does not read.
"""

OVERLAYS = """
## Overlays, and `--set`

`penstock run base.yaml over.yaml` lays the second file over the first. Mappings are merged key by key; anything else,
lists too, replaces what was there. So an overlay holds only what differs:

```yaml
# over.yaml: the same pipeline, smaller and elsewhere
name: churn-small
data: {path: ../data/customers-small.csv}
model: {epochs: 5}
```

`--set KEY=VALUE` is laid over all files, and may be given several times. The key is a path with dots, the value YAML:

```
penstock run churn.yaml --set model.epochs=5 --set 'model.hidden=[32, 16]' --set gates.data.default=warn
```

Paths in a file are relative to that file, paths in `--set` to the current folder. Paths are `data.path`,
`data.password_file`, `schema.path`, `metadata.password_file`, and the file of a `sqlite:///` connection.
"""
