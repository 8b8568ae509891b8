"""The node that the tests of search use is a real Elasticsearch."""

from tests.elasticsearch_node.node import ask


def test_it_indexes_and_finds(elasticsearch_url: str, elasticsearch_alias: str) -> None:
    index = f"{elasticsearch_alias}-1"
    ask(elasticsearch_url, f"{index}/_doc/1?refresh=true", method="PUT", body={"text": "detainer"})
    found = ask(elasticsearch_url, f"{index}/_search?q=text:detainer")
    assert found["hits"]["total"]["value"] == 1
