"""Training on a tiny made-up data set: it learns, and an interruption changes nothing."""

import dataclasses
import functools
import importlib
import importlib.util
import io
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from levada import cli, models, train
from levada.errors import CheckFailedError, LevadaError
from levada.train import classification, loop
from levada.train import recipe as recipes
from levada.train.run import Job
from levada.train.task import family_of
from tests.require_tools import require
from tests.unit import trainings
from tests.unit.trainings import stripes

data = importlib.import_module("levada.models.data")
tfc = importlib.import_module("levada.models.tfc.tfc")

RECIPE = train.Recipe(seed=3, epochs=3, batch_size=16, learning_rate=0.01, shift=1)
ROOT = Path(__file__).parents[2]
CHECKPOINT = "build/train/tfc-w2a2/checkpoint.pt"


@pytest.fixture(autouse=True)
def fabric():
    require("lightning_fabric")


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """Runs in an empty folder, with a recipe and data that take a second."""
    dataset = data.Dataset("stripes", *stripes(90, 1), *stripes(30, 2))
    monkeypatch.setattr(models, "load_data", lambda model: dataset)
    monkeypatch.setattr(recipes, "find", lambda model, path=None: RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder, name="tfc-w2a2", log=None):
    """Trains in a folder of its own; returns the result and the bytes of both files."""
    lines = []
    result = train.train(name, out=folder / "out", log=log or lines.append)
    return result, result.onnx.read_bytes(), result.samples.read_bytes(), lines


def in_folder(monkeypatch, folder):
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


class Interrupter:
    """Stands in for a family's `constrain` and is hit by Ctrl-C at its n-th call."""

    def __init__(self, monkeypatch, at):
        self.left, self.true = at, tfc.constrain
        monkeypatch.setattr(tfc, "constrain", self)

    def __call__(self, network):
        self.true(network)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("step", [1, 5, 7, 15], ids=["first step", "end of epoch", "midway", "last step"])
def test_interrupted_run_ends_with_the_same_weights(tiny, monkeypatch, step):
    whole = run(in_folder(monkeypatch, tiny / "whole"))
    folder = in_folder(monkeypatch, tiny / "cut")
    Interrupter(monkeypatch, step)
    with pytest.raises(KeyboardInterrupt):
        run(folder)
    done = (step - 1) // 5  # 90 images make 5 batches of 16
    assert (folder / CHECKPOINT).is_file() == (done > 0)
    assert not (folder / "out").exists()
    _, onnx, samples, lines = run(folder)
    assert (onnx, samples) == whole[1:3]
    told = [line for line in lines if "holds" in line]
    assert told == ([f"tfc-w2a2: {CHECKPOINT} holds {done} of 3 epochs"] if done else [])
    assert [line.split(",")[0] for line in lines if "epoch " in line] == [
        f"tfc-w2a2: epoch {epoch} of 3" for epoch in range(done + 1, 4)
    ]


def test_interruption_between_epochs(tiny, monkeypatch):
    whole = run(in_folder(monkeypatch, tiny / "whole"))
    folder = in_folder(monkeypatch, tiny / "cut")

    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(folder, log=stop)
    assert run(folder)[1:3] == whole[1:3]


def test_finished_run_only_exports_again(tiny):
    first = run(tiny)
    second = run(tiny)
    assert second[1:3] == first[1:3]
    assert second[3][0] == f"tfc-w2a2: {CHECKPOINT} holds 3 of 3 epochs; delete it to train again"
    assert not any("loss" in line for line in second[3])


def test_seed_decides(tiny, monkeypatch):
    first = run(tiny)
    monkeypatch.setattr(recipes, "find", lambda model, path=None: train.Recipe(**{**vars(RECIPE), "seed": 4}))
    second = run(tiny)
    assert second[3][0] == f"tfc-w2a2: {CHECKPOINT} is of another network, recipe or data; starts anew"
    assert second[1] != first[1]


def test_checkpoints_of_other_weights_are_left(tmp_path):
    model, recipe = models.find("espcn-x2-w8a8"), train.Recipe(1, 1, 4, 1e-3)
    lines = []

    def network(width):
        layers = torch.nn.Conv2d(1, width, 1), torch.nn.Conv2d(width, 4, 1), torch.nn.PixelShuffle(2)
        return torch.nn.Sequential(*layers)

    for width in (3, 5):
        make = functools.partial(network, width)
        trained = loop.fit(Job(model, recipe, trainings.Patches(), tmp_path, lines.append, make=make))
        assert trained[1].in_channels == width
    assert [line for line in lines if "anew" in line] == [
        f"espcn-x2-w8a8: {tmp_path / 'checkpoint.pt'} is of another network, recipe or data; starts anew"
    ]


def test_training_leaves_torchs_state_alone(tiny):
    torch.manual_seed(99)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    run(tiny)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("name", ["tfc-w1a1", "tfc-w1a2", "tfc-w2a2"])
def test_it_learns(tiny, monkeypatch, name):
    dataset = data.Dataset("stripes", *stripes(400, 1), *stripes(200, 2))
    monkeypatch.setattr(models, "load_data", lambda model: dataset)
    monkeypatch.setattr(recipes, "find", lambda model, path=None: train.Recipe(1, 5, 20, 0.01))
    result, *_, lines = run(tiny, name)
    assert result.accuracy > 80  # by chance: 10
    assert f"{name}: {result.accuracy:.2f} % of 200 test images of stripes" in lines
    with np.load(result.samples) as samples:
        assert sorted(samples.files) == [f"expected_{name[4:]}", "inputs"]


def test_samples_of_other_variants_stay(tiny):
    _, _, first, _ = run(tiny, "tfc-w1a1")
    _, _, second, _ = run(tiny, "tfc-w2a2")
    with np.load(io.BytesIO(first)) as one, np.load(io.BytesIO(second)) as two:
        assert sorted(two.files) == ["expected_w1a1", "expected_w2a2", "inputs"]
        np.testing.assert_array_equal(one["expected_w1a1"], two["expected_w1a1"])


def test_export_that_differs_is_not_published(tiny, monkeypatch):
    true = classification.execute

    def false(path, inputs):
        logits = true(path, inputs)
        logits[2] += 1
        return logits

    monkeypatch.setattr(classification, "execute", false)
    with pytest.raises(CheckFailedError, match="differs from torch on 1 of 30 inputs; first 2: expected"):
        run(tiny)
    assert not (tiny / "out").exists()


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", "cut"])
def test_damaged_checkpoint(tiny, damage):
    run(tiny)
    path = tiny / CHECKPOINT
    path.write_bytes(path.read_bytes()[:2000] if damage == "cut" else damage)
    with pytest.raises(LevadaError, match=rf"^{CHECKPOINT}: is not a whole checkpoint \(.*\); delete it$"):
        run(tiny)


def test_batch_larger_than_the_data(tiny, monkeypatch):
    monkeypatch.setattr(recipes, "find", lambda model, path=None: train.Recipe(1, 1, 91, 0.01))
    with pytest.raises(
        LevadaError, match="batch_size 91 exceeds the 90 training images of stripes; lower it"
    ):
        run(tiny)


def test_many_inputs_at_once_give_what_single_ones_give(tiny):
    result, *_ = run(tiny)
    model = models.find("tfc-w2a2")
    inputs = train.as_floats(model, stripes(7, 5)[0])
    single = [train.execute(result.onnx, inputs[i : i + 1]) for i in range(7)]
    np.testing.assert_array_equal(train.execute(result.onnx, inputs), np.concatenate(single))


def test_missing_network(tiny):
    with pytest.raises(
        LevadaError, match=r"^x/tfc-w2a2\.onnx: is missing; `levada train tfc-w2a2` makes it$"
    ):
        train.execute(Path("x/tfc-w2a2.onnx"), np.zeros((1, 1, 28, 28), np.float32))


def test_shift_moves_whole_images():
    torch.manual_seed(1)
    images = torch.zeros(200, 1, 28, 28, dtype=torch.uint8)
    images[:, 0, 10, 20] = 9
    images[:, 0, 0, 0] = 1
    moved = classification.shifted(images, 1)
    assert moved.shape == images.shape
    number, _, row, column = (moved == 9).nonzero().T
    assert number.tolist() == list(range(200))
    assert set(zip(row.tolist(), column.tolist(), strict=True)) == {
        (r, c) for r in (9, 10, 11) for c in (19, 20, 21)
    }
    assert moved.max() == 9
    assert set((moved == 1).sum(dim=(1, 2, 3)).tolist()) == {0, 1}  # the corner may fall out, never come back


def test_progress_bar_on_a_terminal(tiny, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    *_, lines = run(tiny)
    assert "tfc-w2a2" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert not any("loss" in line for line in lines)


def test_log_goes_to_standard_error(tiny, capsys):
    train.train("tfc-w2a2", out=tiny)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0].startswith("tfc-w2a2: epoch 1 of 3, loss ")


def test_a_killed_process_changes_nothing(tmp_path):
    """SIGKILL in the middle of the fourth epoch, with a method that has a state."""
    command = [sys.executable, "-m", "tests.unit.trainings", str(tmp_path / "cut"), "82"]
    killed = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stderr.splitlines()[-1].startswith("tfc-w2a2: epoch 3 of 6, loss ")
    assert not (tmp_path / "cut" / loop.TRAINED).exists()
    whole = trainings.stateful(tmp_path / "whole", log=[].append)
    lines = []
    cut = trainings.stateful(tmp_path / "cut", log=lines.append)
    assert lines[0].endswith("checkpoint.pt holds 3 of 6 epochs")
    assert [line.split(",")[0] for line in lines[1:]] == [f"tfc-w2a2: epoch {n} of 6" for n in (4, 5, 6)]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, cut.state_dict()[name]), name


def test_two_processes_average_their_gradients(tmp_path):
    """Of a network without batch normalisation: the same as one process, but for how sums are rounded."""
    model, recipe = models.find("espcn-x2-w8a8"), train.Recipe(1, 1, 4, 1e-3)
    one, two = (
        loop.fit(
            Job(model, recipe, trainings.Patches(), tmp_path / str(count), [].append),
            train.Machine("cpu", count),
        )
        for count in (1, 2)
    )
    start = loop.fit(Job(model, train.Recipe(1, 1, 4, 1e-12), trainings.Patches(), tmp_path / "0", [].append))
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], tensor, atol=2e-5, rtol=0)
    assert any((one.state_dict()[n] - t).abs().max() > 1e-3 for n, t in start.state_dict().items())


@pytest.mark.parametrize(
    ("machine", "text"),
    [
        (
            train.Machine("cpu", 3),
            "batch_size 16 cannot be shared by 3 processes equally; choose --processes that divides it",
        ),
        (train.Machine("gpu", 64), "GPUs, and 64 are asked for; use --accelerator cpu"),
    ],
)
def test_machine_that_does_not_fit(tiny, machine, text):
    recipe = dataclasses.replace(RECIPE, batch_size=16 if machine.processes == 3 else 64)
    with pytest.raises(LevadaError, match=text):
        machine.check(recipe)


def test_without_fabric_the_exit_code_is_3(tiny, monkeypatch, capsys):
    true = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "lightning_fabric" else true(name)
    )
    assert cli.main(["train", "tfc-w2a2", "--out", str(tiny)]) == 3
    assert capsys.readouterr().err.endswith(
        "Lightning Fabric is missing, which training needs; `pip install 'levada[train]'` installs it\n"
    )


def test_publishing_and_measuring_need_no_fabric():
    code = (
        "import sys; sys.modules['lightning_fabric'] = None; from levada import train;"
        "from levada.models import seeded; print(train.publish, train.measure, train.execute)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run(tiny, monkeypatch, value):
    true, calls = torch.nn.functional.cross_entropy, []

    def loss(outputs, targets):
        calls.append(1)
        return true(outputs, targets) * (value if len(calls) == 7 else 1)

    monkeypatch.setattr(torch.nn.functional, "cross_entropy", loss)
    with pytest.raises(
        LevadaError,
        match=f"^tfc-w2a2: the loss is {value} at step 7 of 15; lower learning_rate in the recipe",
    ):
        run(tiny)
    assert not (tiny / "out").exists()


def test_a_far_too_high_rate_ends_with_that_error(tiny, monkeypatch):
    """Not by intervention: logits overflow."""
    monkeypatch.setattr(recipes, "find", lambda model, path=None: train.Recipe(1, 9, 16, 1e37))
    with pytest.raises(LevadaError, match=r"the loss is (nan|inf) at step "):
        run(tiny)


def test_weights_of_another_network(tiny):
    run(tiny)
    path = tiny / "build/train/tfc-w2a2" / loop.TRAINED
    with pytest.raises(LevadaError, match=r"trained.pt: holds weights of another network than cnv-w1a1; "):
        loop.trained("cnv-w1a1", lambda: family_of(models.find("cnv-w1a1")).build("w1a1"), path)
