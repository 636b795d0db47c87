"""Sampling: turn next-token logits into text.

Reads   a LanguageModel and a prompt.
Gives   Samples: texts, token ids, log-probabilities in nats.
Ignores how the model was trained and how results are drawn.
"""

from .options import SampleOptions
from .prompts import chat_text
from .sample import Piece, sample, stream

__all__ = ["Piece", "SampleOptions", "chat_text", "sample", "stream"]
