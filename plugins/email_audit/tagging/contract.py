"""The JSON object that `email-audit tag` prints for each message; scripts depend on its shape."""

from email_audit.messages.records import Message
from email_audit.tagging.records import Tag

TagJson = dict[str, str | bool | float | list[str] | list[dict[str, object]] | None]


def tag_contract(message: Message, tag: Tag) -> TagJson:
    """Give the contract's object for one message and its tag; all values are JSON's own types."""
    return {
        "message_id": message.message_id,
        "content_sha256": message.content_sha256,
        "enforcement": tag.enforcement,
        "score": tag.score,
        "kinds": [kind.value for kind in tag.kinds],
        "signals": [
            {
                "text": signal.text,
                "start": signal.start,
                "end": signal.end,
                "part": signal.part,
                "label": signal.label,
            }
            for signal in tag.signals
        ],
    }
