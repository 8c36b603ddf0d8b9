"""The networks of a proposed study, and how long they train."""

from __future__ import annotations

from collections.abc import Iterator

from snellen.init.comments import comment

SMALL_INPUT, LAST_SIDE, FILTERS = 256, 4, (16, 32, 64, 64)
"""Up to 256 values a picture, 64 hidden units are enough; convolutional networks halve the sides down to 4 pixels."""

SEEN_IMAGES, EPOCHS = 100_000, (10, 60)
"""As many epochs as show about 100,000 pictures, from 10 to 60; early stopping may end them sooner."""


def train_lines(num_rows: int) -> Iterator[str]:
    """How long to train on so many images."""
    least, most = EPOCHS
    epochs = min(max(SEEN_IMAGES // num_rows, least), most)
    yield from comment(
        f"{epochs} epochs of {num_rows:,} images; training stops when the validation loss has not improved for "
        "`patience` epochs, and the best epoch is kept."
    )
    stop = f"epochs: {epochs}, patience: {max(3, epochs // 6)}"
    yield f"train: {{optimizer: adam, learning_rate: 1e-3, batch_size: 32, {stop}}}"


def model_lines(shape: tuple[int, int, int]) -> Iterator[str]:
    """Three networks, the simplest first, so that the report shows whether the larger ones are needed."""
    height, width, channels = shape
    units = 64 if height * width * channels <= SMALL_INPUT else 128
    sides, blocks = min(height, width), list[int]()
    while sides >= 2 * LAST_SIDE and len(blocks) < len(FILTERS):
        blocks.append(FILTERS[len(blocks)])
        sides //= 2
    yield from comment("Three networks, the simplest first; the output layer is added automatically.")
    yield "models:"
    yield "  linear:"
    yield "    layers: [flatten]"
    yield from comment(f"{units} hidden units for {height * width * channels:,} values per image.", "  ")
    yield "  dense:"
    yield f"    layers: [flatten, {{dense: {{units: {units}, activation: relu}}}}]"
    small = f"{height >> len(blocks)}x{width >> len(blocks)}"
    reason = f"each pooling halves the sides, down to {small}" if blocks else "too small for pooling"
    yield from comment(f"A convolutional network on {height}x{width} pixels: {reason}.", "  ")
    yield "  cnn:"
    yield "    layers:"
    for filters in blocks or FILTERS[:1]:
        yield f"      - conv: {{filters: {filters}, kernel: 3, padding: same, activation: relu}}"
        if blocks:
            yield "      - max_pool: 2"
    yield from ("      - flatten", "      - dropout: 0.25", "      - dense: {units: 64, activation: relu}")
