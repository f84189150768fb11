"""What streamlining can do with ONNX operators: the tables that the early check and the passes share."""

from __future__ import annotations

#: Operators whose result is, element by element, a monotone function of their one dynamic input (the others
#: are constants). Any chain of them before a quantizer becomes thresholds, exactly.
MONOTONE = frozenset(
    {
        "Add",
        "BatchNormalization",
        "Clip",
        "Div",
        "HardSigmoid",
        "LeakyRelu",
        "Mul",
        "PRelu",
        "Relu",
        "Selu",
        "Sigmoid",
        "Softplus",
        "Softsign",
        "Sub",
        "Tanh",
    }
)

#: Elementwise operators that are affine: what the host can apply to the accelerator's output.
AFFINE = frozenset({"Add", "BatchNormalization", "Div", "Mul", "Sub"})

#: Operators that only rename elements: the stream of a frame is the same before and after.
SHAPE = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})

#: Quantizers of activations.
QUANTIZERS = frozenset({"BipolarQuant", "Quant"})

#: What gives indices of the largest channels.
RANKING = frozenset({"ArgMax", "TopK"})

#: Operators with a constant matrix of integers: at which of their inputs it is.
WEIGHTED = {"MatMul": 1}

#: What may stand at the very end, for the host to do.
FINAL = frozenset({"Softmax"})
