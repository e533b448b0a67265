"""The sections of tests/bench/run, a module each: NAME, TITLE, and measure(bench)."""
