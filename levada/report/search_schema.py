"""What search.json holds. Keys that are not named here are what a strategy has noted beside them."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

SEARCH_SCHEMA: Literal[1] = 1
What = Literal["weight", "activation"]
#: What has a width, and the field of `SiteBits` that holds it.
WHATS: tuple[What, ...] = get_args(What)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SearchLayer(_Model):
    """A layer of the network in hardware, in topological order."""

    name: str
    kind: str
    macs: NonNegativeInt
    """Multiply-accumulates a frame."""
    reads: tuple[str, ...]
    """Names of the layers it reads from; none for the input of the network."""


class Knob(_Model):
    """One width that was chosen: of the weights of a site, or of the results of sites that share it."""

    name: str
    what: What
    sites: tuple[str, ...]
    bits: tuple[PositiveInt, ...]
    """What it may have, ascending."""


class Dim(_Model):
    """One number of the network's shape that was chosen, such as the channels of a layer."""

    name: str
    values: tuple[NonNegativeInt, ...]
    """What it may be, ascending."""


class SiteBits(_Model):
    """The widths of a layer; null where it has no trained weights, or no quantizer of its results."""

    site: str
    weight: PositiveInt | None
    activation: PositiveInt | None
    name: str | None = None
    """Of the site in the knobs of the search, where a design of another shape calls it something else."""


class Cost(_Model):
    """A design in hardware."""

    cycles: PositiveInt
    """Between frames."""
    fps: PositiveFloat
    lut: NonNegativeInt
    ff: NonNegativeInt
    dsp: NonNegativeInt
    bram18: NonNegativeInt
    fits: bool
    """Whether it is within the budget."""
    gap: NonNegativeFloat
    """Proven relative distance to the optimum."""
    share: NonNegativeFloat
    """The largest part of any one resource of the budget; 1 is all of it."""


class Design(_Model):
    """A trained candidate."""

    candidate: str
    """Its widths as the search writes them."""
    bits: tuple[SiteBits, ...]
    shape: dict[str, NonNegativeInt] = {}
    """The numbers of the shape that were searched."""
    layers: tuple[SearchLayer, ...] | None = None
    """Of a design in another shape than the largest."""
    quality: FiniteFloat
    """On the examples for validation, in the unit of the search; larger is better."""
    loss: FiniteFloat
    """On the same examples; smaller is better."""
    tested: FiniteFloat | None
    """Percent right of the examples for testing; null for what is no classifier."""
    cost: Cost
    """As trained."""
    predicted: Cost
    """As the search took it to be before the training."""
    front: PositiveInt | None
    """Its number on the front; null for a design that another one beats."""
    build: str | None = None
    """The command that builds it; of designs of the front."""


class Sensitivity(_Model):
    """What the widths of a knob cost in loss by themselves, by their bits."""

    knob: str
    loss: dict[PositiveInt, NonNegativeFloat]


class Budget(BaseModel):
    """What a design may take of the chip."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    family: str
    lut: NonNegativeInt
    ff: NonNegativeInt
    dsp: NonNegativeInt
    bram18: NonNegativeInt


class SearchReport(BaseModel):
    """A search: what was searched for, all designs, and how they were found."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False, populate_by_name=True)

    version: Literal[1] = Field(alias="schema")
    model: str
    board: str
    clock_mhz: PositiveFloat
    target_fps: PositiveFloat | None
    """Frames a second that designs have to reach; null where more are better."""
    budget: Budget
    strategy: str
    seed: int
    epochs: PositiveInt
    """Of a training by the recipe."""
    finetune: PositiveInt | None
    """Of the training of a design that begins with the weights of the widest one; null where none does."""
    unit: str
    """Of the quality."""
    candidates: PositiveInt
    """How many there are to choose from."""
    evaluated: NonNegativeInt
    """Of how many it was found out what they cost in hardware."""
    complete: bool
    """False where the time was over before the end."""
    refused: tuple[str, ...]
    """Widths that are not possible, and why."""
    layers: tuple[SearchLayer, ...]
    """Of the largest shape."""
    knobs: tuple[Knob, ...]
    dims: tuple[Dim, ...] = ()
    designs: Annotated[tuple[Design, ...], Field(min_length=1)]
    """Those of the front come first, in the order of their numbers."""
    sensitivities: tuple[Sensitivity, ...] = ()
    seconds: dict[str, NonNegativeFloat] = {}
    """Wall time by what it was spent on."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        numbers = [design.front for design in self.designs]
        count = len(numbers) - numbers.count(None)
        if numbers != [*range(1, count + 1), *(None for _ in numbers[count:])]:
            raise ValueError("the designs of the front are not the first ones, numbered from 1")
        named = [({site for knob in self.knobs for site in knob.sites}, self.layers)]
        named += [
            ({row.site for row in design.bits}, design.layers or self.layers) for design in self.designs
        ]
        for sites, layers in named:
            if unknown := sorted(sites - {layer.name for layer in layers}):
                raise ValueError(f"{unknown[0]} is none of the layers")
        return self

    @property
    def front(self) -> tuple[Design, ...]:
        """The designs that no other one beats, the best quality first."""
        return tuple(design for design in self.designs if design.front is not None)

    @property
    def notes(self) -> dict[str, str | int | float]:
        """What else a strategy has noted in single values, also one level down, as "name: part"."""
        values: list[tuple[str, object]] = []
        for name, value in (self.model_extra or {}).items():
            inner = value.items() if isinstance(value, dict) else ()
            values += [(f"{name}: {key}", part) for key, part in inner] or [(name, value)]
        return {name: value for name, value in values if isinstance(value, str | int | float)}
