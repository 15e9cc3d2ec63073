"""Starts the entry point with the process's arguments and environment."""

from __future__ import annotations

import os
import sys

from pipeline.container.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
