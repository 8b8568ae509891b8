"""The client that the settings give: where it goes, without asking anything there."""

from pathlib import Path

import pytest

from email_audit.errors import UserError
from email_audit.search.elasticsearch.connection import connect
from email_audit.settings import Settings


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://search.city.example", "http://search.city.example:80"),
        ("http://search.city.example:", "http://search.city.example:80"),
        ("http://search.city.example/es", "http://search.city.example:80/es"),
        ("https://search.city.example/", "https://search.city.example:443"),
        ("https://search.city.example:9200", "https://search.city.example:9200"),
        ("http://[::1]", "http://[::1]:80"),
    ],
)
def test_a_url_without_a_port_means_the_one_of_its_scheme(url: str, address: str) -> None:
    client = connect(Settings.create(workspace=Path("w"), elasticsearch_url=url))
    assert [node.base_url for node in client.transport.node_pool.all()] == [address]


def test_a_url_of_no_server_is_told_by_the_name_of_its_setting() -> None:
    settings = Settings.create(workspace=Path("w"), elasticsearch_url="http://search city:9200")
    with pytest.raises(UserError, match="elasticsearch_url: http://search city:9200 is no address"):
        connect(settings)
