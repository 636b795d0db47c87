"""What steers a text from outside: tokens that are forced, a schema, a processor, the cache kept between turns."""

import json
import math
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch
from transformers import LogitsProcessorList, SuppressTokensLogitsProcessor
from transformers.generation.logits_process import MinLengthLogitsProcessor

from labkit.core.errors import ModelError, OptionError, TextError
from labkit.sampling import PrefixCache, dissect, sample, speculate, stream
from labkit.sampling.drafts import NgramDraft

from .test_sample import same

A = "The cat sat"
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 99}, "who": {"enum": ["me", "you"]}},
    "required": ["n", "who"],
    "additionalProperties": False,
}


# Forced tokens


def ascii_text(lm, seed):
    """What a seed draws, of characters that are a token each."""
    return sample(lm, A, max_tokens=12, seed=seed, regex="[a-z ]{12,}")


@pytest.mark.parametrize("forced", [1, 5, 11])
def test_to_force_the_tokens_that_a_seed_drew_changes_nothing(lm, forced):
    free = ascii_text(lm, 3)
    got = sample(lm, A, max_tokens=12, seed=3, regex="[a-z ]{12,}", prefix=free.texts[0][:forced])
    assert got.ids == free.ids and got.texts == free.texts
    np.testing.assert_allclose(got.logprobs[0], free.logprobs[0], atol=1e-4)
    assert not got.truncated_logprobs[0][:forced].any(), "a forced token leaves no choice"


def test_what_is_forced_stands_first_in_each_text_and_is_no_end(lm):
    got = sample(lm, [A, "x"], n=3, max_tokens=9, prefix="a\nb", stop="\n", top_k=1)
    assert all(text.startswith("a\nb") for text in got.texts)
    assert "".join(p.new for p in stream(lm, A, max_tokens=9, prefix="a\nb")).startswith("a\nb")
    banned = sample(lm, A, max_tokens=6, prefix="aaaa", no_repeat_ngram=2)
    assert banned.texts[0].startswith("aaaa"), "what is forced stands above a ban"


def test_a_prefix_that_cannot_stand_is_refused(lm):
    with pytest.raises(OptionError, match="prefix has 4 tokens, of max_tokens=4; give more"):
        sample(lm, A, prefix="abcd", max_tokens=4)
    with pytest.raises(OptionError, match=r"the prefix breaks the rule .* change one of them"):
        sample(lm, A, prefix="x", regex="[0-9]+", max_tokens=4)
    with pytest.raises(OptionError, match="prefix=3 is no text"):
        sample(lm, A, prefix=3)
    with pytest.raises(OptionError, match="the prompt has 65 tokens and the context of tiny holds 64"):
        sample(lm, "x" * 60, prefix="abcde")
    with pytest.raises(OptionError, match="use sample"):
        speculate(lm, A, draft=NgramDraft(258), prefix="a")


# Schemas


@pytest.mark.parametrize("given", [SCHEMA, json.dumps(SCHEMA)])
def test_a_text_of_a_schema_is_json_of_that_schema(lm, given):
    got = sample(lm, A, n=6, max_tokens=60, schema=given)
    assert set(got.ended) <= {"complete", "eos"}
    for text in got.texts:
        value = json.loads(text)
        jsonschema.validate(value, SCHEMA)
        assert text == json.dumps(value), "no other spaces"


def spoken_by(lm, words, joined):
    """The tiny model with a tokenizer of these words, id by id; 0 ends a text."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(("<end>", *words))}, merges=[]))
    made.decoder = decoders.Fuse() if joined else None
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>", bos_token="<end>")
    return replace(lm, tokenizer=tokenizer)


WORDS = (*'{}":, ', '"who"', '"you"', '"me"', '"n"', *"0123456789", *"abcdefghijklmnopqrstuvxyz", '{"n"')


def test_a_schema_holds_for_a_tokenizer_of_words_and_characters(lm):
    """As `lab.train` makes them: tokens that stand for no bytes."""
    texts = sample(spoken_by(lm, WORDS, joined=True), "a", n=4, max_tokens=60, schema=SCHEMA).texts
    for text in texts:
        jsonschema.validate(json.loads(text), SCHEMA)


def test_a_tokenizer_that_cannot_write_what_a_rule_wants_is_refused(lm):
    with pytest.raises(OptionError, match="this vocabulary has no token that the rule lets follow"):
        sample(spoken_by(lm, "abc", joined=True), "a", schema=SCHEMA)
    with pytest.raises(ModelError, match="puts something between them"):
        sample(spoken_by(lm, WORDS, joined=False), "a", schema=SCHEMA)


@pytest.mark.parametrize("bad", [{"type": "nonsense"}, {"$ref": "http://x/y"}, "no json", [1], 3, {"not": {}}])
def test_what_is_no_schema_is_refused(lm, bad):
    with pytest.raises(OptionError, match=r"schema=.* cannot be read: .+; correct it"):
        sample(lm, A, schema=bad)


def test_two_rules_at_once_are_refused(lm):
    with pytest.raises(OptionError, match="regex and schema are given"):
        sample(lm, A, schema=SCHEMA, regex="a")


# A researcher's own processor


class Loud:
    """Makes some tokens likelier the more often they stood there: it needs the ids."""

    def __call__(self, input_ids, scores):
        bonus = torch.zeros_like(scores).scatter_add_(1, input_ids, torch.ones_like(input_ids, dtype=scores.dtype))
        return scores + 0.7 * bonus


def test_with_a_processor_greedy_is_the_greedy_of_transformers(lm):
    given = lm.tokenizer(A, return_tensors="pt")
    processors = LogitsProcessorList([Loud(), SuppressTokensLogitsProcessor([101, 32])])
    peer = lm.model.generate(**given, max_new_tokens=20, do_sample=False, pad_token_id=0, logits_processor=processors)
    for asked in (processors, list(processors)):
        ours = sample(lm, A, max_tokens=20, temperature=0, processors=asked)
        assert list(ours.ids[0]) == peer[0, given["input_ids"].shape[1] :].tolist()


def test_with_a_processor_a_text_is_the_same_alone_and_beside_longer_ones(lm):
    asked = {"processors": Loud(), "max_tokens": 15, "seed": 4, "temperature": 0.8}
    together, alone = sample(lm, ["On the other side of the world", A], n=2, **asked), sample(lm, A, n=2, **asked)
    assert together.ids[2:] == alone.ids != sample(lm, A, n=2, **{**asked, "processors": ()}).ids


def test_a_processor_stands_before_the_temperature_and_below_a_constraint(lm):
    """In `generate` processors come before temperature and cuts; a text of a rule follows it whatever they say."""
    likes_x = lambda ids, scores: scores.index_fill(1, torch.tensor([120]), 50.0)  # noqa: E731
    assert set(sample(lm, A, max_tokens=9, processors=likes_x).texts[0]) == {"x"}
    assert set(sample(lm, A, max_tokens=9, processors=likes_x, regex="[ab]+").texts[0]) <= set("ab")
    assert dissect(lm, A, processors=likes_x, temperature=3.0).stages[-1].token == "x"
    got = speculate(lm, A, draft=NgramDraft(258), max_tokens=6, processors=likes_x)
    assert got.samples.texts == ("xxxxxx",)


@pytest.mark.parametrize("bad, says", [
    (lambda ids, scores: scores[0], r"gave \(258,\); return scores of shape \(1, 258\)"),
    (lambda ids, scores: None, "gave NoneType"),
    (lambda ids, scores: scores - math.inf, "no token is left to draw"),
    (lambda ids, scores: scores * math.nan, "no token is left to draw"),
    (3, "processors=3 cannot be called"),
])  # fmt: skip
def test_a_processor_that_gives_no_scores_is_refused(lm, bad, says):
    with pytest.raises(OptionError, match=says):
        sample(lm, A, processors=bad)


def test_a_processor_of_transformers_that_keeps_an_end_away_works(lm):
    asked = {"max_tokens": 40, "seed": 1, "temperature": 2.0}
    longer = MinLengthLogitsProcessor(48, 256)
    assert min(len(ids) for ids in sample(lm, A, n=20, processors=longer, **asked).ids) >= 37


# The cache kept between turns


def chat(lm, turns, **asked):
    """The answers of a conversation, and how many tokens each turn read."""
    messages, answers, read = [], [], []
    for turn in range(turns):
        messages += [{"role": "u", "content": f"{turn}?"}]
        answers.append(sample(lm, messages, max_tokens=5, regex="[a-z]+", seed=turn, **asked))
        messages += [{"role": "a", "content": answers[-1].texts[0]}]
        read.append(getattr(asked.get("cache"), "read", 0))
    return answers, read


@pytest.mark.parametrize("which", ["lm", "gpt2"])
@pytest.mark.parametrize("n", [1, 3])
def test_with_the_cache_kept_a_conversation_is_the_same_and_reads_what_is_new(which, n, request):
    lm = request.getfixturevalue(which)
    kept, plain = PrefixCache(lm), chat(lm, 3, n=n)[0]
    answers, read = chat(lm, 3, n=n, cache=kept)
    for one, other in zip(answers, plain, strict=True):
        same(one, other)
    new = len("</a><u>1?</u><a>") + 1  # the newest token of an answer was never fed
    assert read[0] == len("<u>0?</u><a>") and new <= read[1] <= new + 4 and new <= read[2] <= new + 4


def test_another_prompt_a_second_one_or_none_in_common_reads_what_it_must(lm):
    kept = PrefixCache(lm)
    for prompt in (A, A + " on", "Zebra", [A, "Zebra"], A, ""):
        same(sample(lm, prompt, n=2, max_tokens=6, cache=kept), sample(lm, prompt, n=2, max_tokens=6))


def doubled(model):
    model.model.layers[1].mlp.up_proj.weight.data.mul_(2)


def one_number(model):
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[3, 3] += 5


def replaced(model):
    model.lm_head.weight = torch.nn.Parameter(-model.lm_head.weight.detach())


def hooked(model):
    model.model.layers[0].register_forward_hook(lambda module, given, out: out * 0.5)


@pytest.mark.parametrize("change", [doubled, one_number, replaced, hooked])
def test_a_change_of_the_model_is_seen_by_the_next_turn(lm, tiny_llama, change):
    own = replace(lm, model=tiny_llama(seed=5))
    kept = PrefixCache(own)
    before = sample(own, A, max_tokens=8, cache=kept)
    change(own.model)
    after = sample(own, A, max_tokens=8, cache=kept)
    same(after, sample(own, A, max_tokens=8))
    assert not np.allclose(before.logprobs[0][:1], after.logprobs[0][:1], atol=1e-4)


def test_a_cache_of_another_model_is_refused(lm, gpt2):
    with pytest.raises(OptionError, match="made of another model"):
        sample(lm, A, cache=PrefixCache(gpt2))


def test_a_temperature_that_float32_cannot_hold_is_greedy(lm):
    for value in (1e-300, 1e-45, 1e-38):
        same_ids = sample(lm, A, max_tokens=9, temperature=value).ids
        assert same_ids == sample(lm, A, max_tokens=9, temperature=0).ids


def test_texts_that_are_alike_are_computed_once(lm, monkeypatch):
    from labkit.sampling.llama import LlamaRunner

    rows, real = [], LlamaRunner.advance
    monkeypatch.setattr(
        LlamaRunner, "advance", lambda self, new, keep=0: (rows.append(len(new)), real(self, new, keep))[1]
    )
    sample(lm, A, n=8, max_tokens=6, temperature=0)
    assert rows == [1] * 5
    rows.clear()
    sample(lm, A, n=8, max_tokens=6)
    assert rows == sorted(rows) and rows[-1] > 1


def test_an_unreadable_prefix_says_so(lm):
    with pytest.raises(TextError, match="surrogate"):
        sample(lm, A, prefix="\ud800")
