"""Text recognition by tesseract, where the program is installed; one page at a time, bounded."""

import os
import shutil
import subprocess
import time
from functools import lru_cache

from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_MISSING = "text recognition (tesseract) is not installed"


@lru_cache(maxsize=1)
def tesseract() -> str | None:
    """Give the program's path, None where it is not installed."""
    return shutil.which("tesseract")


@lru_cache(maxsize=8)
def tesseract_version() -> str:
    """Give name and version as the program says it, "" where it is not installed."""
    program = tesseract()
    return _told(program, "--version").partition("\n")[0].strip() if program else ""


@lru_cache(maxsize=8)
def languages(wanted: str) -> str:
    """Give those of the wanted languages that are installed, joined by `+`."""
    program = tesseract()
    installed = _told(program, "--list-langs").split() if program else []
    return "+".join(name for name in wanted.split("+") if name in installed)


def _told(program: str, option: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program and option
            [program, option], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout or done.stderr


def recognise(reading: Reading, picture: bytes, where: str) -> None:
    """Add the text in a picture (PNG or PNM); where there can be none, a gap that says `where`."""
    work = reading.work
    program = tesseract()
    names = languages(work.limits.ocr_languages)
    if program is None or not names:
        reading.gap(AttachmentStatus.NEEDS_OCR, _because(where, _MISSING))
        return
    if work.ocr_pages >= work.limits.ocr_pages:
        most = f"only {work.limits.ocr_pages} pages are recognised"
        reading.gap(AttachmentStatus.NEEDS_OCR, _because(where, most))
        return
    work.ocr_pages += 1
    work.progress()
    started = time.monotonic()
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program; the picture comes by its input
            [program, "stdin", "stdout", "-l", names],
            input=picture,
            capture_output=True,
            timeout=work.limits.ocr_seconds,
            check=False,
            # One thread: the same result on any machine, and the cores are for other workers.
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    except subprocess.TimeoutExpired:
        took = f"recognition took longer than {work.limits.ocr_seconds} seconds"
        reading.gap(AttachmentStatus.NEEDS_OCR, _because(where, took))
        return
    finally:
        work.deadline += time.monotonic() - started
    if done.returncode != 0:
        reading.gap(AttachmentStatus.NEEDS_OCR, _because(where, "recognition failed"))
        return
    text = done.stdout.decode("utf-8", "replace").replace("\f", "\n")
    reading.add("\n".join(line.rstrip() for line in text.splitlines() if line.strip()))


def _because(where: str, reason: str) -> str:
    return f"{where}: {reason}" if where else reason
