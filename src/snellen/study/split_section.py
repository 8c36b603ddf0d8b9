"""The section `split` of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from snellen.study.key_types import Amount, Fraction, Section, Seed


class FromTest(Section):
    """Validation images out of the official test: `{from: test, fraction: 0.5}` halves it. The other images of it are
    the test."""

    model_config = ConfigDict(serialize_by_alias=True)
    from_: Annotated[Literal["test"], Field(alias="from", description="the official test part of the data")]
    fraction: Annotated[Fraction, Field(description="of the official test, drawn by class")]


class Split(Section):
    """How rows are divided into roles. An integer is a count, a fraction a share.

    test: of all rows; None where the data have an official test part. validation: of the rows that are not test; None
    where the data have an official validation part, which is then used; see FromTest too. calibration: of the
    validation rows, taken from them. train: of the other rows; those that are not drawn are not used. None: all.
    """

    test: Amount | None = None
    validation: Annotated[
        Annotated[Amount | None, Tag("count-or-share")] | Annotated[FromTest, Tag("from-test")],
        Discriminator(lambda written: "from-test" if isinstance(written, Mapping | FromTest) else "count-or-share"),
    ] = None
    calibration: Amount | None = None
    train: Amount | None = None
    seed: Seed = 0
