"""The cost of attention: both ways agree, and memory grows as it must."""

import pytest

from labkit.core.errors import OptionError
from labkit.interpretability import attention_cost


def test_both_ways_agree_and_naive_memory_grows_as_the_square():
    cost = attention_cost(2, 16, lengths=(128, 256, 512), repeats=1)
    assert cost.difference < 1e-5
    assert cost.exponent("megabytes", "naive", at_least=128) == pytest.approx(2, abs=0.15)
    assert cost.exponent("megabytes", "fused", at_least=128) < 1.5
    assert cost.megabytes["naive"][-1] > 2 * 512 * 512 * 4 / 1e6, "the table of weights alone takes that much"
    assert [c.name for c in cost.curves("megabytes").curves][:2] == ["naive", "fused"]


def test_nothing_to_compare_is_refused():
    with pytest.raises(OptionError, match="two lengths"):
        attention_cost(2, 16, lengths=(64,))
