"""Versions from S3, which TensorFlow Serving has not read since 2.7: rclone brings them beside it, each whole."""

from __future__ import annotations

from typing import Any

from serving.deploy.model import Model, Store
from serving.settings import Serving

IMAGE = "rclone/rclone:1.71.0"
SCRIPT_NAME = "fetch.sh"
SECONDS = 30
QUIET_SECONDS = 60
SCRIPT = f"""#!/bin/sh
# Brings the versions that are asked for from $SOURCE to $MODELS, and removes the others. A version appears by a rename,
# whole: the model server looks every second, and does not try again what it could not load. One that was written to in
# the last {QUIET_SECONDS} s may still be on its way up, and waits.
set -u

fetch() {{
  found=$(rclone lsf --dirs-only --dir-slash=false "$SOURCE") || return 1
  wanted=$(echo "$found" | grep -xE '[0-9]+' | sort -n | sh -c "$PICK")
  kept=""
  for version in $wanted; do
    if [ ! -d "$MODELS/$version" ]; then
      [ -z "$(rclone lsf --recursive --files-only --max-age {QUIET_SECONDS}s "$SOURCE/$version")" ] || continue
      rm -rf "$MODELS/.incoming"
      rclone copy "$SOURCE/$version" "$MODELS/.incoming" || return 1
      mv "$MODELS/.incoming" "$MODELS/$version"
    fi
    kept="$kept $version "
  done
  [ -n "$kept" ] || return 1
  for folder in "$MODELS"/[0-9]*; do
    case "$kept" in *" ${{folder##*/}} "*) ;; *) rm -rf "$folder" ;; esac
  done
}}

until fetch; do echo "no version of $SOURCE could be brought; trying again" >&2; sleep {SECONDS}; done
[ "${{1:-}}" = follow ] || exit 0
while sleep {SECONDS}; do fetch || echo "$SOURCE could not be read; what is here stays" >&2; done
"""


def pick(serving: Serving) -> str:
    """Returns the filter that picks from a sorted list of versions those that the server is to load."""
    if serving.versions:
        return f"grep -xE '{'|'.join(map(str, serving.versions))}'"
    return f"tail -n {serving.latest_versions}"


def init_containers(model: Model, store: Store, folder: str, security: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns two: one that brings the first versions before the server starts, and one that follows what is pushed.

    Credentials are the pod's own (a role of its service account), or those of the secret <name>-s3, which may also
    name another endpoint: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, RCLONE_S3_ENDPOINT.
    """
    once = {
        "name": "fetch",
        "image": IMAGE,
        "command": ["sh", f"/etc/fetch/{SCRIPT_NAME}"],
        "env": [
            {"name": "SOURCE", "value": f":s3,env_auth=true:{store.path}"},
            {"name": "MODELS", "value": folder},
            {"name": "PICK", "value": pick(model.serving)},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108  # the container's own
        ],
        "envFrom": [{"secretRef": {"name": f"{model.resource_name}-s3", "optional": True}}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "securityContext": security,
        "volumeMounts": [
            {"name": "models", "mountPath": folder},
            {"name": "fetch", "mountPath": "/etc/fetch", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }
    follow = once | {"name": "follow", "command": [*once["command"], "follow"], "restartPolicy": "Always"}
    return [once, follow]
