"""Sampling: turn next-token logits into text.

Reads   a LanguageModel and a prompt.
Gives   Samples: texts, token ids, log-probabilities in nats.
Ignores how the model was trained and how results are drawn.
"""

from .beams import beam_search, beam_tree
from .dissection import Stage, Stages, dissect
from .drafts import ModelDraft, NgramDraft, Shortlist, first_layers
from .measures import by_prompt, chi_square, curve, perplexity, repetition_rate, self_bleu
from .options import SampleOptions
from .prompts import chat_text, prompt_tokens
from .ranking import best_of, reorder, together
from .runners import PrefixCache
from .sample import Piece, sample, stream
from .speculation import Speculation, settle, speculate
from .trees import sample_tree

__all__ = [
    "ModelDraft", "NgramDraft", "Piece", "PrefixCache", "SampleOptions", "Shortlist", "Speculation", "Stage", "Stages",
    "beam_search", "beam_tree", "best_of", "by_prompt", "chat_text", "chi_square", "curve", "dissect",
    "first_layers", "perplexity", "prompt_tokens", "reorder", "repetition_rate", "sample", "sample_tree", "self_bleu",
    "settle", "speculate", "stream", "together",
]  # fmt: skip
