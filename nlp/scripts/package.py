"""Writes the wheel: `python scripts/package.py PIPELINE FOLDER NAME VERSION EPOCH`.

The same pipeline gives the same bytes: times in the wheel are EPOCH (seconds, SOURCE_DATE_EPOCH).
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from spacy.cli.package import package

import email_audit.tagging.components  # noqa: F401 - registers the factories that spaCy looks up


def main() -> None:
    """Generate the package's source in a temporary folder and build its wheel."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("folder", type=Path)
    for name in ("name", "version", "epoch"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory() as scratch:
        package(
            arguments.pipeline,
            Path(scratch),
            name=arguments.name,
            version=arguments.version,
            create_wheel=False,
            create_sdist=False,
            silent=True,
        )
        source = Path(scratch) / f"en_{arguments.name}-{arguments.version}"
        subprocess.run(
            [
                *(uv, "build", "--wheel", "--quiet", "--no-build-isolation"),
                *("--no-create-gitignore", "--python", sys.executable),
                *("--out-dir", arguments.folder, source),
            ],
            check=True,
            env=os.environ | {"SOURCE_DATE_EPOCH": arguments.epoch},
        )


if __name__ == "__main__":
    main()
