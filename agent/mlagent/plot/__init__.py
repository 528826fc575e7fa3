"""Numbers to SVG text, for the pages that people read: plots that read without colour, and where styles are forbidden.

words    texts that are never markup; numbers and shares as people write them
svg      one drawing: its title, its labels, its lines; colours as attributes, which a page's style may replace
axes     from numbers to places: scales, ticks, the frame around a plot
bars     histograms and bars of counts
lines    curves, with points and limits marked
columns  bars between two numbers each
pairs    shares of categories, now and before
whiskers figures with their intervals
spans    what ran when
"""
