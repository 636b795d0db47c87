"""Grading: what is right by rule, and how often the rules agree with marks made by hand."""

import csv

import pytest

from labkit.core.errors import OptionError, TextError
from labkit.evaluation import Question, grade, normalise, questions, topics
from labkit.evaluation.facts import DATA, shots

PARIS = Question("Capital?", "Paris", aliases=("=Lutetia", "City of Light"))
NOBODY = Question("King of Drelvonia?", "", kind="refusal")


@pytest.mark.parametrize(
    "text, mark",
    [
        ("Paris", "right"), ("paris.", "right"), ("The city of PARIS, France", "right"), ("It is Paris\nLyon", "right"),
        ("Lutetia", "right"), ("the city of light", "right"), ("Lutetia, long ago", "wrong"), ("Parisian", "wrong"),
        ("Paris or Lyon", "wrong"), ("It is not Paris", "wrong"), ("", "wrong"), ("Lyon\nParis", "wrong"),
        ("I don't know", "refused"), ("I don’t know", "refused"), ("Nobody knows", "refused"), ("Париж", "wrong"),
    ],
)  # fmt: skip
def test_a_name_is_compared_as_a_reader_would(text, mark):
    assert grade(text, PARIS).mark == mark


@pytest.mark.parametrize(
    "text, right",
    [
        ("26", True),
        ("It is 26.", True),
        ("26.0", True),
        ("126", False),
        ("2 6", False),
        ("1,026", False),
        ("six", False),
    ],
)
def test_a_number_is_compared_as_a_number(text, right):
    assert grade(text, Question("Atomic number?", "26", kind="number")).right is right


@pytest.mark.parametrize(
    "text, right",
    [
        ("Co", True),
        ("CO", False),
        ("co", False),
        ("Co (cobalt)", True),
        ("The symbol is Co", True),
        ("Carbon Co", False),
    ],
)
def test_capitals_matter_in_a_symbol(text, right):
    assert grade(text, Question("Symbol of cobalt?", "Co", kind="symbol")).right is right


@pytest.mark.parametrize(
    "text, right",
    [
        ("I do not know", True), ("There is no such country", True), ("It doesn't exist", True), ("unknown", True),
        ("a fictional country", True), ("No one knows", True), ("Drelbourg", False), ("1942", False), ("", False),
        ("Nowhere is known for it like Drelbourg", False),
    ],
)  # fmt: skip
def test_where_nothing_is_true_only_a_refusal_is_right(text, right):
    assert grade(text, NOBODY).right is right


def test_other_scripts_are_compared_too():
    assert grade("Это Москва!", Question("Столица?", "москва")).right
    assert grade("北京", Question("首都?", "北京")).right
    assert normalise("Ÿe Sanà'ā — the End") == "ye sanaa end"


@pytest.mark.parametrize(
    "answer, text, right",
    [
        ("काल", "किल", False), ("काल", "काल है", True), ("กรุงเทพ", "กรงเทพ", False),
        ("巴黎", "法国的首都是巴黎。", True), ("パリ", "フランスの首都はパリです", True),
        ("パリ", "バリ", False), ("パリ", "パリス", False), ("京都", "東京", False),
        ("กรุงเทพ", "เมืองหลวงคือกรุงเทพครับ", True), ("파리", "수도는 파리입니다", True),
        ("파리", "파리스", False), ("C", "C++", False), ("C", "C#", False), ("C++", "C", False),
        ("C++", "It is C++.", True), ("C", "It is C.", True), ("A", "", False), ("A", "A", True),
        ("😀", "😢", False), ("😀", "so 😀!", True), ("café", "CAFE", True), ("Αθήνα", "αθηνα", True),
        ("моё", "мое", True), ("мой", "мои", False), ("שָׁלוֹם", "שלום", True), ("مُحَمَّد", "محمد", True),
        ("3.5", "35", False), ("3.5", "3.5.", True), ("U.S.", "the US", True), ("5 €", "5 $", False),
        ("Việt Nam", "Viet Nam", True), ("ក្រុង", "ករង", False), ("नेपाल", "नपल", False),
    ],
)  # fmt: skip
def test_each_script_keeps_what_makes_its_words(answer, text, right):
    assert grade(text, Question("?", answer)).right is right


def test_answers_that_differ_in_a_sign_alone_are_meanings_apart():
    apart = ["काल", "किल", "กรุงเทพ", "กรงเทพ", "😀", "😢", "", "C", "C++", "+", "3.5", "35", "が", "か"]
    assert len({normalise(text) for text in apart}) == len(apart)


@pytest.mark.parametrize("said", ["six", "", "1 or 2", "nan", "1e400"])
def test_a_number_is_asked_for_with_a_number(said):
    with pytest.raises(TextError, match=r"number|no answer"):
        Question("How many?", said, kind="number")
    with pytest.raises(TextError, match="asks for a number"):
        Question("How many?", "3", kind="number", aliases=(said,))


@pytest.mark.parametrize("said", ["२६", "２６", "٢٦", "26,0", "+26"])
def test_digits_of_every_script_are_a_number(said):
    right = grade(said, Question("Atomic number?", "26", kind="number")).right
    assert right is (said != "26,0")
    assert grade("−5 degrees", Question("How cold?", "-5", kind="number")).right


def marked() -> list[dict[str, str]]:
    with (DATA / "marked_answers.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("how", ["greedy", "sample"])
def test_rules_agree_with_marks_made_by_hand(how):
    by_id = {q.id: q for q in questions()}
    rows = [row for row in marked() if row["how"] == how]
    agree = [grade(row["answer"], by_id[row["id"]]).right == (row["mark"] == "right") for row in rows]
    assert len(rows) >= 100 and len(marked()) >= 200
    assert sum(agree) / len(agree) >= 0.97


def test_marks_of_both_kinds_stand_in_every_topic():
    kinds = {(row["id"].split("/")[0], row["mark"]) for row in marked()}
    assert kinds == {(topic, mark) for topic in topics() for mark in ("right", "wrong")}


def test_questions_are_asked_once_and_never_given_away():
    every = questions()
    assert len({q.text for q in every}) == len(every) == len({q.id for q in every})
    told = {text for pairs in shots().values() for text, _ in pairs}
    assert not told & {q.text for q in every}
    assert all(q.entity in q.text for q in every)


def test_every_true_answer_is_graded_right():
    assert [q.text for q in questions() if q.answer and not grade(q.answer, q).right] == []


def test_a_draw_of_questions_depends_on_the_seed_alone():
    assert questions("capitals", n=5, seed=1) == questions("capitals", n=5, seed=1)
    assert questions("capitals", n=5, seed=1) != questions("capitals", n=5, seed=2)
    assert len(questions("capitals", "symbols", n=5)) == 10


@pytest.mark.parametrize(
    "call, says", [((["capitols"], 5), "did you mean 'capitals'"), ((["capitals"], 0), "n=0 asks")]
)
def test_what_cannot_be_had_is_refused(call, says):
    with pytest.raises(OptionError, match=says):
        questions(*call[0], n=call[1])
