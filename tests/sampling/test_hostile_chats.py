"""Chats and templates as they are found in the world: read as they are, or refused in one sentence with the way out."""

import pytest

from labkit.core.errors import TextError
from labkit.sampling import sample
from labkit.sampling.prompts import chat_text, read_prompts
from tests.tiny import byte_tokenizer

from .conftest import CHAT

STRICT = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}"
)


def user(content):
    return {"role": "user", "content": content}


HELLO = [user("Hello")]
CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "add"}}]}
HOSTILE = {
    "a system role": (
        STRICT,
        [{"role": "system", "content": "Be brief."}, *HELLO],
        r"roles system, user \(System role",
    ),
    "two user turns": (STRICT, HELLO * 2, r"roles user, user \(Conversation roles must alternate\); .*take turns"),
    "no content": (CHAT, [user(None)], "content of type NoneType"),
    "a list of parts": (CHAT, [user([{"type": "text", "text": "Hello"}])], "content of type list.*join the texts"),
    "a number": (CHAT, [user(3)], "content of type int"),
    "nobody's role": (CHAT, [{"role": None, "content": "Hello"}], "role of type NoneType"),
    "calls without a text": (CHAT, [*HELLO, CALL], "message 1 .*NoneType.* write ''"),
    "tools": ("{% for t in tools %}{{ t.name }}{% endfor %}", HELLO, "perhaps for tools or documents"),
    "a syntax error": ("{% for m in %}", HELLO, "template fails .TemplateSyntaxError"),
    "a loop without end": ("{% for m in messages %}", HELLO, "template fails .TemplateSyntaxError"),
    "an unknown name": ("{{ persona.name }}", HELLO, "template fails .UndefinedError"),
    "an unknown filter": ("{{ messages|polite }}", HELLO, "template fails .TemplateAssertionError"),
    "another file": ("{% include 'x' %}", HELLO, "template fails .TypeError"),
    "what is unsafe": ("{{ messages.append(1) }}", HELLO, "template fails .SecurityError"),
    "a fault of its own": ("{{ 1 / 0 }}", HELLO, "template fails .ZeroDivisionError"),
    "several, none by default": ({"a": CHAT, "b": CHAT}, HELLO, "template fails .ValueError"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_chat_is_refused_in_one_sentence(what):
    template, messages, says = HOSTILE[what]
    with pytest.raises(TextError, match=says) as refused:
        read_prompts(byte_tokenizer(chat_template=template), messages)
    assert "; " in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("messages", [None, [], "Hello", user("Hello"), ["Hello"], [1]])
def test_what_is_no_chat_is_refused(lm, messages):
    with pytest.raises(TextError, match="is no chat; give a list of messages"):
        chat_text(lm, messages)


def test_a_chat_with_what_the_template_ignores_is_read(lm):
    assert chat_text(lm, [{**HELLO[0], "name": "Ada"}]) == "<user>Hello</user><a>"
    assert sample(lm, HELLO * 2, max_tokens=2, seed=0).texts
