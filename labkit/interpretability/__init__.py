"""Interpretability: look inside one forward pass, and change it.

Reads   a LanguageModel and a text.
Gives   Capture (what was seen), measures of heads, the effect of switching heads off.
Ignores how results are drawn.

Everything goes through TransformerLens' TransformerBridge (`lm.bridge`), whose names for the inside of a model are
the same for every architecture: decoders and encoders, downloaded or trained a minute ago.
"""

from .ablation import head_effects, predict, vectors_without
from .capture import SITES, Capture, capture, head_weights
from .heads import MEASURES, head_classes, induction_scores, measure, measure_all
from .relevance import RankCorrelation, gradient_times_attention, rank_correlation, value_weighted

__all__ = [
    "MEASURES",
    "SITES",
    "Capture",
    "RankCorrelation",
    "capture",
    "gradient_times_attention",
    "head_classes",
    "head_effects",
    "head_weights",
    "induction_scores",
    "measure",
    "measure_all",
    "predict",
    "rank_correlation",
    "value_weighted",
    "vectors_without",
]
