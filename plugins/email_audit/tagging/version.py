"""Name a classifier's version without loading it: a run that finds nothing new needs no spaCy."""

import hashlib
import importlib.util
import json
from pathlib import Path

from email_audit.errors import UserError

_WRITTEN_BY_PACKAGING = frozenset({"meta.json", "README.md", "LICENSE", "LICENSES_SOURCES"})


def pipeline_folder(model: str) -> Path:
    """Find a pipeline's folder by package name or path, as `spacy.load` would.

    Raises:
        UserError: where there is none.
    """
    folder = Path(model)
    if (folder / "meta.json").is_file():
        return folder
    spec = importlib.util.find_spec(model) if model.isidentifier() else None
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        meta = json.loads((package / "meta.json").read_text(encoding="utf-8"))
        return package / f"{meta['lang']}_{meta['name']}-{meta['version']}"
    raise UserError(
        f"model {model!r}: no spaCy pipeline is installed under this name or lies at this path. "
        "Install the wheel in nlp/packages, or build it as nlp/README.md says."
    )


def model_version(model: str, threshold: float | None = None) -> str:
    """Give the version that every tag in the ledger carries.

    Name and version of the pipeline, the start of the SHA-256 of its files, and the threshold
    where a setting replaces the model's own: all that a decision depends on.

    Raises:
        UserError: where there is no such pipeline.
    """
    folder = pipeline_folder(model)
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    version = f"{meta['lang']}_{meta['name']}-{meta['version']}+{_content_hash(folder)[:8]}"
    return version if threshold is None else f"{version}@{threshold:g}"


def _content_hash(folder: Path) -> str:
    """Hash a pipeline's files but for those that packaging writes anew (SHA-256, hex)."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in _WRITTEN_BY_PACKAGING:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()
