"""The index of hits: one interface, an embedded back end, later Elasticsearch."""
