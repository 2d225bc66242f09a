"""Generated log lines, with secrets and without, to measure redaction by.

Four parts: `basic` (shapes, names, addresses), `wide` (languages, tools, line breaks), `more` (what was held out at first), and
`held_out`, which the patterns are never fitted to. `python -m tests.summarizer.corpus` prints the figures of
docs/failure-summaries.md.
"""
