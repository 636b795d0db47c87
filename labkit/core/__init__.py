"""Ground floor: result types, errors, device choice, seeds, paths, colours.

Ignores everything else of labkit. Importing it loads neither torch nor plotly.
"""
