"""Compare the reader of PST and OST files with a second, independent one."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from email_audit.errors import UserError
from email_audit.exports import mail_files
from email_audit.pst.header import HEAD_BYTES, is_pst
from email_audit.pst.second_reader import Disagreement, disagreements, require_second_reader
from email_audit.settings import Settings


def compare_readers(paths: Sequence[Path]) -> Iterator[Disagreement]:
    """Yield where another reader sees the PST and OST files of `paths` differently.

    Raises:
        UserError: where a file cannot be opened or the other reader is not installed.
    """
    require_second_reader()
    limit = cast("int", Settings.model_fields["max_message_bytes"].default)
    for path in paths:
        try:
            for file, _ in mail_files(path):
                with file.open("rb") as blob:
                    is_compared = is_pst(blob.read(HEAD_BYTES))
                if is_compared:
                    yield from disagreements(file, max_item_bytes=limit)
        except OSError as error:
            raise UserError(
                f"{error.filename or path}: cannot be read: {error.strerror or error}"
            ) from error
