"""Pictures: their text is recognised, where they are large enough to hold any."""

import io
from collections.abc import Iterator

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from email_audit.documents.ocr import recognise
from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")
_MOST_PIXELS = 100_000_000
_SMALLEST_SIDE = 24
_SMALLEST_AREA = 4_000
"""Rules, bullets, logos of a signature and tracking pixels hold no text worth its time."""
_ENLARGED_BELOW = 300
"""Tesseract reads letters of 20 pixels and more; small pictures are enlarged for it."""


def is_worth_reading(data: bytes) -> bool:
    """Say whether a picture inside a document can hold text: thumbnails and rules cannot."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return _can_hold_text(*image.size)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return False  # a drawing (EMF, WMF, SVG) or broken


def read_image(reading: Reading, data: bytes) -> None:
    """Recognise the text of a picture, each page or frame of it."""
    Image.MAX_IMAGE_PIXELS = None  # judged here, by the size in the header
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        reading.gap(AttachmentStatus.FAILED, "the picture is damaged or of an unknown kind")
        return
    with image:
        if not _can_hold_text(*image.size):
            return
        for number, page in enumerate(_pages(image), 1):
            reading.work.check_time()
            where = f"page {number}" if number > 1 else ""
            width, height = page.size
            if width * height > _MOST_PIXELS:
                detail = f"a picture of {width} x {height} pixels is too large"
                reading.gap(AttachmentStatus.TOO_LARGE, detail)
                continue
            try:
                recognise(reading, _as_png(page), where)
            except (OSError, ValueError, SyntaxError):
                reading.gap(AttachmentStatus.FAILED, "the picture is damaged")
                return


def _pages(image: Image.Image) -> Iterator[Image.Image]:
    """Give the pages of a TIFF; of an animation only the first frame, the rest repeats it."""
    if image.format == "TIFF":
        yield from ImageSequence.Iterator(image)
    else:
        yield image


def _can_hold_text(width: int, height: int) -> bool:
    return min(width, height) >= _SMALLEST_SIDE and width * height >= _SMALLEST_AREA


def _as_png(page: Image.Image) -> bytes:
    picture = ImageOps.exif_transpose(page)
    if picture.mode in {"RGBA", "LA", "PA", "P"}:
        # Text on a transparent ground is meant for white paper.
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    picture = picture.convert("L")
    if min(picture.size) < _ENLARGED_BELOW:
        picture = picture.resize((picture.width * 3, picture.height * 3), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()
