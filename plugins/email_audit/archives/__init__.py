"""Archives: their members, one at a time, within limits counted while they are decompressed."""
