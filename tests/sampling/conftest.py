"""Tiny models that speak bytes, with a start token and a chat template."""

from typing import Any

import pytest

from tests.tiny import Lm, byte_tokenizer, make_gpt2, make_llama

CHAT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
    "{% if add_generation_prompt %}<a>{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_llama() -> Any:
    """Makes one: tiny_llama(seed=1)."""
    return make_llama


@pytest.fixture(scope="session")
def lm() -> Lm:
    return Lm("tiny", make_llama(), byte_tokenizer(bos_token="<start>", chat_template=CHAT))


@pytest.fixture(scope="session")
def gpt2(lm: Lm) -> Lm:
    return Lm("tiny gpt2", make_gpt2(), lm.tokenizer)
