"""Setting Kibana up: what is there afterwards, twice, and every fault as one clear message."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from email_audit.errors import EmailAuditError, RunError, UserError
from email_audit.search.kibana.build import ObjectSet, object_set
from email_audit.search.kibana.client import Kibana
from email_audit.search.kibana.installing import Change, Installed, set_up
from email_audit.search.kibana.objects import Reference, SavedObject
from email_audit.search.kibana.roles import roles, says_the_same
from email_audit.search.kibana.settings import KibanaSettings
from tests.search.kibana.server import KEY, PASSWORD, USER, FakeKibana, serving

SPACE, ALIAS = "email-audit", "email-audit-messages"
IMPORT = f"POST /s/{SPACE}/api/saved_objects/_import"


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(name="kibana")
def fresh() -> Iterator[FakeKibana]:
    kibana = FakeKibana()
    yield kibana
    assert kibana.violations == []


def settings(url: str, **values: Any) -> KibanaSettings:
    account = {} if "kibana_username" in values else {"kibana_api_key": KEY}
    return KibanaSettings.create(kibana_url=url, **{**account, **values})


def install(kibana: FakeKibana, objects: ObjectSet | None = None, **values: Any) -> Installed:
    with serving(kibana) as url:
        client = Kibana(settings(url, **values))
        return set_up(client, SPACE, ALIAS, objects or object_set(ALIAS))


def refused(kibana: FakeKibana, kind: type[EmailAuditError], **values: Any) -> str:
    with pytest.raises(EmailAuditError) as caught:
        install(kibana, **values)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert KEY not in message
    assert PASSWORD not in message
    return message


def test_afterwards_space_roles_and_all_objects_are_there(kibana: FakeKibana) -> None:
    done = install(kibana)
    expected = object_set(ALIAS)
    assert done.kibana_version == "9.5.3"
    assert done.space is Change.CREATED
    assert done.roles == {
        "email-audit-investigator": Change.CREATED,
        "email-audit-writer": Change.CREATED,
    }
    assert (done.written, done.overwritten) == (len(expected.objects), 0)
    assert {key[1:] for key in kibana.objects} == {
        (saved.type.value, saved.id) for saved in expected.objects
    }
    assert {space for space, _, _ in kibana.objects} == {SPACE}
    assert kibana.spaces[SPACE]["name"] == "E-mail audit"


def test_a_second_time_changes_nothing(kibana: FakeKibana) -> None:
    install(kibana)
    before = json.dumps([kibana.spaces, kibana.roles, list(kibana.objects.items())])
    kibana.log.clear()
    done = install(kibana)
    assert json.dumps([kibana.spaces, kibana.roles, list(kibana.objects.items())]) == before
    assert done.space is Change.UNCHANGED
    assert set(done.roles.values()) == {Change.UNCHANGED}
    assert done.overwritten == done.written == len(kibana.objects)
    assert [entry for entry in kibana.log if not entry.startswith("GET ")] == [IMPORT]


def test_investigators_read_one_alias_and_one_space_and_nothing_else(kibana: FakeKibana) -> None:
    install(kibana)
    role = kibana.roles["email-audit-investigator"]
    assert role["elasticsearch"]["indices"] == [
        {"names": [ALIAS], "privileges": ["read", "view_index_metadata"]}
    ]
    assert role["elasticsearch"]["cluster"] == []
    assert role["kibana"] == [
        {
            "spaces": [SPACE],
            "base": [],
            "feature": {"discover_v2": ["read"], "dashboard_v2": ["read"]},
        }
    ]


def test_the_writer_has_no_part_in_kibana(kibana: FakeKibana) -> None:
    install(kibana)
    role = kibana.roles["email-audit-writer"]
    assert role["kibana"] == []
    [entry] = role["elasticsearch"]["indices"]
    assert entry["names"] == [ALIAS, f"{ALIAS}-*"]


def test_a_role_that_was_widened_is_put_right(kibana: FakeKibana) -> None:
    install(kibana)
    kibana.roles["email-audit-investigator"]["elasticsearch"]["indices"].append(
        {"names": ["*"], "privileges": ["all"]}
    )
    done = install(kibana)
    assert done.roles["email-audit-investigator"] is Change.CHANGED
    assert done.roles["email-audit-writer"] is Change.UNCHANGED
    assert (
        kibana.roles["email-audit-investigator"] == roles(SPACE, ALIAS)["email-audit-investigator"]
    )


@pytest.mark.parametrize(
    "more",
    [
        {"cluster": ["manage_security"]},
        {"run_as": ["elastic"]},
        {"remote_indices": [{"clusters": ["*"], "names": ["*"], "privileges": ["read"]}]},
        {"global": {"profile": {"write": {"applications": ["kibana*"]}}}},
    ],
)
def test_any_further_privilege_makes_a_role_another(more: dict[str, Any]) -> None:
    role = roles(SPACE, ALIAS)["email-audit-investigator"]
    known = {**role, "elasticsearch": {**role["elasticsearch"], **more}}
    assert says_the_same(role, {**role, "metadata": {}})
    assert not says_the_same(role, known)


def test_a_field_rule_or_another_space_makes_a_role_another() -> None:
    role = roles(SPACE, ALIAS)["email-audit-investigator"]
    [entry] = role["elasticsearch"]["indices"]
    ruled = {**entry, "field_security": {"grant": ["subject"]}}
    assert not says_the_same(
        role, {**role, "elasticsearch": {**role["elasticsearch"], "indices": [ruled]}}
    )
    assert not says_the_same(role, {**role, "kibana": [{**role["kibana"][0], "spaces": ["*"]}]})


def test_roles_of_a_second_audit_are_others() -> None:
    assert not set(roles("case-7", "case-7-messages")) & set(roles(SPACE, ALIAS))


def test_what_the_operator_made_of_the_space_stays(kibana: FakeKibana) -> None:
    kibana.spaces[SPACE] = {
        "id": SPACE,
        "name": "Case 7",
        "color": "#112233",
        "disabledFeatures": ["ml"],
    }
    assert install(kibana).space is Change.UNCHANGED
    assert kibana.spaces[SPACE]["name"] == "Case 7"


def test_features_that_investigators_need_are_shown_again(kibana: FakeKibana) -> None:
    kibana.spaces[SPACE] = {
        "id": SPACE,
        "name": "Case 7",
        "color": "#112233",
        "disabledFeatures": ["ml", "discover_v2"],
    }
    assert install(kibana).space is Change.CHANGED
    assert kibana.spaces[SPACE] == {
        "id": SPACE,
        "name": "Case 7",
        "color": "#112233",
        "disabledFeatures": ["ml"],
    }


def test_a_user_and_a_password_do_as_well_as_a_key(kibana: FakeKibana) -> None:
    done = install(kibana, kibana_username=USER, kibana_password=PASSWORD)
    assert done.written == len(kibana.objects)


def test_a_netrc_of_the_machine_does_not_replace_the_account(
    kibana: FakeKibana, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password wrong\n")
    assert install(kibana).written == len(kibana.objects)


def test_wrong_credentials_are_named(kibana: FakeKibana) -> None:
    message = refused(kibana, UserError, kibana_username=USER, kibana_password="wrong")
    assert "does not accept the credentials" in message
    assert "wrong" not in message
    assert kibana.log == ["GET /api/status"]


def test_credentials_that_run_out_in_between_are_named(kibana: FakeKibana) -> None:
    kibana.answers[f"GET /api/spaces/space/{SPACE}"] = (401, {}, b"{}")
    assert "does not accept the credentials" in refused(kibana, UserError)


@pytest.mark.parametrize(
    ("may", "needs"),
    [
        ({"roles", "objects"}, "All in all spaces"),
        ({"spaces", "objects"}, "manage_security"),
        ({"spaces", "roles"}, "Saved Objects Management: All"),
    ],
)
def test_a_missing_privilege_is_named(kibana: FakeKibana, may: set[str], needs: str) -> None:
    kibana.may = frozenset(may)
    message = refused(kibana, UserError)
    assert needs in message
    assert "nauthorized" in message or "Unable to" in message  # what Kibana said itself
    assert kibana.objects == {}


@pytest.mark.parametrize("version", ["7.17.9", "8.19.4"])
def test_an_older_kibana_is_refused_before_anything_is_changed(
    kibana: FakeKibana, version: str
) -> None:
    kibana.version = version
    message = refused(kibana, UserError)
    assert version in message
    assert "9.0 or later" in message
    assert kibana.log == ["GET /api/status"]


def test_a_newer_kibana_is_refused_with_a_way_to_try(kibana: FakeKibana) -> None:
    kibana.version = "10.0.0"
    message = refused(kibana, UserError)
    assert "Update email-audit" in message
    assert "email-audit kibana export" in message
    assert kibana.log == ["GET /api/status"]


@pytest.mark.parametrize("level", ["unavailable", "critical"])
def test_a_kibana_that_starts_is_not_ready(kibana: FakeKibana, level: str) -> None:
    kibana.level = level
    message = refused(kibana, RunError)
    assert f"not ready (its status is {level})" in message


def test_a_server_that_is_starting_without_an_answer_of_its_own_is_not_ready(
    kibana: FakeKibana,
) -> None:
    kibana.answers["GET /api/status"] = (503, {}, b"Kibana server is not ready yet")
    assert "not ready" in refused(kibana, RunError)


def test_every_object_that_was_not_taken_is_named(kibana: FakeKibana) -> None:
    known = object_set(ALIAS)
    first, *others = known.objects
    broken = [
        SavedObject(saved.type, saved.id, {**saved.attributes, "colour": "red"}, saved.references)
        if saved.id in ("email-audit-alerts", "email-audit-review")
        else saved
        for saved in others
    ]
    with pytest.raises(RunError) as caught:
        install(kibana, ObjectSet((first, *broken), known.digest))
    message = str(caught.value)
    assert f"took {len(known.objects) - 2} of {len(known.objects)} objects" in message
    assert "search email-audit-alerts (Alerts and their hits): unknown" in message
    assert "'colour' was unexpected" in message
    assert "dashboard email-audit-review" in message


def test_a_reference_that_leads_nowhere_is_named(kibana: FakeKibana) -> None:
    known = object_set(ALIAS)
    lost = Reference(known.objects[0].type, "gone", "tag-ref-gone")
    *others, last = known.objects
    broken = SavedObject(last.type, last.id, last.attributes, (*last.references, lost))
    with pytest.raises(RunError, match="missing_references: tag gone"):
        install(kibana, ObjectSet((*others, broken), known.digest))
    assert kibana.objects == {}


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "successCount": 0, "warnings": []},
        {"success": True, "successCount": 3, "warnings": []},
        {
            "success": True,
            "successCount": 39,
            "errors": [{"type": "tag", "id": "x", "meta": {}, "error": {"type": "conflict"}}],
        },
    ],
)
def test_status_200_alone_is_no_success(kibana: FakeKibana, answer: dict[str, Any]) -> None:
    kibana.answers[IMPORT] = (200, {}, json.dumps(answer).encode())
    assert "objects into space email-audit" in refused(kibana, RunError)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b"<html>Welcome to the proxy</html>"),
        (200, b"[]"),
        (200, b'{"ok": true}'),
        (200, b"\xff"),
    ],
)
def test_an_answer_of_something_else_is_told(
    kibana: FakeKibana, status: int, content: bytes
) -> None:
    kibana.answers[IMPORT] = (status, {}, content)
    assert "not one of Kibana's" in refused(kibana, RunError)


def test_a_server_that_is_no_kibana_is_told(kibana: FakeKibana) -> None:
    kibana.answers["GET /api/status"] = (200, {}, b'{"cluster_name": "es"}')
    assert "is not Kibana" in refused(kibana, UserError)
    kibana.answers["GET /api/status"] = (404, {}, b"<html>nothing here</html>")
    assert "base path" in refused(kibana, UserError)


def test_a_failure_of_kibana_is_told_in_its_words(kibana: FakeKibana) -> None:
    content = b'{"statusCode":500,"error":"Internal Server Error","message":"shard is red"}'
    kibana.answers["PUT /api/security/role/email-audit-writer"] = (500, {}, content)
    message = refused(kibana, RunError)
    assert "answered 500 while writing role email-audit-writer: shard is red" in message


def test_an_upload_that_a_proxy_finds_too_large_is_told(kibana: FakeKibana) -> None:
    kibana.answers[IMPORT] = (413, {}, b"<html>too large</html>")
    assert "answered 413 while importing" in refused(kibana, RunError)


def test_nobody_is_followed_elsewhere_with_the_secret(kibana: FakeKibana) -> None:
    elsewhere = FakeKibana()
    with serving(elsewhere) as other:
        kibana.answers["GET /api/status"] = (302, {"Location": f"{other}/kibana"}, b"")
        message = refused(kibana, UserError)
    assert f"{other}/kibana" in message
    assert elsewhere.log == []


def test_a_server_that_cannot_be_reached_is_told() -> None:
    with serving(FakeKibana()) as url:
        pass
    client = Kibana(settings(url))
    with pytest.raises(RunError, match="cannot be reached while asking for its status") as caught:
        client.version()
    assert url in str(caught.value)
    assert "(Failed to establish a new connection: " in str(caught.value)


def test_certificates_are_checked(kibana: FakeKibana, tmp_path: Path) -> None:
    certificate = tmp_path / "server.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl cannot make a certificate here")
    certificate.write_bytes(
        (tmp_path / "cert.pem").read_bytes() + (tmp_path / "key.pem").read_bytes()
    )
    with serving(kibana, certificate) as url:
        assert Kibana(settings(url, kibana_ca_certs=tmp_path / "cert.pem")).version() == "9.5.3"
        (tmp_path / "none.pem").write_text("no certificate\n")
        for trusted in ({}, {"kibana_ca_certs": tmp_path / "none.pem"}):
            with pytest.raises(EmailAuditError, match="no trusted TLS connection") as caught:
                Kibana(settings(url, **trusted)).version()
            assert "kibana_ca_certs" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kibana_url": "http://kibana.example:5601"}, "must begin with https://"),
        ({"kibana_url": "https://u:s3cret@kibana.example"}, "holds credentials"),
        ({"kibana_url": "kibana.example"}, "is not a URL"),
        ({"kibana_space": "Case 7"}, "is no name for a space"),
        ({"kibana_api_key": ""}, "set one of kibana_api_key"),
        ({"kibana_username": "u", "kibana_password": "s3cret"}, "set one of kibana_api_key"),
        ({"kibana_username": "u"}, "kibana_password is missing"),
        ({"kibana_api_key": "s3cret\nX-Evil: 1"}, "is not the encoded form"),
        ({"kibana_api_key": "id:s3cret"}, "is not the encoded form"),
        (
            {"kibana_api_key": "", "kibana_username": "a:b", "kibana_password": "s3cret"},
            "has a colon in it",
        ),
        ({"kibana_ca_certs": "/nowhere/ca.pem"}, "/nowhere/ca.pem is not a file"),
        ({"review_url": "https://review.example/"}, "must have {content_sha256}"),
        ({"review_url": "javascript:{content_sha256}"}, "must begin with https://"),
        ({"elasticsearch_alias": "Case*"}, "is no name for an alias"),
        ({"kibana_urls": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_wrong_settings_are_named_and_never_repeated(values: dict[str, Any], sentence: str) -> None:
    given = {"kibana_url": "https://kibana.example", "kibana_api_key": "s3cret", **values}
    with pytest.raises(UserError) as caught:
        KibanaSettings.create(**given)
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_secret_is_in_no_representation() -> None:
    known = settings("https://kibana.example")
    assert KEY not in repr(known)
    assert KEY not in repr(vars(Kibana(known)))
