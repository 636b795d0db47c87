"""The loop: laws of seeds, batches, caches and endings; a peer; bad input."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from labkit.core.errors import OptionError, TextError
from labkit.sampling import SampleOptions, chat_text, sample, stream

A, B = "The cat sat", "On the other side of the world"


def same(one, other):
    assert one.ids == other.ids and one.texts == other.texts and one.ended == other.ended
    for field in ("logprobs", "truncated_logprobs", "entropies"):
        for a, b in zip(getattr(one, field), getattr(other, field), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)


def part(samples, rows):
    names = ("prompts", "texts", "tokens", "ids", "logprobs", "truncated_logprobs", "entropies", "ended")
    return replace(samples, **{name: tuple(getattr(samples, name)[r] for r in rows) for name in names})


@pytest.mark.parametrize("options", [{}, {"temperature": 0.6, "top_p": 0.9}, {"repetition_penalty": 1.3, "top_k": 20}])
def test_the_cache_changes_nothing(lm, options):
    asked = dict(n=3, max_tokens=20, seed=4, **options)
    same(sample(lm, [A, B], **asked), sample(lm, [A, B], cache=False, **asked))


@pytest.mark.parametrize("options", [{}, {"presence_penalty": 0.5, "frequency_penalty": 0.3, "no_repeat_ngram": 2}])
def test_a_text_is_the_same_alone_in_a_batch_and_beside_other_prompts(lm, options):
    asked = dict(max_tokens=20, seed=3, **options)
    together = sample(lm, [B, A], n=4, **asked)
    same(part(together, range(4)), sample(lm, B, n=4, **asked))
    same(part(together, [4]), sample(lm, A, n=1, **asked))
    same(together, sample(lm, [B, A], n=4, batch=3, **asked))
    same(part(together, range(4)), sample(lm, [B, B, B, B], **asked))


def test_another_seed_gives_other_texts_and_the_same_seed_the_same(lm):
    assert sample(lm, A, n=2, seed=1).ids != sample(lm, A, n=2, seed=2).ids
    assert len(set(sample(lm, A, n=8, seed=1).ids)) == 8
    same(sample(lm, A, n=2, seed=1), sample(lm, A, n=2, seed=1))


def test_a_text_of_a_seed_is_pinned():
    """Another day, another process: the random numbers of a text depend on nothing but seed, prompt and number."""
    from labkit.sampling.loop import uniforms

    assert uniforms(0, [5, 6], 1).random() == pytest.approx(0.607107790846765, abs=1e-12)


def test_fewer_tokens_give_a_prefix(lm):
    long, short = sample(lm, A, n=3, max_tokens=30), sample(lm, A, n=3, max_tokens=7)
    assert short.ids == tuple(ids[:7] for ids in long.ids)


@pytest.mark.parametrize("which", ["lm", "gpt2"])
def test_greedy_is_the_greedy_of_transformers(which, request):
    lm = request.getfixturevalue(which)
    for text in (A, B, "x"):
        given = lm.tokenizer(text, return_tensors="pt")
        peer = lm.model.generate(**given, max_new_tokens=30, do_sample=False, pad_token_id=0)[0]
        ours = sample(lm, text, max_tokens=30, temperature=0)
        assert list(ours.ids[0]) == peer[given["input_ids"].shape[1] :].tolist()
        assert not ours.truncated_logprobs[0].any(), "greedy has no choice, so each token costs 0 nats"


def test_log_probabilities_and_entropies_are_the_models_own(lm):
    got = sample(lm, A, n=2, max_tokens=12, temperature=0.5, top_k=40)
    prompt = lm.tokenizer(A)["input_ids"]
    for ids, logprobs, entropies in zip(got.ids, got.logprobs, got.entropies, strict=True):
        with torch.no_grad():
            rows = lm.model(torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        np.testing.assert_allclose(logprobs, rows.gather(1, torch.tensor(ids)[:, None])[:, 0], atol=1e-4)
        np.testing.assert_allclose(entropies, -(rows.exp() * rows).sum(-1), atol=1e-4)


def test_first_tokens_follow_the_models_distribution(lm):
    got = sample(lm, A, n=3000, max_tokens=1, batch=512, seed=9)
    with torch.no_grad():
        p = lm.model(torch.tensor([lm.tokenizer(A)["input_ids"]])).logits[0, -1].softmax(-1).double().numpy()
    counts = np.bincount([ids[0] for ids in got.ids], minlength=len(p))
    often = p * 3000 >= 5
    seen, expected = np.append(counts[often], counts[~often].sum()), np.append(p[often], p[~often].sum())
    assert chisquare(seen, expected / expected.sum() * 3000).pvalue > 1e-3


def test_pieces_of_a_stream_join_to_the_text(lm):
    asked = {"n": 2, "max_tokens": 25, "seed": 2}
    texts = sample(lm, [A, B], **asked).texts
    pieces = list(stream(lm, [A, B], **asked))
    assert tuple("".join(p.new for p in pieces if p.text == i) for i in range(4)) == texts
    assert [p.ended for p in pieces if p.text == 0][-1] in ("eos", "length")


def find_eos(lm):
    """A prompt after which the tiny model ends its text soon."""
    for seed in range(40):
        got = sample(lm, A, n=30, max_tokens=40, seed=seed)
        if "eos" in got.ended and "length" in got.ended:
            return got, seed
    raise AssertionError("no text ended")


def test_a_text_that_has_ended_leaves_the_batch_and_the_others_do_not_notice(lm):
    got, seed = find_eos(lm)
    for ids, ended in zip(got.ids, got.ended, strict=True):
        assert (ids[-1] == 256) == (ended == "eos") and 256 not in ids[:-1]
        assert ended == "eos" or len(ids) == 40
    on = sample(lm, A, n=30, max_tokens=40, seed=seed, stop_at_eos=False)
    assert all(ids[: len(short)] == short for ids, short in zip(on.ids, got.ids, strict=True))
    assert set(on.ended) == {"length"}


def test_a_stop_string_ends_the_text_and_is_cut_off(lm):
    free = sample(lm, A, max_tokens=40, temperature=0.9, seed=8, stop_at_eos=False)
    mark = free.texts[0][10:12]
    got = sample(lm, A, max_tokens=40, temperature=0.9, seed=8, stop=["never comes", mark], stop_at_eos=False)
    assert got.texts[0] == free.texts[0][: free.texts[0].index(mark)]
    assert got.ended == ("stop",) and free.ids[0][: len(got.ids[0])] == got.ids[0]
    assert sample(lm, A, max_tokens=9, stop="a stop string that never comes").ended[0] in ("length", "eos")


def test_a_full_context_ends_the_text_and_says_so(lm):
    got = sample(lm, A, max_tokens=10_000, stop_at_eos=False)
    assert got.ended == ("context",)
    assert len(lm.tokenizer(A)["input_ids"]) + len(got.ids[0]) == 64


def test_a_sliding_context_goes_on_as_if_its_newer_half_were_the_prompt(lm):
    got = sample(lm, A, max_tokens=150, temperature=0, stop_at_eos=False, overflow="slide")
    assert got.ended == ("length",) and len(got.ids[0]) == 150
    whole = [*lm.tokenizer(A)["input_ids"], *got.ids[0]]
    with torch.no_grad():
        assert lm.model(torch.tensor([whole[32:64]])).logits[0, -1].argmax() == whole[64]
        assert lm.model(torch.tensor([whole[32:95]])).logits[0, -1].argmax() == whole[95]
    same(part(sample(lm, [B, A], max_tokens=150, temperature=0, stop_at_eos=False, overflow="slide"), [1]), got)


@pytest.mark.parametrize("pattern", ["[0-9]{3}-[0-9]{2}", "(yes|no)", "a+b"])
def test_a_regular_expression_is_obeyed(lm, pattern):
    import re

    got = sample(lm, A, n=4, max_tokens=30, regex=pattern)
    for text, ended in zip(got.texts, got.ended, strict=True):
        assert ended == "length" or re.fullmatch(pattern, text), (text, ended)
    assert "complete" in got.ended or "eos" in got.ended


def test_a_grammar_is_obeyed_and_costs_what_it_forbids(lm):
    got = sample(lm, A, n=3, max_tokens=30, grammar='start: "<" /[ab]{2}/ ">"')
    assert set(got.texts) <= {f"<{a}{b}>" for a in "ab" for b in "ab"}
    assert got.ended == ("complete",) * 3
    assert (np.concatenate(got.truncated_logprobs) >= np.concatenate(got.logprobs)).all()


def test_a_chat_goes_through_the_models_template(lm):
    messages = [{"role": "u", "content": "hi"}]
    assert chat_text(lm, messages) == "<u>hi</u><a>"
    same(sample(lm, messages, n=2), sample(lm, "<u>hi</u><a>", n=2))
    assert len(sample(lm, [messages, messages, A])) == 3


def test_an_empty_prompt_begins_with_the_start_token(lm):
    assert len(sample(lm, "", max_tokens=3).ids[0]) == 3
    bare = replace_tokenizer(lm, bos_token=None, chat_template=None)
    with pytest.raises(TextError, match="no start token"):
        sample(bare, "")
    with pytest.raises(TextError, match=r"character 2 of the text is .* half of a surrogate pair"):
        sample(lm, "ab\ud800")
    with pytest.raises(TextError, match="no chat template"):
        sample(bare, [{"role": "u", "content": "hi"}])


def replace_tokenizer(lm, **changes):
    import copy

    tokenizer = copy.deepcopy(lm.tokenizer)
    for name, value in changes.items():
        setattr(tokenizer, name, value)
    return replace(lm, tokenizer=tokenizer)


@pytest.mark.parametrize("bad, says", [
    ({"temperature": -1}, "temperature=-1 is out of its range"), ({"temperature": math.nan}, "is not a number"),
    ({"temperature": "hot"}, "is not a number"), ({"top_p": 0}, "use 0 < top_p"), ({"top_p": 2}, "top_p=2 is out"),
    ({"top_k": -3}, "top_k=-3"), ({"top_k": 2.5}, "whole number"), ({"n": 0}, "n=0 is too small"),
    ({"max_tokens": 0}, "max_tokens=0"), ({"max_tokens": 1.5}, "whole number"), ({"min_p": 1}, "min_p=1"),
    ({"temprature": 1}, "did you mean 'temperature'"), ({"stop": ""}, None), ({"stop": [""]}, "one character or more"),
    ({"stop": 3}, "stop=3"), ({"overflow": "explode"}, "'stop' or 'slide'"), ({"regex": "[", }, "cannot be read"),
    ({"grammar": "start: :"}, "cannot be read"), ({"regex": "a", "grammar": "start: /a/"}, "leave the other out"),
    ({"regex": "a", "no_repeat_ngram": 2}, "leave one of them out"), ({"batch": 0}, "batch=0"),
    ({"repetition_penalty": 0}, "repetition_penalty=0"), ({"seed": "x"}, "seed='x'"),
])  # fmt: skip
def test_bad_options_are_refused_with_the_way_out(lm, bad, says):
    if says is None:
        assert len(sample(lm, A, max_tokens=2, **bad)) == 1
        return
    with pytest.raises(OptionError, match=None) as error:
        sample(lm, A, **{"max_tokens": 2, **bad})
    assert (says in str(error.value) and "; " in str(error.value)) or " must " in str(error.value)


@pytest.mark.parametrize("bad", [[], None, 3, {"role": "u"}])
def test_what_is_no_prompt_is_refused(lm, bad):
    with pytest.raises(OptionError, match="neither a text"):
        sample(lm, bad)


def test_a_message_without_content_is_refused(lm):
    with pytest.raises(TextError, match="it needs 'role' and 'content'"):
        sample(lm, [{"role": "u"}])


def test_a_prompt_longer_than_the_context_is_refused_or_slides(lm):
    with pytest.raises(OptionError, match="the prompt has 80 tokens and the context of tiny holds 64"):
        sample(lm, "x" * 80)
    got = sample(lm, "x" * 80, max_tokens=3, temperature=0, overflow="slide")
    assert got.ids == sample(lm, "x" * 32, max_tokens=3, temperature=0).ids


def test_options_come_as_keywords_or_as_one_object(lm):
    options = SampleOptions(temperature=0.5, top_k=9)
    same(sample(lm, A, options=options), sample(lm, A, temperature=0.5, top_k=9))
    same(sample(lm, A, options=options, top_k=3), sample(lm, A, temperature=0.5, top_k=3))


def test_tokens_are_shown_as_text_and_lone_bytes_as_numbers(lm):
    got = sample(lm, A, n=4, max_tokens=30)
    for tokens, ids in zip(got.tokens, got.ids, strict=True):
        assert all(t == f"⟨{i:02x}⟩" for t, i in zip(tokens, ids, strict=True) if 0x80 <= i < 0x100)
        assert all(t == chr(i) for t, i in zip(tokens, ids, strict=True) if i < 0x80)
