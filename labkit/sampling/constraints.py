"""Constraints: a text that must match a regular expression, a grammar or a JSON schema, through llguidance.

Reads   the expression, Lark grammar or schema, and the tokens drawn so far.
Gives   which tokens may follow, and whether the text is complete.
Ignores the probabilities; the strategies cut what is not allowed.

Source: Willard & Louf 2023; the automaton over tokens is llguidance's.
"""

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from labkit.core.errors import ModelError, OptionError
from labkit.core.pieces import Pieces

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
        """(vocab,) true where a token may follow.

        Raises:
            OptionError: none may, and the text is not complete.
        """
        import numpy as np

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_stopped() and not self._matcher.is_accepting():
            raise OptionError("this vocabulary has no token that the rule lets follow; take another rule or model")
        mask = torch.from_numpy(np.unpackbits(bits, bitorder="little")[:vocab].astype(bool))
        return torch.nn.functional.pad(mask, (0, vocab - len(mask)))

    def accept(self, token: int) -> None:
        """The token was drawn."""
        if not self._matcher.consume_token(token):
            said = " ".join(self._matcher.get_error().partition("<state>")[0].split())
            raise OptionError(f"the prefix breaks the rule ({said}); change one of them")


def make_constraint(lm: Any, options: SampleOptions) -> Constraint | None:
    """A fresh constraint for one text; None where the options ask for none.

    Raises:
        OptionError: the expression, grammar or schema cannot be read, or this vocabulary cannot write it.
        ModelError: the tokenizer puts something between its tokens.
    """
    if not options.ruled:
        return None
    from llguidance import LLMatcher

    (name,), tokenizer = options.ruled, _tokenizer(lm)
    read = {"regex": LLMatcher.grammar_from_regex, "grammar": LLMatcher.grammar_from_lark, "schema": _json}[name]
    asked = getattr(options, name)
    try:
        source = read(asked)
        wrong, says = LLMatcher.validate_grammar_with_warnings(source, tokenizer)
    except (ValueError, TypeError) as error:
        wrong, says = True, [str(error)]
    if wrong:
        raise OptionError(f"{name}={str(asked)[:300]!r} cannot be read: {' '.join(says[0].split())[:300]}; correct it")
    return Constraint(LLMatcher(tokenizer, source, log_level=0))


def _json(schema: Any) -> str:
    """The grammar of JSON texts of a schema, spaced as json.dumps does: with any spaces a model can go on for ever."""
    from llguidance import LLMatcher

    spaces: Any = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
    return LLMatcher.grammar_from_json_schema(schema, defaults=spaces)


def _tokenizer(lm: Any) -> Any:
    if lm.tokenizer not in _TOKENIZERS:
        from llguidance import LLTokenizer, TokenizerWrapper
        from llguidance.hf import from_tokenizer

        vocab = lm.model.config.vocab_size
        try:
            made = from_tokenizer(lm.tokenizer, n_vocab=vocab, slices=[])
        except ValueError:  # slow, or with a decoder that it does not know
            made = LLTokenizer(TokenizerWrapper(_Spelled(lm.tokenizer, vocab)), slices=[])
        _TOKENIZERS[lm.tokenizer] = made
    return _TOKENIZERS[lm.tokenizer]


class _Spelled:
    """Any tokenizer, as llguidance wants to see it: by the bytes of each token."""

    def __init__(self, tokenizer: Any, vocab: int) -> None:
        """Args: vocab of the model, whose last ids may stand for no token.

        Raises:
            ModelError: a text is not its tokens one after the other.
        """
        known = min(len(tokenizer), vocab)
        words = list(map(Pieces(tokenizer), range(known)))
        plain = [i for i in range(known) if i not in tokenizer.all_special_ids]
        some = plain[: 2 * (len(plain) // 2)][-8:]
        if tokenizer.decode(some, clean_up_tokenization_spaces=False) != b"".join(words[i] for i in some).decode(
            errors="replace"
        ):
            raise ModelError(
                "regex, grammar and schema need a tokenizer whose text is its tokens one after the other; this one "
                "puts something between them, so ask without a rule"
            )
        self.tokens = [*words, *[b""] * (vocab - known)]
        self._numbers = {self.tokens[i]: i for i in plain}
        self._longest = max(map(len, self._numbers))
        self.special_token_ids = tokenizer.all_special_ids
        self.bos_token_id, self.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
        if self.eos_token_id is None:  # one of its own, behind all others
            self.eos_token_id = len(self.tokens)
            self.tokens.append(b"<end>")

    def __call__(self, text: bytes) -> list[int]:
        """The longest token each time: llguidance asks this for what must follow, and any spelling will do."""
        ids, at = [], 0
        while at < len(text):
            size = next((n for n in range(self._longest, 0, -1) if text[at : at + n] in self._numbers), 0)
            ids += [self._numbers[text[at : at + size]]] if size else []
            at += size or 1
        return ids
