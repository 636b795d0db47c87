"""Several processes do what one does; real ones, started as a user starts them, over gloo on the CPU."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from labkit.core.errors import OptionError
from labkit.text import Batch, Rows
from labkit.training.distributed import agree, by_the_first, combine, processes, rank, share, total

SCRIPT = '''
import json, sys
from pathlib import Path
import numpy as np
from labkit.text import Batch, world
from labkit.training import begin, plan
from labkit.training.distributed import processes, rank

class Uneven:
    """Rows of a world in which the first ones count one target and the last ones all: unlike shares."""
    inner = world("repeated", vocabulary=6, length=4)
    name, tokenizer, vocab_size, hash = "uneven", inner.tokenizer, inner.vocab_size, "1"
    def batch(self, index, *, batch, context, **more):
        made = self.inner.batch(index, batch=batch, context=context, **more)
        last = np.arange(context) == context - 1
        return Batch(made.ids, last[None] | (np.arange(batch) >= batch // 2)[:, None])

options = dict(layers=1, heads=2, d_model=16, context=7, batch=8, steps=6, validate_every=3, precision="float32")
planned = plan("nano", corpus=Uneven(), **{**options, **json.loads(sys.argv[1])})
run, going = begin(planned, name=sys.argv[2], go_on=True)
losses = []
for step in going:
    losses.append((step.loss, step.grad_norm, step.validation))
    if step.index == int(sys.argv[3]):
        going.close()
        break
Path(f"{sys.argv[2]}-{rank()}-of-{processes()}.json").write_text(json.dumps(losses))
'''


def launch(count: int, name: str, place: Path, stop: int = 0, **options) -> list[list]:
    """The losses that each process saw."""
    script = place / "train.py"
    script.write_text(SCRIPT)
    start = [sys.executable, str(script)]
    if count > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {"num_processes": count, "num_machines": 1, "main_process_port": port, "mixed_precision": "no",
                "dynamo_backend": "no", "num_cpu_threads_per_process": 1}  # fmt: skip
        flags = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
        start = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", *flags, str(script)]
    place_told = {**os.environ, "LABKIT_RUNS": str(place / "runs"), "OMP_NUM_THREADS": "1"}
    told = [*start, json.dumps(options), name, str(stop)]
    done = subprocess.run(told, check=False, capture_output=True, text=True, cwd=place, timeout=300, env=place_told)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [place / f"{name}-{number}-of-{count}.json" for number in range(count)]
    assert all(path.is_file() for path in found), (
        sorted(p.name for p in place.iterdir()),
        done.stdout,
        done.stderr[-3000:],
    )
    return [json.loads(path.read_text()) for path in found]


def test_two_processes_give_the_losses_of_one_with_twice_the_batch(tmp_path):
    """Of the batch of 8 each takes 4; one process takes all 8. Sums are taken in another order: equal to float32."""
    (alone,) = launch(1, "alone", tmp_path)
    first, second = launch(2, "together", tmp_path)
    assert first == second
    flat = [[value for step in one for value in step if value is not None] for one in (alone, first)]
    assert flat[1] == pytest.approx(flat[0], rel=2e-4)
    histories = [
        (tmp_path / "runs" / name / "history.jsonl").read_text().splitlines() for name in ("alone", "together")
    ]
    assert [len(lines) for lines in histories] == [6, 6]


def test_two_processes_go_on_where_one_stopped_and_accumulation_changes_nothing(tmp_path):
    (whole,) = launch(1, "whole", tmp_path)
    launch(1, "parts", tmp_path, stop=3)
    first, _ = launch(2, "parts", tmp_path, accumulate=2)
    assert [step[0] for step in first] == pytest.approx([step[0] for step in whole[3:]], rel=2e-4)


def test_alone_nothing_is_shared_and_nothing_sent():
    rows = Batch(np.arange(12).reshape(4, 3)).rows()
    assert (processes(), rank()) == (1, 0)
    assert share(rows) is rows
    value = torch.ones(3)
    assert total(value) is value
    assert agree(2.5) == 2.5
    assert by_the_first(lambda: "made") == "made"
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    combine([parameter])
    assert parameter.grad.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("count, rows", [(2, 8), (3, 8), (3, 3)])
def test_every_row_belongs_to_one_process(monkeypatch, count, rows):
    monkeypatch.setattr("labkit.training.distributed.processes", lambda: count)
    seen = []
    for number in range(count):
        monkeypatch.setattr("labkit.training.distributed.rank", lambda number=number: number)
        ids = np.arange(rows)[:, None]
        mine = share(Rows({"input_ids": ids}, ids % 2, {"weight": ids / 2}))
        assert np.array_equal(mine.targets, mine.inputs["input_ids"] % 2)
        assert np.array_equal(mine.more["weight"], mine.inputs["input_ids"] / 2)
        seen += mine.inputs["input_ids"][:, 0].tolist()
    assert seen == list(range(rows))


def test_a_batch_too_small_to_share_is_refused(monkeypatch):
    monkeypatch.setattr("labkit.training.distributed.processes", lambda: 4)
    with pytest.raises(OptionError, match="4 processes"):
        share(Batch(np.zeros((3, 2))).rows())
