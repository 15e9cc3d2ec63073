"""Packaging."""

from pathlib import Path

from setuptools import find_packages, setup


def requirements(name: str) -> list[str]:
    """The requirement lines of a file beside this one, without comments."""
    lines = (Path(__file__).parent / name).read_text().splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


setup(
    name="penstock",
    version="0.1.0",
    description="A table of data to a model that answers requests: one gated TFX pipeline, described by one YAML file",
    python_requires=">=3.11,<3.12",
    packages=find_packages(include=["pipeline*", "components*", "serving*", "monitoring*", "schema*"]),
    package_data={"schema": ["*.pbtxt"], "components": ["report/*.j2", "report/*.css", "report/*.js"]},
    install_requires=requirements("requirements.in"),
    entry_points={
        "console_scripts": [
            "penstock = pipeline.cli:main",
            "penstock-model-server = serving.server.main:main",
            "penstock-metadata-server = pipeline.metadata_server.main:main",
        ]
    },
)
