"""Lesson 02 with a model of one's own: it runs through, and claims only what holds for every model."""

from pathlib import Path

import pytest
import torch
import transformers

from .conftest import SIZES, kept

LESSON = Path(__file__).resolve().parents[2] / "notebooks" / "02_attention.ipynb"

pytestmark = [pytest.mark.notebooks, pytest.mark.weights, pytest.mark.timeout(1200)]


def test_a_model_made_a_minute_ago_passes_through(tokenizer, tmp_path):
    import papermill

    from labkit.suite.claims import collect

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), num_key_value_heads=2, max_position_embeddings=256, **SIZES
    )
    kept(transformers.LlamaForCausalLM(config), tokenizer, tmp_path / "own")
    prompt = "The bank raised its rate, the bank of the"
    parameters = {"MODEL": str(tmp_path / "own"), "PROMPT": prompt, "TARGET": " bank", "FAST": True}
    book = papermill.execute_notebook(LESSON, tmp_path / "out.ipynb", parameters, progress_bar=False, cwd=tmp_path)
    claims = collect(book.cells)
    assert {c.name for c in claims if c.holds is False} == set()
    assert {"attention/bank_clue", "attention/shuffle_seen"} <= {c.name for c in claims if c.holds is None}
    held = {c.name for c in claims if c.holds}
    assert {"attention/by_hand", "attention/bag_of_words", "attention/decoder_ahead"} <= held
