"""The page: server-rendered, works without scripts; the same operations as the API behind every view."""
