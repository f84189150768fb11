"""What a trained network is worth: exported, executed, streamlined and lowered, always the same integers."""

from __future__ import annotations

import numpy as np
import onnx

from levada import models
from levada.build import Options
from levada.build import lowered as lowered_build
from levada.graph import execute
from levada.train import Recipe, loop, publish
from levada.train import execute as run_file
from levada.train.classification import Classification
from levada.train.publish import as_floats, compare, run_torch
from levada.train.run import Job
from tests.unit.trainings import dataset, stripes


def trained_and_lowered(model, recipe, task, folder):
    """Trains, and asserts that torch, the file, the integers and the layers agree on 300 images.

    Returns:
        The network, the file's graph, and the state of a build with the layers.
    """
    network = loop.fit(Job(model, recipe, task, folder / "run", [].append))
    file = publish(model, network, folder).onnx
    images = stripes(300, 5)[0]
    expected = run_torch(network, as_floats(model, images))[0]
    compare(model, expected, run_file(file, as_floats(model, images)))
    state = lowered_build(Options(str(file), input=model.input, samples=30))
    compare(model, expected, state.network.run(images)[0])
    values = execute(state.graph, state.network.host_input.quantize(images))
    integers = np.concatenate([values[name].reshape(len(images), -1) for name in state.graph.outputs], axis=1)
    compare(model, expected, state.network.host_outputs.finish(integers)[0])
    return network, onnx.load(file).graph, state


def digits(folder, variant, *specs, rate=0.01):
    """A short training of digits on stripes, with methods: as `trained_and_lowered`."""
    model, recipe = models.find(f"digits-{variant}"), Recipe(1, 2, 30, rate, methods=specs)
    task = Classification(model, recipe, dataset(300, 30))
    return trained_and_lowered(model, recipe, task, folder)
