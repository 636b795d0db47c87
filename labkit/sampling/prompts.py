"""Prompts: what the user typed, as token ids, and token ids as text.

Reads   a tokenizer of transformers; a text, a chat (list of {"role", "content"}), or a list of either.
Gives   ids, and each token's text as it is shown.
Ignores how the next token is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateError, UndefinedError

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
        TextError: a chat that the template does not take, an empty text without a start token, or no valid Unicode.
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
        TextError: they are no chat, the tokenizer has no chat template, or its template does not take them.

    Law: a chat is read, or refused in one sentence (tests/sampling/test_hostile_chats.py).
    """
    return _read_chat(lm.tokenizer, messages).text


def _read_chat(tokenizer: Any, messages: Sequence[Message]) -> Prompt:
    if not getattr(tokenizer, "chat_template", None):
        raise TextError("this tokenizer has no chat template; give the prompt as one text instead of messages")
    _check_messages(messages)
    try:
        text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
    except Exception as error:  # a template is somebody's program, and fails in whatever way it likes
        raise TextError(_why(error, messages)) from error
    return Prompt(text, tuple(read_ids(tokenizer, text, add_special_tokens=False)))


def _check_messages(messages: Any) -> None:
    """Refuse what a template would write into the prompt as Python writes it: None, a list of parts."""
    if not messages or not isinstance(messages, Sequence) or not all(isinstance(one, dict) for one in messages):
        raise TextError(f"{messages!r} is no chat; give a list of messages, [{{'role': 'user', 'content': 'Hello'}}]")
    for number, message in enumerate(messages):
        if not {"role", "content"} <= set(message):
            raise TextError(f"a message has the keys {sorted(map(str, message))}; it needs 'role' and 'content'")
        for key in ("role", "content"):
            if not isinstance(message[key], str):
                raise TextError(
                    f"message {number} has a {key} of type {type(message[key]).__name__}, but a model of text reads a "
                    "str; join the texts of its parts, or write '' where there is none"
                )


def _why(error: Exception, messages: Sequence[Message]) -> str:
    """What a template says where it refuses a chat, and where it fails, that it does."""
    said = " ".join(str(error).split())[:200]
    if type(error) is TemplateError:  # its own raise_exception
        roles = ", ".join(str(message["role"]) for message in messages)
        return (
            f"the model's chat template does not take the roles {roles} ({said}); put a system message's text into the "
            "first user message, and let user and assistant take turns"
        )
    lacking = ", perhaps for tools or documents that it expects" * isinstance(error, (TypeError, UndefinedError))
    return (
        f"the model's chat template fails ({type(error).__name__}: {said}){lacking}; "
        "set lm.tokenizer.chat_template to another, or give the prompt as one text"
    )


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
