"""The record that stands for an item of which nothing could be read."""

from email_audit.messages.records import ContentHash, Message, Problem, ReadStatus

_NO_CONTENT = ContentHash("")


def unreadable_message(
    problems: tuple[Problem, ...], *, content_sha256: ContentHash = _NO_CONTENT
) -> Message:
    """Give an empty record with its problems; equal content hashes mean equal bytes.

    It has no class: what it would have been is not known.
    """
    return Message(
        subject="",
        sender=None,
        to=(),
        cc=(),
        bcc=(),
        date=None,
        zone_minutes=None,
        message_id=None,
        in_reply_to=(),
        references=(),
        body="",
        segments=(),
        own_text="",
        quoted_text="",
        signature="",
        attachments=(),
        content_sha256=content_sha256,
        mih=None,
        status=ReadStatus.UNREADABLE,
        problems=problems,
        item_class="",
    )
