"""A real Elasticsearch node for tests, put together from what Elastic publishes for Maven."""
