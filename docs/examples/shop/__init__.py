"""A Django application that tells Tocsin what happens to its imports."""
