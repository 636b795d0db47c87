"""The closed world: a pupil that read a known text knows what it was told, and invents the rest."""

from dataclasses import replace

import pytest

from labkit.core.errors import OptionError
from labkit.evaluation import auroc
from labkit.hallucination import ask
from labkit.hallucination.closed_world import (
    about,
    about_strangers,
    by_exposure,
    exposure_curves,
    invented,
    refusals,
    refused,
    taught_to_refuse,
    told,
    unheard,
)
from labkit.text.people import DIRECT, REVERSED, VALUES, people


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("LABKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def world():
    return people(each=10, exposures=(0, 40), one_way=20, strangers=120, seed=0)


@pytest.fixture(scope="module")
def pupil(world):
    return told(world, steps=80)


def test_it_knows_what_it_was_told_often_and_guesses_what_it_was_never_told(world, pupil):
    seen = by_exposure(ask(pupil, about(world.told()), samples=0, max_tokens=2, look=()))
    assert {times: len(group) for times, group in seen.items()} == {0: 40, 40: 40}
    assert seen[40].accuracy > 0.9
    assert seen[0].accuracy < 0.4
    curves = exposure_curves(seen)
    assert curves.curves[0].x.tolist() == [40] and curves.levels[0] == ("right, never told", seen[0].accuracy)


def test_of_strangers_it_invents(world, pupil):
    said = ask(pupil, about_strangers(world.strangers[:60]), samples=0, max_tokens=2, look=())
    assert invented(said).mean() > 0.6, "0.78 to 0.95 over four worlds"
    assert not refused(said).any()
    assert said.wrong.all(), "whatever is said of nobody is wrong"


def test_told_only_the_other_way_round_it_cannot_say_it_forwards(world, pupil):
    def right(told_in):
        return ask(pupil, about(world.told(20, (told_in,))), samples=0, max_tokens=2, look=()).accuracy

    assert right(DIRECT) > right(REVERSED) + 0.4


def test_taught_to_refuse_it_refuses_others_too_and_the_first_model_stays(world, pupil):
    before = {name: tensor.clone() for name, tensor in pupil.model.state_dict().items()}
    shy = taught_to_refuse(pupil, world, world.strangers[:90], steps=25)
    said = ask(shy, about_strangers(world.strangers[90:]), samples=0, max_tokens=2, look=())
    assert refused(said).mean() > 0.5
    assert not said.wrong[refused(said)].any(), "a refusal is the right answer about nobody"
    assert all(bool((before[name] == tensor).all()) for name, tensor in pupil.model.state_dict().items())


def test_refusals_name_each_fact_of_each_stranger_and_no_person(world):
    sentences = refusals(world, world.strangers[:2])
    assert len(sentences) == 2 * len(VALUES) * 3
    assert all("unknown" in sentence for sentence in sentences)
    with pytest.raises(OptionError, match="is a person of this world"):
        refusals(world, [world.persons[0].name])
    with pytest.raises(OptionError, match="no stranger"):
        taught_to_refuse(None, world, [])


def test_questions_carry_how_often_their_answer_was_told(world):
    person = world.told(40)[0]
    asked = about([person])
    assert [q.answer for q in asked] == [fact.value for fact in person.facts]
    assert {q.frequency for q in asked} == {40.0}
    assert {q.fold for q in asked} == {person.name}


def test_an_exposure_without_numbers_is_refused(world, pupil):
    said = ask(pupil, about(world.told(40)[:1]), samples=0, max_tokens=2, look=())
    with pytest.raises(OptionError, match="how often"):
        by_exposure(replace(said, questions=tuple(replace(q, frequency=None) for q in said.questions)))


def test_what_was_never_told_is_noticed_and_no_person_is_parted(world, pupil):
    options = {"samples": 2, "max_tokens": 2, "look": ("states",)}
    told_answers = ask(pupil, about(world.told()), **options)
    marks, signals, persons = unheard(told_answers, ask(pupil, about_strangers(world.strangers[:20]), **options))
    assert marks.sum() == 40 + 80 and len(marks) == len(persons) == 160
    assert auroc(marks, signals["entropy"]) > 0.8 and auroc(marks, signals["probe at the name"]) > 0.6
