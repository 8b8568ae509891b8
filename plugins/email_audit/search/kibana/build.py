"""All saved objects of the audit, in the order in which they refer to each other."""

import hashlib
from dataclasses import dataclass

from email_audit import __version__
from email_audit.search.kibana.dashboards import dashboards
from email_audit.search.kibana.data_views import data_views
from email_audit.search.kibana.objects import ObjectType, Reference, SavedObject, as_ndjson
from email_audit.search.kibana.panels import visualizations
from email_audit.search.kibana.searches import saved_searches

TAG = "email-audit"
_COLOR = "#1a6fb0"
_DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class ObjectSet:
    """Every object that investigators get, and the digest by which two sets are told apart."""

    objects: tuple[SavedObject, ...]
    digest: str

    def as_ndjson(self) -> bytes:
        """Give the file that Kibana imports."""
        return as_ndjson(self.objects)


def object_set(alias: str, review_url: str = "") -> ObjectSet:
    """Give the objects over the index `alias`; for `review_url` see `data_views`.

    All carry one tag. Its description names the version of the package and the digest of the other
    objects: it tells which set a Kibana holds.
    """
    link = Reference(ObjectType.TAG, TAG, f"tag-ref-{TAG}")
    others = (
        *data_views(alias, review_url),
        *saved_searches(link),
        *visualizations(link),
        *dashboards(link),
    )
    digest = hashlib.sha256(as_ndjson(others)).hexdigest()[:_DIGEST_LENGTH]
    tag = SavedObject(
        ObjectType.TAG,
        TAG,
        {
            "name": "E-mail audit",
            "description": f"Written by email-audit {__version__}, set {digest}. "
            "`email-audit kibana set-up` writes these objects anew: keep your changes in copies.",
            "color": _COLOR,
        },
    )
    return ObjectSet((tag, *others), digest)
