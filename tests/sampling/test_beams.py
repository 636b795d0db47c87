"""Beam search against transformers', and the whole space of texts where that is small enough to walk."""

from itertools import product

import numpy as np
import pytest
import torch

from labkit.core.errors import OptionError
from labkit.sampling import beam_search, beam_tree, sample

A = "The cat sat"


@pytest.mark.parametrize("prompt", [A, "x", "On the other side"])
@pytest.mark.parametrize("search", [(2, 1.0, 0), (4, 1.0, 0), (5, 0.0, 0), (3, 2.0, 0), (4, 1.0, 7)])
def test_it_finds_what_transformers_finds(lm, tiny_llama, prompt, search):
    width, power, seed = search
    model = lm.model if seed == 0 else tiny_llama(seed=seed)
    given = lm.tokenizer(prompt, return_tensors="pt")
    peer = model.generate(
        **given, num_beams=width, num_return_sequences=width, max_new_tokens=12, do_sample=False, pad_token_id=0,
        length_penalty=power, output_scores=True, return_dict_in_generate=True,
    )  # fmt: skip
    ours = beam_search(type(lm)("x", model, lm.tokenizer), prompt, width=width, max_tokens=12, length_penalty=power)
    theirs = [row[given["input_ids"].shape[1] :].tolist() for row in peer.sequences]
    for ids, other, logprobs, score in zip(ours.ids, theirs, ours.logprobs, peer.sequences_scores, strict=True):
        assert list(ids) == other[: len(ids)] and not any(other[len(ids) :])
        assert logprobs.sum() / len(ids) ** power == pytest.approx(float(score), abs=1e-3)


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_texts_that_end_early_are_ranked_as_transformers_ranks_them(lm, tiny_llama, power):
    """Sixty of the tokens end a text, so that beams end all the time and at every rank."""
    model, width, ends = tiny_llama(seed=11), 4, set(range(0, 240, 4))
    model.generation_config.eos_token_id = sorted(ends)
    short = 0
    for prompt in (A, "x", "On the other side", "zebra", "12"):
        given = lm.tokenizer(prompt, return_tensors="pt")
        peer = model.generate(**given, num_beams=width, num_return_sequences=width, max_new_tokens=8, do_sample=False,
                              length_penalty=power, pad_token_id=257)  # fmt: skip
        ours = beam_search(type(lm)("x", model, lm.tokenizer), prompt, width=width, max_tokens=8, length_penalty=power)
        rows = [[t for t in row[given["input_ids"].shape[1] :].tolist() if t != 257] for row in peer]
        assert [list(ids) for ids in ours.ids] == rows
        short += sum(why == "eos" and len(ids) < 8 for ids, why in zip(ours.ids, ours.ended, strict=True))
    assert short >= 5, "enough texts have ended early for this to mean something"


def test_width_one_is_greedy(lm):
    assert beam_search(lm, A, width=1, max_tokens=15).ids == sample(lm, A, temperature=0, max_tokens=15).ids


def test_wide_enough_it_finds_the_most_likely_text_of_all(lm, tiny_llama):
    model = tiny_llama(vocab=6)
    model.generation_config.eos_token_id = None
    reads, writes = (lambda *_, **how: {"input_ids": [1]}), (lambda _, ids, **how: str(ids))
    does = {"__call__": reads, "decode": writes, "convert_ids_to_tokens": lambda _, index: str(index)}
    tokenizer = type("T", (), {"eos_token_id": None, "bos_token_id": 1, **does})()
    got = beam_search(type(lm)("six tokens", model, tokenizer), "x", width=216, max_tokens=3, length_penalty=0.0)
    every = list(product(range(6), repeat=3))
    with torch.no_grad():
        rows = model(torch.tensor([[1, *text] for text in every])).logits.log_softmax(-1)
    totals = [sum(rows[i, place, token].item() for place, token in enumerate(text)) for i, text in enumerate(every)]
    order = np.argsort(-np.array(totals))
    assert [every[i] for i in order[:50]] == list(got.ids[:50])


def test_groups_without_diversity_find_the_same_and_with_it_others(lm):
    alone = beam_search(lm, A, width=2, max_tokens=10)
    plain = beam_search(lm, A, width=6, groups=3, max_tokens=10)
    assert sorted(plain.ids) == sorted(alone.ids * 3)
    spread = beam_search(lm, A, width=6, groups=3, diversity=5.0, max_tokens=10)
    assert len(set(spread.ids)) == 6 and len({ids[0] for ids in spread.ids}) > len({ids[0] for ids in plain.ids})


def test_the_tree_holds_the_search(lm):
    tree, found = beam_tree(lm, A, width=3, depth=4), beam_search(lm, A, width=3, max_tokens=4)
    leaves = [node for node in range(len(tree)) if tree.kept[node] and node not in tree.parents]
    totals = sorted(sum(tree.logprobs[n] for n in tree.path(leaf)) for leaf in leaves if len(tree.path(leaf)) == 4)
    assert totals == pytest.approx(sorted(lp.sum() for lp in found.logprobs if len(lp) == 4), abs=1e-4)
    assert all(tree.kept[parent] for parent in tree.parents if parent >= 0), "only what was kept was continued"
    assert not all(tree.kept)


@pytest.mark.parametrize("bad, says", [
    ({"width": 5, "groups": 2}, "make it a multiple"), ({"width": 0}, "width=0"), ({"diversity": -1}, "diversity=-1"),
])  # fmt: skip
def test_bad_searches_are_refused(lm, bad, says):
    with pytest.raises(OptionError, match=says):
        beam_search(lm, A, **bad)
    with pytest.raises(OptionError, match="2 prompts"):
        beam_search(lm, [A, A])
    with pytest.raises(OptionError, match="the prompt has 80 tokens"):
        beam_search(lm, "x" * 80)
