"""Every numeric limit, with its reason."""

PREDICTION_BATCH = 128
"""Rows of one forward pass outside training. Fixed, because rounding depends on it: predictions made while
training, by `snellen predict` and after export must agree bit for bit. 128 is near the speed plateau of small
networks and still answers for one picture in under 0.2 s with the 2.4 M-parameter CNN."""

LAST_TRAIN_ROWS = 10_000
"""Training images whose loss is stored after the kept and after the last epoch, a stratified sample: their means differ
by chance by a hundredth of a standard deviation, in 80 kB."""

CHECKPOINT_SECONDS = 10.0
"""A checkpoint is written after an epoch or this long, whichever is later: cheap epochs do not wait for the disk."""

LOCK_SECONDS = 5.0
LOCK_POLL_SECONDS = 0.005
"""Longest wait for a journal's lock, and how often to ask; appends take milliseconds, so longer means a stuck
process."""

LOCK_LOOK_SECONDS = 0.1
"""How long a run waits for its lock before it is refused: another process that only looks whether the run is free holds
it for microseconds."""

MAX_SIDE_PIXELS = 512
"""Largest picture side. Snellen is for 8 to 128 pixels; beyond 512 the resident data no longer fit memory."""

MAX_IMAGES = 10_000_000
MAX_CLASSES = 1_000
"""Sanity bounds that turn a misread header into an error before anything is allocated."""

MAX_EXPANSION = 200
SMALL_BYTES = 64 * 2**20
"""A compressed file that declares more than SMALL_BYTES and MAX_EXPANSION times its own size is refused before anything
is allocated: pictures shrink 2 to 20 times, a bomb of zeros 1,000 times."""

MAX_LAYERS = 1_000
MAX_SKIP_DEPTH = 16
MAX_PARAMETERS = 1_000_000_000
"""Bounds for model files from strangers: refuse before allocating."""

MAX_OPTIONS = 1_000
"""Most options of a `choice`: every one is validated before anything starts, 0.2 ms each."""

MAX_JSON_BYTES = 16 * 2**20
MAX_DESCRIPTION_BYTES = 2**20
"""Largest study file and model.json read; real ones are a few KiB."""

MAX_HEADER_PIXELS = 64 * 2**20
"""Largest picture decoded, by its header: 64 megapixels, about 200 MB decoded."""

MAX_PICTURE_BYTES = 256 * 2**20
"""Largest picture file read: more than MAX_HEADER_PIXELS of three bytes, uncompressed."""

MAX_MANIFEST_BYTES = 2**30
"""Largest manifest read: 100 bytes a row for MAX_IMAGES."""

MAX_NEAR_IMAGES = 10_000
"""Largest data set in which near-duplicates are looked for unasked: 6 s once; the time grows with the square."""

REPORT_BYTES = 5 * 10**6
"""Size of report.html that still opens at once and can be mailed."""

CELL_IMAGES = 60
"""Images shown behind one cell of a confusion matrix."""

PAIR_IMAGES = 16
PAIRED_IMAGES = 1_500
"""Images in one grid of a confused pair, four rows of four, and in all grids of a page: beyond, a second pair of each
model is left out, because all sprite sheets of the models share their bytes."""

MIN_CLASS_TEST_IMAGES = 30
"""Below this many test images of a class its recall interval is wider than +-15 points: a notice says so."""

SHEET_BYTES = 500_000
CELL_SHEET_BYTES = 1_500_000
"""Largest sprite sheets, of the pictures in view and of those behind confusion cells: together 2.7 MB as data URIs,
which beside the figure library (0.9 MB) leave 1.4 MB for tables."""

SHEET_PIXELS = 2**24
"""Largest sprite sheet by pixels: 64 MB once a browser has decoded it, which a phone still holds."""

THUMBNAIL_PIXELS = 64
"""Longest side of a thumbnail; larger pictures are reduced by a whole factor."""

CURVE_POINTS = 200
"""Points of one learning curve; more cannot be told apart at the width it is drawn."""

MATRIX_CLASSES = 120
"""Most classes for which the report draws a confusion matrix; a wider one cannot be read. The numbers stay in
report.json."""

MAP_ROWS = 55_000
"""Pictures on a map where a study does not say how many: MNIST without 5,000 to stop by."""

MAP_PICTURES = 5_000
MAP_SHEET_BYTES = 1_500_000
"""Thumbnails of a page of maps, and the largest sprite sheet that holds them: 2 MB as a data URI. The places of 55,000
points on five maps take another 2.3 MB."""

MAP_POINTS = 60_000
"""Most points that a page draws: more are a sample of those that were placed, so that it stays under 5 MB."""

MAP_MEMORY_BYTES = 4 * 2**30
MAP_BYTES_A_VALUE = 12
MAP_BYTES_A_NEIGHBOUR = 160
MAP_BYTES_A_ROW = 2_000
"""A map of n rows of d values with k neighbours (3 x perplexity for t-SNE) may take MAP_MEMORY_BYTES, by the formula
n * (MAP_BYTES_A_VALUE * d + MAP_BYTES_A_NEIGHBOUR * k + MAP_BYTES_A_ROW): the values, their copy in the index of
neighbours and in doubles; neighbours, distances and the two symmetric sparse matrices; the trees of the index."""

MAX_STORED_BYTES = 64 * 2**20
MAX_STORED_DEPTH = 100
MAX_STORED_INTEGER = 2**63 - 1
"""Of a JSON file of a run: real ones are at most a few MB (a search of a thousand trials, the words of an analysis),
20 levels deep, and hold no number that an int64 does not."""

MAX_THREADS = 1_024
"""More than any machine has: a record that says so is not ours."""
