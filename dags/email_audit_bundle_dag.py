"""Case bundles as a DAG: after every audit that changed the hits, or by hand for one case."""

import os

from airflow.sdk import Asset, Param, dag, task

Params = dict[str, object] | None
HITS = Asset("email-audit-hits")


@dag(
    schedule=[HITS],
    catchup=False,
    max_active_runs=1,
    tags=["email-audit"],
    doc_md=__doc__,
    params={
        "case": Param(
            os.environ.get("EMAIL_AUDIT_CASE", "all-hits"),
            type="string",
            minLength=1,
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            title="Case",
            description="The case's name, as it stands in the bundle.",
        ),
        "to": Param(
            None,
            type=["null", "string"],
            title="Folder",
            description="A new folder; empty: bundles/CASE-RUN in the workspace.",
        ),
        "officer": Param(
            None,
            type=["null", "string"],
            title="Officer",
            description="Only hits of which this officer_id has a copy; empty: of all.",
        ),
        "query": Param(
            None,
            type=["null", "string"],
            title="Query",
            description="Only hits that this search query finds; empty: all.",
        ),
        "elasticsearch_connection": Param(
            os.environ.get("EMAIL_AUDIT_ELASTICSEARCH_CONNECTION"),
            type=["null", "string"],
            title="Index connection",
            description="Airflow connection of type elasticsearch; empty: EMAIL_AUDIT_... .",
        ),
    },
)
def email_audit_bundle() -> None:
    """Export one case bundle."""

    @task
    def export(params: Params = None, run_id: str | None = None) -> str:
        from email_audit.airflow_steps import export_case

        return export_case(params, run_id)

    export()


email_audit_bundle()
