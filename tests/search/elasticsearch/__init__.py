"""Tests of the search index on an Elasticsearch server."""
