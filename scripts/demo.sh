#!/usr/bin/env bash
# The main job: train on 15,002 real taxi trips, push the model, ask it about trips that it has not seen.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
rows=var/taxi/held_out.jsonl

say() { printf '\n$ %s\n' "$*"; "$@"; }

say penstock run configs/taxi.yaml
printf '\nFive trips that the model has not seen:\n'
python scripts/held_out.py var/taxi/root 5 | tee $rows
say penstock predict configs/taxi.yaml --input $rows --via local
