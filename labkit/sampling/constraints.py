"""Constraints: a text that must match a regular expression or a grammar, through llguidance.

Reads   a regular expression or a Lark grammar, and the tokens drawn so far.
Gives   which tokens may follow, and whether the text is complete.
Ignores the probabilities; the strategies cut what is not allowed.

Source: Willard & Louf 2023; the automaton over tokens is llguidance's.
"""

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from labkit.core.errors import ModelError, OptionError

from .options import SampleOptions

_TOKENIZERS: "WeakKeyDictionary[Any, Any]" = WeakKeyDictionary()


class Constraint:
    """Follows one text through its grammar."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    @property
    def complete(self) -> bool:
        """True: nothing more may follow."""
        return self._matcher.is_stopped()

    def allowed(self, vocab: int) -> Tensor:
        """(vocab,) true where a token may follow."""
        import numpy as np

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        mask = torch.from_numpy(np.unpackbits(bits, bitorder="little")[:vocab].astype(bool))
        return torch.nn.functional.pad(mask, (0, vocab - len(mask)))

    def accept(self, token: int) -> None:
        """The token was drawn."""
        if not self._matcher.consume_token(token):
            raise ModelError(f"token {token} does not follow the grammar: {self._matcher.get_error()}")


def make_constraint(lm: Any, options: SampleOptions) -> Constraint | None:
    """A fresh constraint for one text; None where the options ask for none.

    Raises:
        OptionError: the expression or grammar cannot be read.
        ModelError: the tokenizer is not one of the fast ones.
    """
    if not (options.regex or options.grammar):
        return None
    from llguidance import LLMatcher

    tokenizer = _tokenizer(lm)
    if options.regex:
        source = LLMatcher.grammar_from_regex(options.regex)
    else:
        source = LLMatcher.grammar_from_lark(options.grammar)
    wrong, says = LLMatcher.validate_grammar_with_warnings(source, tokenizer)
    if wrong:
        what, said = "regex" if options.regex else "grammar", " ".join(says[0].split())[:300]
        raise OptionError(f"{what}={(options.regex or options.grammar)!r} cannot be read: {said}; correct it")
    return Constraint(LLMatcher(tokenizer, source, log_level=0))


def _tokenizer(lm: Any) -> Any:
    if lm.tokenizer not in _TOKENIZERS:
        from llguidance.hf import from_tokenizer

        try:
            _TOKENIZERS[lm.tokenizer] = from_tokenizer(lm.tokenizer, n_vocab=lm.model.config.vocab_size, slices=[])
        except ValueError as error:
            raise ModelError(f"regex and grammar need a fast tokenizer; {lm.name} has none ({error})") from error
    return _TOKENIZERS[lm.tokenizer]
