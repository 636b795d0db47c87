"""Suite: notebooks as programs, with parameters, claims, baselines, budgets, reports and student copies.

Ignores what a lesson is about: it knows cells, outputs and `metadata.labkit`, and nothing of models or pictures.
"""
