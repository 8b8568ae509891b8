"""Speed of the readers of mailbox formats, beside other tools on the same files.

    python -m benchmarks.readers

All figures come from one run on one machine. The other tools are used where they are installed
(readpst: Debian's pst-utils; libpff: the extra `second-reader`; extract-msg, GPL, is nobody's
dependency here: `pip install extract-msg` in an environment of your own and name its Python with
--extract-msg). What they leave out is in docs/formats.md.
"""

import argparse
import io
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from email_audit.sources.base import Extent, ReadOptions, Unreadable
from email_audit.sources.registry import detect_source

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
OPTIONS = ReadOptions(max_message_bytes=1 << 30)
SUFFIXES = {
    "PST and OST": ("pst", (".pst", ".ost")),
    "MSG": ("msg", (".msg",)),
    "TNEF": ("tnef", (".tnef", ".dat")),
    "EML": ("eml", (".eml",)),
    "EMLX": ("emlx", (".emlx",)),
    "mbox": ("mbox", (".mbox",)),
}
_LEAST_SECONDS = 2.0

_LIBPFF = """
import sys, pypff
def walk(folder):
    count = 0
    for item in folder.sub_messages:
        count += 1
        try:
            item.transport_headers, item.plain_text_body, item.html_body
            for attachment in item.attachments:
                attachment.read_buffer(attachment.get_size())
        except Exception:
            pass
    return count + sum(walk(child) for child in folder.sub_folders)
total = 0
for path in sys.argv[1:]:
    file = pypff.file()
    try:
        file.open(path)
        total += walk(file.get_root_folder())
    except Exception:
        pass
print(total)
"""
_EXTRACT_MSG = """
import sys, extract_msg
count = 0
for path in sys.argv[1:]:
    try:
        with extract_msg.openMsg(path) as message:
            message.subject, message.body, message.htmlBody
            [attachment.data for attachment in message.attachments]
            count += 1
    except Exception:
        pass
print(count)
"""


def main() -> None:
    """Print one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extract-msg", help="a Python that has extract-msg")
    parser.add_argument("--large", type=int, default=50_000, help="messages of the large mbox")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"{DATA}: the shared mail is not there; nothing to measure")
    for name, (folder, suffixes) in SUFFIXES.items():
        files = [path for path in sorted((DATA / folder).rglob("*")) if path.suffix in suffixes]
        contents = [(path.name, path.read_bytes()) for path in files]
        _rate(f"{name}: ours, read and parsed", lambda found=contents: _read(found))
    pst = [
        str(path) for path in sorted((DATA / "pst").rglob("*")) if path.suffix in (".pst", ".ost")
    ]
    msg = [str(path) for path in sorted((DATA / "msg").rglob("*.msg"))]
    _rate(
        "PST and OST: libpff, with its start", lambda: _run([sys.executable, "-c", _LIBPFF, *pst])
    )
    if shutil.which("readpst"):
        _rate("PST and OST: readpst, with its start", lambda: _readpst(pst))
    if arguments.extract_msg:
        other = [arguments.extract_msg, "-c", _EXTRACT_MSG, *msg]
        _rate("MSG: extract-msg, with its start", lambda: _run(other))
    _memory(arguments.large)


def _read(contents: list[tuple[str, bytes]]) -> int:
    count = 0
    for name, content in contents:
        blob = io.BytesIO(content)
        source = detect_source(blob, name, OPTIONS)
        for extent in source.extents(blob, max_items=1 << 30, max_bytes=1 << 62):
            for found in source.items(blob, extent):
                if not isinstance(found, Unreadable):
                    source.parse(found)
                count += 1
    return count


def _run(command: list[str]) -> int:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout.split()[-1]) if done.returncode == 0 else 0


def _readpst(files: list[str]) -> int:
    count = 0
    for path in files:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                ["readpst", "-q", "-e", "-o", folder, path], capture_output=True, check=False
            )
            count += sum(1 for found in Path(folder).rglob("*") if found.is_file())
    return count


def _rate(name: str, work: Callable[[], int]) -> None:
    """Repeat for some seconds and print items a second of the fastest pass."""
    best, count, begun = 0.0, 0, time.perf_counter()
    while time.perf_counter() - begun < _LEAST_SECONDS:
        start = time.perf_counter()
        count = work()
        best = max(best, count / (time.perf_counter() - start))
    print(f"{name:40} {count:6} items  {best:8,.0f} items/s", flush=True)


def _memory(messages: int) -> None:
    """Read a large mbox item by item and print the most memory this process ever had."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with tempfile.TemporaryFile() as blob:
        body = b"words of the message\n" * 200
        for number in range(messages):
            blob.write(b"From a@b.example Mon Mar  3 10:00:00 2025\nSubject: %d\n\n" % number)
            blob.write(body + b"\n")
        size = blob.tell() >> 20
        source = detect_source(blob, "large.mbox", OPTIONS)
        extents = list(source.extents(blob, max_items=1000, max_bytes=64 << 20))
        count = sum(
            1
            for extent in extents
            for found in source.items(
                blob, Extent(extent.start, extent.stop, extent.first, extent.items)
            )
            if not isinstance(found, Unreadable) and source.parse(found)
        )
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"mbox of {size} MiB: {count} messages, memory {before} MiB before, {after} MiB at most")


if __name__ == "__main__":
    main()
