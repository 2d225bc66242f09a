"""What matters in a log, in at most 12,000 characters, each line with its number."""

from summarizer.excerpt.fit import AT_MOST, Excerpt, fit
from summarizer.excerpt.lines import lines_of
from summarizer.excerpt.pick import Line, Picked, pick

__all__ = ["AT_MOST", "Excerpt", "Line", "Picked", "fit", "lines_of", "pick"]
