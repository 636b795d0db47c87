"""Interpretability: look inside one forward pass, and change it.

Reads   a LanguageModel and a text.
Gives   Capture (what was seen, with any Edit made on the way), measures of heads, the effect of switching heads off or
        of putting one text's state into another, what each part writes into the answer, lenses, steered models.
Ignores how results are drawn.

Everything goes through TransformerLens' TransformerBridge (`lm.bridge`), whose names for the inside of a model are
the same for every architecture: decoders and encoders, downloaded or trained a minute ago.
"""

from .ablation import head_effects, predict_without, token_losses, vectors_without
from .attribution import Attribution, attribution
from .capture import Capture, capture
from .contrasts import Contrast, attribution_patching, contrast, recovered, recovery
from .edits import SITES, Edit
from .heads import MEASURES, head_classes, measure, measure_all
from .induction import induction_scores, repeated_tokens
from .lenses import Lens, Looked, lens, look, states
from .one_head import OneHead, head_weights, one_head
from .patching import Patched, patch
from .relevance import compare_with_effect, cosine_distance, gradient_times_attention, value_weighted
from .steering import steer
from .sweeps import sweep

__all__ = [
    "MEASURES", "SITES", "Attribution", "Capture", "Contrast", "Edit", "Lens", "Looked", "OneHead", "Patched",
    "attribution", "attribution_patching", "capture", "compare_with_effect", "contrast", "cosine_distance",
    "gradient_times_attention", "head_classes", "head_effects", "head_weights", "induction_scores", "lens", "look",
    "measure", "measure_all", "one_head", "patch", "predict_without", "recovered", "recovery", "repeated_tokens",
    "states", "steer", "sweep", "token_losses", "value_weighted", "vectors_without",
]  # fmt: skip
