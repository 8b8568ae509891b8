"""Settings of the index's server: combinations, and secrets that are never repeated."""

from pathlib import Path

import pytest

from email_audit.errors import UserError
from email_audit.settings import Settings

HTTPS = "https://search.city.example:9200"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"url": "https://u:hush@es.city.example"}, ["elasticsearch_url: holds credentials"]),
        ({"url": "es.city.example:9200"}, ["elasticsearch_url: is not a URL such as"]),
        ({"url": f"{HTTPS}?key=hush"}, ["elasticsearch_url: has a query or a fragment"]),
        ({"api_key": "hush"}, ["elasticsearch_url is not set"]),
        ({"url": "http://es.city.example", "api_key": "hush"}, ["would travel unencrypted"]),
        ({"url": "http://es.city.example", "setup_api_key": "hush"}, ["begins with https://"]),
        ({"url": HTTPS, "username": "u"}, ["elasticsearch_password is missing"]),
        ({"url": HTTPS, "password": "hush"}, ["elasticsearch_username is missing"]),
        (
            {"url": HTTPS, "api_key": "hush", "username": "u", "password": "hush"},
            ["either elasticsearch_api_key or username and password"],
        ),
        (
            {"api_key": "hush", "username": "u", "ca_certs": "no.pem", "alias": "A B"},
            ["not both", "password is missing", "url is not set", "no.pem is not a file", "'A B'"],
        ),
        ({"timeout_s": 0}, ["elasticsearch_timeout_s: Input should be greater than 0"]),
    ],
)
def test_what_does_not_go_together_is_told_at_once_without_a_secret(
    values: dict[str, object], told: list[str]
) -> None:
    named = {f"elasticsearch_{name}": value for name, value in values.items()}
    with pytest.raises(UserError) as caught:
        Settings.create(workspace=Path("w"), **named)
    for part in told:
        assert part in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_secrets_from_the_environment_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_AUDIT_ELASTICSEARCH_URL", HTTPS + "/")
    monkeypatch.setenv("EMAIL_AUDIT_ELASTICSEARCH_API_KEY", "hush")
    settings = Settings.create(workspace=Path("w"))
    assert settings.elasticsearch_url == HTTPS
    assert settings.elasticsearch_api_key.get_secret_value() == "hush"
    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()


def test_credentials_may_travel_to_this_machine_itself() -> None:
    settings = Settings.create(
        workspace=Path("w"),
        elasticsearch_url="http://127.0.0.1:9200",
        elasticsearch_username="u",
        elasticsearch_password="hush",
    )
    assert settings.elasticsearch_username == "u"
