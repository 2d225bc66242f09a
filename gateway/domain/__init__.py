"""Nouns and rules: pure functions over plain values, `now` an argument, no I/O."""
