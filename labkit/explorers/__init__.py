"""Explorers: the parts of a live panel over a model, and panels too large for a lesson's module; `panel` says how."""
