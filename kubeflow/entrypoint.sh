#!/bin/sh
# Dataflow and Flink give the image only options (--id=1-1 …, --worker_pool), which are for Beam's boot. All else is a
# command: `docker run penstock penstock doctor`. Kubeflow, Vertex and the CronJob name theirs, and do not come by here.
case "${1:-}" in
  -*) exec /opt/apache/beam/boot "$@" ;;
  *) exec "$@" ;;
esac
