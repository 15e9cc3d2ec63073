"""What ExampleGen's cache goes by: the spans and versions that there are to read, and a hash of their files.

`resolve` is how our drivers are called where TFX's launchers do not run: see components/baseline.py.
"""

from __future__ import annotations

from typing import Any

from tfx.components.example_gen import driver, utils

from components.options_packing import unpack
from components.pieces import fingerprint, resolve


class SourceDriver(driver.FileBasedDriver):
    """Looks up what the source has now; the span and the version go with the examples into the metadata store."""

    def resolve(self, input_dict: Any, exec_properties: dict[str, Any]) -> dict[str, Any]:
        """Returns the properties with the span (0 where there are none), the version and the fingerprint.

        Raises:
          UsageError: there is nothing to read.
        """
        del input_dict  # an ExampleGen has none
        options = unpack(exec_properties)
        found = resolve(options)
        return exec_properties | {
            utils.SPAN_PROPERTY_NAME: found.span or 0,
            utils.VERSION_PROPERTY_NAME: found.version,
            utils.FINGERPRINT_PROPERTY_NAME: fingerprint(options, found),
        }

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """Does so for TFX's launchers."""
        del pipeline_info, component_info
        return self.resolve({}, exec_properties)
