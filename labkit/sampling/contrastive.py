"""Contrastive search: the likely token that resembles what was said least.

Reads   a LanguageModel and one prompt.
Gives   Samples of one text.
Ignores chance.

Of the `top` most likely tokens, the one with the greatest

    (1 - alpha) * probability  -  alpha * greatest cosine between its hidden state and those of the text so far

Source: Su et al. 2022, "A contrastive framework for neural text generation".
Laws (tests/sampling/test_contrastive.py): equals the formula computed without a cache; alpha 0 or top 1 is greedy.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from labkit.core.errors import OptionError
from labkit.core.results import Samples

from .beams import one_prompt
from .options import whole
from .prompts import Decoder, context_length, end_tokens


def contrastive_search(lm: Any, prompt: Any, *, top: int = 4, alpha: float = 0.6, max_tokens: int = 64) -> Samples:
    """One text by contrastive search.

    Args:
        top: how many of the most likely tokens compete at each step.
        alpha: weight of the resemblance, in [0, 1].
        max_tokens: most tokens.

    Raises:
        OptionError: a number is out of its range.
    """
    start, top, max_tokens = one_prompt(lm, prompt), whole("top", top), whole("max_tokens", max_tokens)
    if not 0 <= alpha <= 1:
        raise OptionError(f"alpha={alpha} is out of its range; use 0 (greedy) to 1")
    ids, logprobs, eos, ended = [], [], end_tokens(lm), ""
    room = context_length(lm.model) - len(start.ids)
    past, hidden, logits = _read(lm.model, torch.tensor([start.ids], device=lm.model.device), None)
    said, row = hidden[0], logits[0, -1]  # (seq, d_model), (vocab,)
    while not ended:
        own = row.float().log_softmax(-1)
        probabilities, tokens = own.exp().topk(min(top, len(own)))  # (candidate,)
        past.batch_select_indices(torch.zeros_like(tokens))  # the text so far, once for each candidate
        past, hidden, logits = _read(lm.model, tokens[:, None], past)
        likeness = _cosine(hidden[:, -1], said).amax(-1)  # (candidate,)
        best = int(((1 - alpha) * probabilities - alpha * likeness).argmax())
        token = int(tokens[best])
        ids.append(token)
        logprobs.append(float(own[token]))
        past.batch_select_indices(torch.tensor([best], device=tokens.device))
        said, row = torch.cat([said, hidden[best]]), logits[best, -1]
        ended = "eos" if token in eos else "length" if len(ids) == max_tokens else "context" if len(ids) == room else ""
    decoder = Decoder(lm.tokenizer)
    return Samples(
        prompts=(start.text,), texts=(decoder.text(ids, start.ids),), tokens=(tuple(map(decoder.token, ids)),),
        ids=(tuple(ids),), logprobs=(np.array(logprobs, dtype=np.float32),), ended=(ended,),
        title=f"Contrastive search, alpha {alpha:g}",
    )  # fmt: skip


@torch.inference_mode()
def _read(model: Any, ids: Tensor, past: Any) -> tuple[Any, Tensor, Tensor]:
    """The cache, (batch, new, d_model) last hidden states, (batch, new, vocab) logits."""
    out = model(input_ids=ids, past_key_values=past, use_cache=True, output_hidden_states=True)
    return out.past_key_values, out.hidden_states[-1].float(), out.logits


def _cosine(these: Tensor, those: Tensor) -> Tensor:
    """(these, those) cosine of each pair of rows."""
    return torch.nn.functional.normalize(these, dim=-1) @ torch.nn.functional.normalize(those, dim=-1).T
