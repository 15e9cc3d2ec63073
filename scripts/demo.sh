#!/usr/bin/env bash
# The main job: train on 15,002 real taxi trips, push the model, serve it, ask it about trips that it has not seen.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
rows=var/taxi/held_out.jsonl

say() { printf '\n$ %s\n' "$*"; "$@"; }

say penstock run configs/taxi.yaml
printf '\nFive trips that the model has not seen:\n'
python scripts/held_out.py var/taxi/root 5 | tee $rows

printf '\n$ penstock serve configs/taxi.yaml &\n'
penstock serve configs/taxi.yaml 2>var/taxi/logs/serve.log &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true' EXIT
until (exec 3<>/dev/tcp/localhost/8501) 2>/dev/null; do
  kill -0 $server 2>/dev/null || { tail -n 3 var/taxi/logs/serve.log >&2; exit 1; }
  sleep 0.2
done

say penstock predict configs/taxi.yaml --input $rows --via rest
say penstock predict configs/taxi.yaml --input $rows --via grpc
