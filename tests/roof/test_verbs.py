"""The verbs as a person meets them: a slip of the finger, their help, and a first mistake."""

import inspect

import pytest

import labkit as lab
from labkit.core.errors import ModelError
from labkit.interpretability import SITES
from labkit.lessons.exploring import kinds
from labkit.text import names


@pytest.mark.parametrize("typed, offer", [("lod", "'load'"), ("smaple", "'sample'"), ("Show", "'show'")])
def test_a_misspelt_verb_gets_the_nearest(typed, offer):
    with pytest.raises(AttributeError, match=f"did you mean {offer}"):
        getattr(lab, typed)


def test_tab_offers_every_verb_and_nothing_else():
    assert dir(lab) == sorted(lab._VERBS)


@pytest.mark.parametrize("verb", sorted(set(dir(lab)) - {"LabError"}))
def test_every_verb_explains_its_arguments_and_its_errors(verb):
    doc = inspect.getdoc(getattr(lab, verb)) or ""
    assert len(doc) > 40
    for name, parameter in inspect.signature(getattr(lab, verb)).parameters.items():
        if name not in ("lm", "seed", "n") and parameter.kind is not parameter.VAR_KEYWORD:
            assert name in doc, f"lab.{verb}? says nothing of {name}"


@pytest.mark.parametrize(
    "verb, choices", [("explore", kinds()), ("tokenizer", names()), ("capture", tuple(SITES)), ("train", ("nano",))]
)
def test_the_help_names_all_that_can_be_chosen(verb, choices):
    doc = inspect.getdoc(getattr(lab, verb)) or ""
    assert [choice for choice in choices if choice not in doc] == []


@pytest.mark.parametrize("lm, way", [("smollm2-135m", "lab.load('smollm2-135m')"), (None, "got NoneType; pass what")])
@pytest.mark.parametrize(
    "ask",
    [
        lambda lm: lab.next_token(lm, "a"),
        lambda lm: lab.sample(lm, "a"),
        lambda lm: lab.capture(lm, "a"),
        lambda lm: lab.head_effects(lm, "a b", target=" c"),
    ],
)
def test_what_is_no_model_is_refused_with_the_way_to_one(ask, lm, way):
    with pytest.raises(ModelError, match="a LanguageModel was expected") as raised:
        ask(lm)
    assert way in str(raised.value)


def test_a_bare_transformers_model_is_none_either():
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    with pytest.raises(ModelError, match=r"got LlamaForCausalLM; save it .* lab.load\(folder\)"):
        lab.next_token(LlamaForCausalLM(LlamaConfig(vocab_size=8, **sizes)), "a")  # pyright: ignore
