"""What streamlining can do with ONNX operators: the tables that the early check and the passes share."""

from __future__ import annotations

#: Operators whose result is, element by element, a monotone function of their one dynamic input (the others
#: are constants). Any chain of them before a quantizer becomes thresholds, exactly.
MONOTONE = frozenset(
    {
        "Add",
        "BatchNormalization",
        "Ceil",
        "Clip",
        "Div",
        "Elu",
        "Erf",
        "Exp",
        "Floor",
        "HardSigmoid",
        "LeakyRelu",
        "Mul",
        "PRelu",
        "Relu",
        "Round",
        "Selu",
        "Sigmoid",
        "Sign",
        "Softplus",
        "Softsign",
        "Staircase",
        "Sub",
        "Tanh",
    }
)

#: The other elementwise operators of one dynamic input: before a quantizer they become thresholds where they
#: are monotone over the range of their integers, else a table.
OTHER_FUNCTIONS = frozenset(
    {"Abs", "Celu", "Cos", "Gelu", "HardSwish", "Mish", "Neg", "Pow", "Sin", "Sqrt", "ThresholdedRelu"}
)

ELEMENTWISE = MONOTONE | OTHER_FUNCTIONS

#: Elementwise operators that are affine: what the host can apply to the accelerator's output.
AFFINE = frozenset({"Add", "BatchNormalization", "Div", "Mul", "Sub"})

#: Elementwise operators with a constant as their second operand, that scale and that shift.
SCALES = frozenset({"Div", "Mul"})
SHIFTS = frozenset({"Add", "Sub"})

#: Operators that only rename elements: the stream of a frame is the same before and after.
SHAPE = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})

#: Quantizers of activations.
QUANTIZERS = frozenset({"BipolarQuant", "Quant"})

#: Their constants are for the whole tensor: none is one a channel.
WHOLE = QUANTIZERS | {"Staircase"}

#: What gives indices of the largest channels.
RANKING = frozenset({"ArgMax", "TopK"})

#: Operators with a constant matrix of integers: at which of their inputs it is.
WEIGHTED = {"Conv": 1, "ConvTranspose": 1, "MatMul": 1}

#: What may stand at the very end, for the host to do.
FINAL = frozenset({"Softmax"})
