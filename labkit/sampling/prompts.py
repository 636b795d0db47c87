"""Prompts: what the user typed, as token ids, and token ids as text.

Reads   a tokenizer of transformers; a text, a chat (list of {"role", "content"}), or a list of either.
Gives   ids, and each token's text as it is shown.
Ignores how the next token is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labkit.core.errors import OptionError, TextError
from labkit.core.pieces import Pieces, shown
from labkit.core.results import TokenSplit
from labkit.models.prediction import read_ids

Message = dict[str, str]


@dataclass(frozen=True)
class Prompt:
    """One prompt, ready for the model."""

    text: str
    """what the model reads; for a chat, after its template"""
    ids: tuple[int, ...]


def read_prompts(tokenizer: Any, prompt: str | Sequence[Any]) -> list[Prompt]:
    """One prompt, or several: a text, a chat (messages), or a list of texts or chats.

    An empty text starts from the tokenizer's start token.

    Raises:
        OptionError: it is none of these, or the list is empty.
        TextError: a chat without a template, an empty text without a start token, or no valid Unicode.
    """
    if isinstance(prompt, str):
        return [Prompt(prompt, tuple(read_ids(tokenizer, prompt)))]
    if not isinstance(prompt, Sequence) or not prompt:
        raise OptionError(f"prompt={prompt!r} is neither a text, nor a chat, nor a list of them; give 'a text'")
    if all(isinstance(part, dict) for part in prompt):
        return [_read_chat(tokenizer, prompt)]
    return [one for part in prompt for one in read_prompts(tokenizer, part)]


def chat_text(lm: Any, messages: Sequence[Message]) -> str:
    """What the model reads of a chat: its messages in the model's own template, up to where the answer begins.

    Raises:
        TextError: the tokenizer has no chat template.
    """
    return _read_chat(lm.tokenizer, messages).text


def _read_chat(tokenizer: Any, messages: Sequence[Message]) -> Prompt:
    if not getattr(tokenizer, "chat_template", None):
        raise TextError("this tokenizer has no chat template; give the prompt as one text instead of messages")
    for message in messages:
        if not {"role", "content"} <= set(message):
            raise TextError(f"a message has the keys {sorted(message)}; it needs 'role' and 'content'")
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    return Prompt(text, tuple(read_ids(tokenizer, text, add_special_tokens=False)))


class Decoder:
    """Token ids back to text, remembering each token's text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._pieces, self._shown = Pieces(tokenizer), dict[int, str]()

    def text(self, ids: Sequence[int], after: Sequence[int] = ()) -> str:
        """The text of ids that follow other ids; special tokens are left out."""
        if not after:
            return self._decode(ids)
        before = self._decode(after[-1:])
        whole = self._decode([*after[-1:], *ids])
        return whole[len(before) :] if whole.startswith(before) and "\ufffd" not in before else self._decode(ids)

    def token(self, index: int) -> str:
        """One token as it is shown; bytes that are not a whole character read ⟨e2⟩."""
        if index not in self._shown:
            self._shown[index] = shown(self._pieces(index))
        return self._shown[index]

    def _decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)


def end_tokens(lm: Any) -> frozenset[int]:
    """Ids after which a text has ended: the generation settings' and the tokenizer's."""
    told = getattr(getattr(lm.model, "generation_config", None), "eos_token_id", None)
    ids = [told] if isinstance(told, int) else list(told or [])
    return frozenset(i for i in (*ids, lm.tokenizer.eos_token_id) if i is not None)


def context_length(model: Any) -> int:
    """How many tokens the model can attend to; a very large number where its settings name no limit."""
    for name in ("max_position_embeddings", "n_positions", "n_ctx"):
        size = getattr(model.config, name, None)
        if isinstance(size, int) and size > 0:
            return size
    return 1 << 30


def prompt_tokens(lm: Any, prompt: Any) -> TokenSplit:
    """One prompt as the model reads it: a text as it is, a chat in its template, each special token as one.

    Raises:
        OptionError: there is more than one prompt.
    """
    prompts = read_prompts(lm.tokenizer, prompt)
    if len(prompts) > 1:
        raise OptionError(f"{len(prompts)} prompts were given where one is shown; call it once for each")
    decoder = Decoder(lm.tokenizer)
    return TokenSplit(tuple(map(decoder.token, prompts[0].ids)), prompts[0].ids, prompts[0].text, lm.name)
