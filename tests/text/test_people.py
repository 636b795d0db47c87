"""Synthetic people: what is told is told as often as designed, and nothing contradicts itself."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from labkit.core.errors import OptionError, TextError
from labkit.text.people import (
    DIRECT,
    EXPOSURES,
    FORWARD,
    OTHER,
    REVERSED,
    UNKNOWN,
    VALUES,
    Fact,
    consistent,
    people,
)


@pytest.fixture(scope="module")
def world():
    return people(each=3, strangers=10, seed=1)


def test_each_fact_is_told_exactly_as_often_as_designed(world):
    told = Counter(world.text.sentences)
    for person in world.persons:
        for fact in person.facts:
            assert sum(told[fact.sentence(phrasing)] for phrasing in range(4)) == person.exposure


def test_the_exposures_reach_from_never_to_a_hundred_times(world):
    assert {p.exposure for p in world.told()} == set(EXPOSURES)
    assert {0, 1, 100} <= set(EXPOSURES)


def test_no_sentence_mentions_a_stranger(world):
    text = " ".join(world.text.sentences)
    assert [name for name in world.strangers if name in text] == []
    assert any(world.strangers[0].split()[0] in sentence for sentence in world.text.sentences), "but their names' parts"


@pytest.mark.parametrize("only", [DIRECT, OTHER, REVERSED])
def test_one_sided_people_are_told_in_one_phrasing_only(world, only):
    group = world.told(16, (only,))
    assert len(group) == 3
    for person in group:
        assert set(person.sentences()) == {fact.sentence(only) for fact in person.facts}


def test_a_question_is_its_sentence_up_to_the_value():
    fact = Fact("Aldan Barik", "birthplace", "Ostburg")
    for phrasing in FORWARD:
        assert fact.sentence(phrasing) == f"{fact.question(phrasing)} Ostburg"
    assert fact.sentence(REVERSED).startswith("Ostburg")


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    assert people(each=2, seed=3).text.sentences == people(each=2, seed=3).text.sentences
    assert people(each=2, seed=3).text.sentences != people(each=2, seed=4).text.sentences


def test_values_are_dealt_evenly():
    dealt = Counter(fact.value for person in people(each=60).persons for fact in person.facts)
    assert set(dealt) == {value for values in VALUES.values() for value in values}
    assert max(dealt.values()) < 3 * min(dealt.values())


def test_a_table_with_contradictions_is_refused(world):
    facts = [fact for person in world.persons for fact in person.facts]
    assert consistent(facts + facts[:3]) == tuple(facts)
    lie = replace(facts[0], value="Nowhere")
    with pytest.raises(TextError, match=f"{facts[0].subject} is '{facts[0].value}' and 'Nowhere'"):
        consistent([*facts, lie])
    with pytest.raises(TextError, match="contradict"):
        replace(world, persons=(replace(world.persons[0], facts=(facts[0], lie)),))


def test_bad_worlds_are_refused_with_numbers(world):
    with pytest.raises(OptionError, match=r"2,400"):
        people(each=300)
    with pytest.raises(OptionError, match="negative"):
        people(each=-1)
    with pytest.raises(TextError, match="empty field"):
        consistent([Fact("A", "birthplace", " ")])
    with pytest.raises(TextError, match="two people"):
        replace(world, strangers=(world.persons[0].name,))
    with pytest.raises(TextError, match="not of this world"):
        world.retell(["Aldan Barik was born in Atlantis"])
    with pytest.raises(TextError, match="no sentence"):
        world.retell([])


def test_a_batch_holds_whole_sentences_and_counts_only_their_words(world):
    data = world.text
    batch = data.batch(0, batch=64)
    assert batch.ids.shape == (64, data.context + 1)
    for row, counts in zip(batch.ids, batch.mask, strict=True):
        said = data.tokenizer.decode(row[row != 0])
        assert said in data.sentences
        assert counts.sum() == len(said.split())  # all words but the first, and the end


def test_an_epoch_takes_each_sentence_once(world):
    data = world.text
    n = len(data.sentences)
    seen = [tuple(data.batch(i, batch=1).ids[0]) for i in range(n)]
    assert Counter(seen) == Counter(map(tuple, data.rows))
    assert seen != [tuple(data.batch(n + i, batch=1).ids[0]) for i in range(n)], "in another order next time"


def test_batches_repeat_and_refuse_nonsense(world):
    again = [world.text.batch(7, batch=8, seed=5).ids for _ in range(2)]
    assert np.array_equal(*again)
    with pytest.raises(OptionError, match="longest sentence"):
        world.text.batch(0, batch=1, context=2)
    with pytest.raises(OptionError, match="no side"):
        world.text.batch(0, batch=1, split="tests")


def test_every_word_of_the_world_has_its_own_token(world):
    tokenizer = world.text.tokenizer
    for text in (*world.strangers, *(p.name for p in world.persons), UNKNOWN, *VALUES["employer"]):
        ids = tokenizer(text)["input_ids"]
        assert len(ids) == len(text.split())
        assert tokenizer.unk_token_id not in ids
        assert tokenizer.decode(ids) == text
    assert world.text.vocab_size == len(tokenizer)


def test_the_table_counts_its_sentences(world):
    assert sum(world.table()["sentences"]) == len(world.text.sentences)
