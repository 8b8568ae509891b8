"""Case bundles: originals, readable copies, timeline, hashes, custody log, offline verification."""
