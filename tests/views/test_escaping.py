"""No text that a user or a model wrote becomes markup, in HTML or in plotly; what cannot be seen is made visible."""

import html
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit import views
from labkit.views.clicks import moving
from labkit.views.text import for_html, for_plotly, printable

from .gallery import EVIL, hostile
from .reading import drawn, parsed, strings

HOSTILE = hostile()


# Attention lives in a frame with scripts of its own; test_attention.py looks into that one.
@pytest.mark.parametrize("name", [n for n in HOSTILE if n != "patterns"])
def test_no_text_becomes_an_element_or_a_handler_in_html(name):
    for page in (views.html(HOSTILE[name]), views.bundle(HOSTILE[name]).get("text/html", "")):
        found = parsed(page)
        assert not {"script", "img", "iframe", "a"} & set(found.tags)
        assert found.tags.count("b") <= 1, "the name of a split is the only bold text"
        assert not [event for event in found.events if "document.title" in event]
        assert not found.events or name in ("tree", "grid to choose from"), "these can be clicked"


@pytest.mark.parametrize("name", [n for n in HOSTILE if views.PLOTLY in views.bundle(HOSTILE[n])])
def test_no_text_becomes_a_tag_an_entity_or_latex_in_plotly(name):
    figure = drawn(HOSTILE[name])
    ours = re.compile(r"<br>|</?span[^<>]*>")
    for text in strings([figure["data"], figure["layout"]]):
        bare = ours.sub("", text)
        assert "<" not in bare
        assert "$" not in bare
        assert not re.search(r"&(?!amp;|lt;|gt;|#36;)", bare)
    templates = [trace[k] for trace in figure["data"] for k in ("texttemplate", "hovertemplate") if trace.get(k)]
    assert set(templates) <= {"%{text}"}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_hostile_text_is_shown_whole(name):
    content = views.bundle(HOSTILE[name])
    page = parsed(content.get("text/html", ""))
    shown = page.text + page.framed + "".join(strings(content.get(views.PLOTLY, {})))
    assert "onerror" in shown
    assert "onerror" in content["text/plain"]


def test_the_guard_against_unescaped_text_can_fail():
    found = parsed(f"<p>{EVIL}</p>")
    assert {"script", "img"} <= set(found.tags)
    assert "onerror=document.title='run'" in found.events


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\x00\x07", "\u202eabc", "\u200b", "tab\tline\nend"])
def test_what_cannot_be_seen_or_stored_is_made_visible(text):
    for shown in (printable(text), for_html(text, keep=""), for_plotly(text)):
        shown.encode()
        assert not re.search("[\x00-\x1f\ud800-\udfff\u202e\u200b]", shown)
    for result in hostile(text).values():
        json.dumps(views.bundle(result)).encode()
        assert "\ud800" not in json.dumps(views.bundle(result), ensure_ascii=False)


@given(
    st.text()
    | st.sampled_from(["\u202eשלום\u202c", "می\u200cخواهم", "\u200bzero\ufeff", "\u200fa\n\nb\t", EVIL, "👩\u200d💻"])
)
def test_a_click_writes_the_text_as_it_was_with_all_that_cannot_be_seen(text):
    attribute = moving(Prompt=text)
    assert not re.search("[<>\x00-\x1f\u200b-\u200f\u202a-\u202e]", attribute)
    assert json.loads(html.unescape(attribute.removeprefix('data-moves="')[:-1])) == {"Prompt": text}
