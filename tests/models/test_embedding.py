"""Embedding: unit vectors, near where texts mean alike, and the same whoever stands beside."""

import numpy as np
import pytest

from labkit.models import embed, encoder, load


def test_a_text_gets_the_same_vector_among_others_as_alone(tiny_bert_folder):
    lm, texts = load(tiny_bert_folder), ["The bank.", "Once upon a time 1234 people", ""]
    vectors = embed(lm, texts)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors, np.concatenate([embed(lm, [text]) for text in texts]), atol=1e-5)
    assert np.allclose(vectors, embed(lm, texts, batch=2), atol=1e-5)
    assert embed(lm, []).shape == (0, 32)


@pytest.mark.weights
def test_the_encoder_puts_the_same_city_together():
    vectors = embed(encoder(), ["Paris", "Paris, France", "Bangkok", ""])
    close = vectors @ vectors.T
    assert close[0, 1] > 0.8 > close[0, 2]
