"""How fast is it? `make bench` answers every speed target in one run; docs/speed.md says how it is measured."""
