"""Tocsin's gateway: from a webhook to the one message the right person needs."""
