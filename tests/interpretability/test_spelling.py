"""Letters that a model ranks first, and words cut in two."""

import re
from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from labkit.core.errors import ModelError
from labkit.interpretability.spelling import SHOWN, halves, letters_right, require_words

SPACED = 165


class Letters:
    """A tokenizer of single characters; one after a space is another token."""

    def encode(self, text):
        return [ord(piece[-1]) + SPACED * (len(piece) > 1) for piece in re.findall(" ?.", text, re.DOTALL)]


def test_letters_are_counted_as_by_one_prompt_after_the_other(llama):
    """Each word is made letter by letter of what the model ranks first, or of another letter where that is none."""
    shown = "".join(f"The word {word} is spelled {' '.join(word)}.\n" for word in SHOWN)
    tok, words, shares, given = Letters(), [], [], [[" a"], [" bc", "d"], [" ", "xyz"]]
    for length, pieces in zip((4, 9, 6), given, strict=True):
        ids = tok.encode(f"Spell the words letter by letter.\n{shown}The word")
        ids += [i for piece in pieces for i in tok.encode(piece)] + tok.encode(" is spelled")
        word, right = "", 0
        for place in range(length):
            with torch.no_grad():
                best = int(llama.model(torch.tensor([ids])).logits[0, -1].argmax())
            known = best >= SPACED and place % 3 != 1  # at other places a wrong letter on purpose
            right += known
            word += chr(best - SPACED) if known else chr((best + 7) % SPACED)
            ids = [*ids, ord(word[-1]) + SPACED]
        words.append(word)
        shares.append(right / length)
    assert max(shares) > 0
    assert letters_right(llama, tok, given, words).tolist() == shares


def test_a_word_is_cut_near_its_middle_where_both_parts_are_tokens():
    class Whole:
        def encode(self, text):
            return [0] if text in (" ab", "cdef", " abcd", "ef") else [0, 1]

    assert halves(Whole(), "abcdef") == [" ab", "cdef"]
    assert halves(Whole(), "fedcba") == []


@pytest.mark.parametrize("kind, says", [("decoder-only", "none of street"), ("encoder-only", "is encoder-only")])
def test_a_model_that_cannot_spell_its_tokens_is_refused(llama, kind, says):
    lm = replace(llama, card=replace(llama.card, kind=kind), tokenizer=deepcopy(llama.tokenizer))
    with pytest.raises(ModelError, match=says):
        require_words(lm)
    lm.tokenizer.add_tokens([f" {SHOWN[1]}"])
    if kind == "decoder-only":
        require_words(lm)
