"""Work on hostile bytes in a child process: what kills or hangs it costs one item, not the run."""
