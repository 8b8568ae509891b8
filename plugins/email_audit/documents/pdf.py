"""PDF through PDFium: text, scanned pages, form fields, annotations, embedded files."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import closing

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from email_audit.documents.markup import PlainText, walk_xml
from email_audit.documents.ocr import recognise
from email_audit.documents.reading import Reading
from email_audit.messages.records import AttachmentStatus

_PROPERTIES = ("Title", "Author", "Subject", "Keywords")
_ENCRYPTED = frozenset({raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY})
_OCR_DPI, _POINTS_PER_INCH = 200, 72
_MOST_PIXELS = 40_000_000
_SCANNED_SHARE = 0.5
"""A page half covered by pictures is a scan unless it has more than a stamp's worth of text."""
_STAMP_CHARS = 100
_XFA_PACKETS = frozenset({"template", "datasets"})
_DRAWN = (raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_SHADING, raw.FPDF_PAGEOBJ_FORM)
_MIN_DRAWN = 20
"""Letters drawn as outlines are many paths; rules and frames are few."""


def read_pdf(reading: Reading, data: bytes) -> None:
    """Read every page; those without text are scans and recognised where tesseract is there."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code in _ENCRYPTED:
            reading.gap(AttachmentStatus.ENCRYPTED, "it is encrypted")
        else:
            reading.gap(AttachmentStatus.FAILED, "the file is damaged: PDFium cannot open it")
        return
    with closing(document):
        told = document.get_metadata_dict(skip_empty=True)
        reading.add("\n".join(f"{name}: {told[name]}" for name in _PROPERTIES if name in told))
        form = document.formenv if document.get_formtype() and document.init_forms() else None
        for number in range(len(document)):
            reading.work.check_time()
            try:
                page = document[number]
            except pdfium.PdfiumError:
                reading.gap(AttachmentStatus.FAILED, f"page {number + 1} is damaged")
                continue
            with closing(page):
                _read_page(reading, page, number + 1)
                reading.add("\n".join(_annotations(document, page, form)))
        _add_xfa(reading, document)
        _add_embedded(reading, document)


def _read_page(reading: Reading, page: pdfium.PdfPage, number: int) -> None:
    with closing(page.get_textpage()) as textpage:
        text = textpage.get_text_bounded(errors="replace").replace("\r\n", "\n")
    reading.add(text.replace("\x02", "").replace("\ufffe", ""))
    if _is_scan(page, text):
        recognise(reading, _picture(page), f"page {number}")


def _is_scan(page: pdfium.PdfPage, text: str) -> bool:
    chars = sum(not character.isspace() for character in text)
    if chars > _STAMP_CHARS:
        return False
    covered, drawn = 0.0, 0
    for item in page.get_objects(max_depth=3):
        if item.type == raw.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = item.get_bounds()
            covered += max(0.0, right - left) * max(0.0, top - bottom)
        elif item.type in _DRAWN:
            drawn += 1
    width, height = page.get_size()
    return covered > _SCANNED_SHARE * width * height or (
        chars == 0 and (covered > 0 or drawn >= _MIN_DRAWN)
    )


def _picture(page: pdfium.PdfPage) -> bytes:
    """Render a page as a portable graymap."""
    width, height = page.get_size()
    scale = _OCR_DPI / _POINTS_PER_INCH
    pixels = max(width * height * scale * scale, 1)
    scale *= min(1.0, (_MOST_PIXELS / pixels) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    with closing(bitmap):
        stride, rows = bitmap.stride, bytes(bitmap.buffer)
        lines = (rows[y * stride : y * stride + bitmap.width] for y in range(bitmap.height))
        return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(lines)


def _annotations(document: pdfium.PdfDocument, page: pdfium.PdfPage, form: object) -> Iterator[str]:
    """Give comments, stamps, link targets and the values of form fields."""
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            subtype = raw.FPDFAnnot_GetSubtype(annotation)
            if subtype == raw.FPDF_ANNOT_WIDGET and form is not None:
                name = _wide(lambda *a: raw.FPDFAnnot_GetFormFieldName(form, annotation, *a))  # noqa: B023
                value = _wide(lambda *a: raw.FPDFAnnot_GetFormFieldValue(form, annotation, *a))  # noqa: B023
                if value:
                    yield f"{name}: {value}"
            elif subtype == raw.FPDF_ANNOT_LINK:
                link = raw.FPDFAnnot_GetLink(annotation)
                action = raw.FPDFLink_GetAction(link) if link else None
                if action and raw.FPDFAction_GetType(action) == raw.PDFACTION_URI:
                    uri = _bytes(lambda *a: raw.FPDFAction_GetURIPath(document, action, *a))  # noqa: B023
                    if uri:
                        yield uri
            elif subtype != raw.FPDF_ANNOT_POPUP:
                author = _wide(lambda *a: raw.FPDFAnnot_GetStringValue(annotation, b"T", *a))  # noqa: B023
                text = _wide(lambda *a: raw.FPDFAnnot_GetStringValue(annotation, b"Contents", *a))  # noqa: B023
                if text:
                    yield f"Comment by {author}: {text}" if author else f"Comment: {text}"
        finally:
            raw.FPDFPage_CloseAnnot(annotation)


def _add_xfa(reading: Reading, document: pdfium.PdfDocument) -> None:
    """Add the fields and data of an XFA form: its pages only say that a viewer is needed."""
    for index in range(max(raw.FPDF_GetXFAPacketCount(document), 0)):
        name = _bytes(lambda *a: raw.FPDF_GetXFAPacketName(document, index, *a))  # noqa: B023
        if name not in _XFA_PACKETS:
            continue
        length = ctypes.c_ulong()
        raw.FPDF_GetXFAPacketContent(document, index, None, 0, ctypes.byref(length))
        buffer = ctypes.create_string_buffer(length.value)
        raw.FPDF_GetXFAPacketContent(document, index, buffer, length.value, ctypes.byref(length))
        builder = PlainText()
        walk_xml(buffer.raw, builder, reading.work.check_time)
        reading.add(builder.text())


def _add_embedded(reading: Reading, document: pdfium.PdfDocument) -> None:
    for index in range(document.count_attachments()):
        try:
            attachment = document.get_attachment(index)
            name, data = attachment.get_name(), bytes(attachment.get_data())
        except pdfium.PdfiumError:
            reading.gap(AttachmentStatus.FAILED, f"embedded file {index + 1} is damaged")
            continue
        reading.nested(data, "application/octet-stream", name or f"embedded file {index + 1}")


def _wide(ask: Callable[..., int]) -> str:
    """Ask PDFium for a UTF-16 text: first for its length in bytes, then for itself."""
    length = ask(None, 0)
    if length <= 2:
        return ""
    buffer = (ctypes.c_ushort * (length // 2 + 1))()
    ask(buffer, length)
    return bytes(buffer)[: length - 2].decode("utf-16-le", "replace").strip()


def _bytes(ask: Callable[..., int]) -> str:
    """Ask PDFium for an 8-bit text in the same way."""
    length = ask(None, 0)
    if length <= 1:
        return ""
    buffer = ctypes.create_string_buffer(length)
    ask(buffer, length)
    return buffer.raw[: length - 1].decode("utf-8", "replace")
