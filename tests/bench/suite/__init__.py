"""What the sections of tests/bench/run share."""
