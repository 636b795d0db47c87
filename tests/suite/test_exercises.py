import numpy as np
import pytest

from labkit import lessons
from labkit.core.errors import OptionError
from labkit.suite import exercises
from labkit.suite.exercises import array, call, exercise, judge, number, require


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """A registry of two exercises, gone after the test; a lesson that a test names registers in the real one."""
    lessons.load("00")
    monkeypatch.setattr(exercises, "_EXERCISES", {})

    @exercise("98.1", "Double it")
    def double(answer):
        require(number(call(answer, 3)) == 6, "3 should become 6; multiply by 2")
        return "3 becomes 6"

    @exercise("98.2", "Rows that sum to 1")
    def rows(answer):
        values = array(answer, shape=(2, 2), what="the matrix")
        require(np.allclose(values.sum(-1), 1), "a row does not sum to 1; divide by its sum")
        return "both rows sum to 1"


def test_a_right_answer_passes_and_says_what_was_verified():
    verdict = judge("98.1", lambda x: 2 * x)
    assert verdict and verdict.state == "passed" and verdict.message == "3 becomes 6"


def test_a_wrong_answer_gets_the_message_of_the_property_that_fails():
    verdict = judge("98.1", lambda x: x + 2)
    assert not verdict and verdict.state == "wrong" and "multiply by 2" in verdict.message


def _stub(x):
    raise NotImplementedError


def _documented_stub(x):
    """Twice as much."""
    ...


def _forgot_to_return(x):
    double = 2 * x
    print(double)


def _interrupted(x):
    raise KeyboardInterrupt


@pytest.mark.parametrize("stub", [None, ..., lambda x: None, lambda x: ..., _stub, _documented_stub])
def test_a_stub_is_open_not_wrong(stub):
    assert judge("98.1", stub).state == "open"


def test_an_interrupted_answer_is_open_and_says_so():
    verdict = judge("98.1", _interrupted)
    assert verdict.state == "open" and verdict.message.startswith("interrupted before")


@pytest.mark.parametrize(
    "id, answer, message",
    [
        ("98.1", lambda x: x / 0, "with the input 3 your function stops: ZeroDivisionError"),
        ("98.1", 6, "expected a function"),
        ("98.1", _forgot_to_return, "with the input 3 your function gives nothing (None); does it end with a return?"),
        ("98.1", lambda x: "six", "should be one number"),
        ("98.1", lambda x: True, "should be one number"),
        ("98.1", lambda x: float("nan"), "nan"),
        ("98.2", "text", "should hold numbers"),
        ("98.2", [[1, 0]], "should have shape (2, 2), but it has (1, 2)"),
        ("98.2", [[1, float("nan")], [0, 1]], "nan"),
        ("98.2", [[1, 0], [0]], "should hold numbers"),
        ("97.1", 1, "no exercise 97.1; known ones: 98.1, 98.2"),
    ],
)
def test_an_answer_of_the_wrong_kind_is_told_so_and_nothing_raises(id, answer, message):
    verdict = judge(id, answer)
    assert verdict.state == "wrong" and message in verdict.message


def test_an_answer_that_cannot_even_be_printed_is_judged():
    class Odd:
        def __repr__(self):
            raise ValueError("no")

    assert judge("98.1", Odd()).state == "wrong"
    assert judge("98.2", Odd()).state == "wrong"


def test_a_check_that_breaks_is_reported_and_does_not_raise():
    @exercise("98.3", "Breaks")
    def breaks(answer):
        return {}["x"]

    assert "could not be judged (KeyError" in judge("98.3", 1).message


def test_tensors_are_taken_as_arrays():
    torch = pytest.importorskip("torch")
    assert judge("98.2", torch.tensor([[0.5, 0.5], [1.0, 0.0]], requires_grad=True))


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int64"])
def test_a_torch_scalar_is_a_number(dtype):
    torch = pytest.importorskip("torch")
    assert judge("98.1", lambda x: torch.tensor(2 * x, dtype=getattr(torch, dtype)))
    assert judge("98.1", lambda x: torch.tensor([2 * x], dtype=getattr(torch, dtype)))
    assert not judge("98.1", lambda x: torch.tensor([2 * x, 1], dtype=getattr(torch, dtype)))
    assert number(torch.tensor(0.1, dtype=torch.float64, requires_grad=True)) == 0.1
    assert array(torch.tensor([0.1], dtype=torch.float64))[0] == 0.1


def test_a_number_that_torch_holds_as_a_truth_value_is_none():
    torch = pytest.importorskip("torch")
    assert "should be one number" in judge("98.1", lambda x: torch.tensor(True)).message


@pytest.fixture
def tripled():
    """An exercise of which three mistakes are known."""
    wrong = [(lambda x: x**3, "that is the cube"), (lambda x: x + 2, "that is a sum"), (lambda x: [x] * 3, "a list")]

    @exercise("98.3", "Triple it", wrong=wrong)
    def triple(answer):
        require(number(call(answer, 2), what="2 tripled") == 6, "2 should become 6, a number")
        require(number(call(answer, 5)) == 15, "5 should become 15")
        return "tripled"


@pytest.mark.parametrize(
    "answer, message",
    [
        (lambda x: x * x * x, "2 should become 6, a number. Hint: that is the cube"),
        (lambda x: float(2 + x), "2 should become 6, a number. Hint: that is a sum"),
        (lambda x: 7, "2 should become 6, a number"),  # like none of them
        (lambda x: 6, "5 should become 15"),
        (lambda x: x / 0, "with the input 2 your function stops: ZeroDivisionError: division by zero"),
        (lambda x: [x, x, x], "2 tripled should be one number, but it is [2, 2, 2]. Hint: a list"),
    ],
)
def test_an_answer_that_does_as_a_known_mistake_hears_its_reason_after_the_message(tripled, answer, message):
    assert judge("98.3", answer).message == message


def test_a_reason_that_the_message_gives_already_is_not_said_twice():
    @exercise("98.4", "Six", wrong=[(lambda: 7, "too large")])
    def six(answer):
        require(call(answer) <= 6, "that is too large")
        return "small"

    assert judge("98.4", lambda: 7).message == "that is too large"


def test_two_checks_cannot_share_an_id():
    with pytest.raises(OptionError, match=r"98\.1 has a check already"):

        @exercise("98.1", "Another")
        def other(answer):
            return ""


@pytest.fixture
def shown(monkeypatch):
    """What `display` was given."""
    import IPython.display

    calls = []
    monkeypatch.setattr(IPython, "get_ipython", object)
    monkeypatch.setattr(IPython.display, "display", lambda data, **options: calls.append((data, options)))
    return calls


def test_a_verdict_is_shown_escaped_with_a_text_twin_and_recorded(shown):
    def broken(x):
        raise ValueError("<script>alert(1)</script>")

    assert not lessons.check("98.1", broken)
    ((data, options),) = shown
    assert "<script>" not in data["text/html"] and "&lt;script&gt;" in data["text/html"]
    assert data["text/plain"].startswith("✘ 98.1 Double it: ")
    assert options["metadata"]["labkit"]["check"]["state"] == "wrong"


def test_a_verdict_at_a_cells_end_is_not_shown_twice(shown):
    verdict = lessons.check("98.1", lambda x: 2 * x)
    verdict._ipython_display_()
    assert len(shown) == 1


@pytest.mark.parametrize("id", ["00.99", "nonsense", "", 7, "../..", "98.1.2"])
def test_an_unknown_id_is_a_verdict_not_an_exception(shown, id):
    assert lessons.check(id, 1).state == "wrong"
