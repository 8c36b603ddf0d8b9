"""Every numeric limit, with its reason."""

PREDICTION_BATCH = 128
"""Rows of one forward pass outside training. Fixed, because rounding depends on it: predictions made while
training, by `snellen predict` and after export must agree bit for bit. 128 is near the speed plateau of small
networks and still answers for one image in under 0.2 s with the 2.4 M-parameter CNN."""

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
"""Largest image side. Snellen is for 8 to 128 pixels; beyond 512 the resident data no longer fit memory."""

MAX_IMAGES = 10_000_000
MAX_CLASSES = 1_000
"""Sanity bounds that turn a misread header into an error before anything is allocated."""

MAX_EXPANSION = 200
SMALL_BYTES = 64 * 2**20
"""A compressed file that declares more than SMALL_BYTES and MAX_EXPANSION times its own size is refused before anything
is allocated: images shrink 2 to 20 times, a bomb of zeros 1,000 times."""

MAX_WEIGHTS_EXPANSION = 20
"""The same for a member of a zipped bundle: float32 weights shrink by a tenth, and by no more than their zeros."""

MAX_FILE_BYTES = 32 * 2**30
"""Largest data file: its arrays would not fit the memory of a workstation, and hashing it takes a quarter of a
minute. A file with holes counts as compressed to the bytes that are on the disk (MAX_EXPANSION)."""

FEW_GZIP_MEMBERS, MIN_GZIP_MEMBER_BYTES = 1_000, 1_024
"""Beyond a thousand members of a gzip file each must hold a KiB on average: bgzip has 64 KiB in each. A member takes
2 us and 20 bytes."""

MAX_ARCHIVE_MEMBERS, MAX_DIRECTORY_BYTES = 1_000, 2**20
"""Arrays of an .npz file, and its directory: 60 bytes an array; the standard library needs 10 us for each."""

MAX_BATCH_BYTES, MAX_BATCH_OPCODES = 2**29, 2_000_000
"""Largest pickled batch, of which reading takes up to three times as much memory, and its opcodes, 2 us and up to 100
bytes each. That of CIFAR-100 has 155 MB and 300,000."""

MAX_LISTED_FILES = 1_000_000
"""Most image files of a data set: about 1 KiB of memory each before a single one is decoded. More are better packed
into arrays."""

MAX_LINKED_FOLDERS = 5_000
"""Links to folders that are followed, in all: two links in each of 18 folders to the next are 2^18 ways to one file."""
MAX_FOLDERS = 200_000
"""Folders below a source, 20 us each."""

MAX_ZIPPED_FILES, MAX_ZIP_DIRECTORY_BYTES = 200_000, 2**26
"""Members of a zip of images, and its directory: 60 to 300 bytes a member; the standard library needs 10 us and half
a KiB for each, every time that the file is opened. More are better unpacked."""

MAX_FOLDER_DEPTH = 32
"""Folders in folders; real ones are 2 to 6 deep, and every system limits how long a path may be."""

MAX_NAME_CHARACTERS = 4_096
"""Longest path or label in a manifest: no system opens a longer path."""

MAX_LABEL_CHARACTERS = 2**27
"""Of all labels of a data set as an array, in which each takes as much as the longest: 512 MiB; names of 13 letters for
MAX_IMAGES."""

MAX_LAYERS = 1_000
MAX_BRANCH_DEPTH = 16
MAX_BRANCHES = 64
MAX_PARAMETERS = 1_000_000_000
MAX_ACTIVATION_BYTES = 4 * 2**30
MAX_OPERATIONS = 40 * 10**9
"""Bounds for networks, refused before anything is allocated: of strangers when their bundle is loaded, and of studies
before training, so that whatever is trained can be loaded.

MAX_LAYERS: those inside branches count. MAX_PARAMETERS: all numbers of a weights file, 4 GB; whitened 96x96 RGB images
have 0.76e9, VGG-16 0.14e9. MAX_ACTIVATION_BYTES: of a batch of PREDICTION_BATCH images (`Network.activation_bytes`).
MAX_OPERATIONS: of one image, in multiply-adds of a large product (`Network.operations`), of which a core does 1.5e10
to 4e10 a second: a batch at the limit takes 3 to 6 minutes. By the same formulas, GiB of activations and 1e9
operations: largest shipped study 0.05 and 0.06; largest zoo network at 128 pixels 0.9 and 1.6; ResNet-20 at 128 pixels
0.5 and 1.1; VGG-16 at 128 pixels 1.0 and 5.8, with all views 1.3 and 35; VGG-16 at 224 pixels 3.1 and 18.
"""

PREDICTION_BYTES = 8 * 2**30
"""Activations of all batches that are predicted at once, each on a thread of its own."""

EXPORTED_BYTES = 4 * 2**30
"""Activations in one table, which is in memory as a whole: 128 units of 70,000 images have 34 MiB, 32 maps of 32 x 32
positions of 10,000 images 1.2 GiB."""

MAX_OPTIONS = 1_000
"""Most options of a `choice`: every one is validated before anything starts, 0.2 ms each."""

MAX_JSON_BYTES = 16 * 2**20
MAX_DESCRIPTION_BYTES = 2**20
"""Largest study file and model.json read; real ones are a few KiB."""

MAX_HEADER_PIXELS = 64 * 2**20
"""Largest image looked at, by its header: 64 megapixels, more than phones and cameras make by default."""

MAX_DECODED_BYTES, MAX_REDUCED_BYTES = 96 * 2**20, 192 * 2**20
"""Largest image decoded whole: 33 megapixels of three colours, 25 with alpha, 16 of 16 bits; and the largest JPEG
that is decoded at a quarter of its size: 64 megapixels. Measured, a thread takes less than 512 MiB with either."""

MAX_IMAGE_BYTES = 128 * 2**20
"""Largest image file read: more than MAX_DECODED_BYTES, uncompressed."""

MAX_IMAGE_READS, MAX_RUN_READS = 100_000, 2_000_000
"""How many pieces of an image file are read, 5 us each: 270 MB of PNG as it is usually divided; and of a BMP with run
lengths, 1 us each: one of a megapixel."""

MAX_TILE_PIXELS = 2**22
"""Tile of a TIFF file, whatever the size of the image: 16 times that of a usual one of 512x512."""

MAX_EXIF_BYTES = 2**16
"""EXIF data of an image that are read whole: what fits into a JPEG. Of more only the orientation is looked up."""

MAX_TEXT_BYTES = 16 * 2**20
"""Compressed text of a PNG that may name its orientation (XMP, EXIF as text), all together, unpacked: an
editor's history is a few MB."""

MAX_TEXT_VALUES = 2**20
"""Pixels of an image whose file is text (plain PGM and PPM): 0.2 s and 60 MB."""

MAX_PAGES = 10_000
"""Pages of a TIFF file: 0.1 ms each for their tags, and again for each part of them that is decoded."""

MAX_STACK_BYTES, MAX_STACK_READ_BYTES = 2**30, 2**32
"""Pixels of all pages of a TIFF file, decoded, and bytes read of it: Pillow reads 64 KiB at a time of a strip."""

MAX_MANIFEST_BYTES = 2**30
"""Largest manifest read: 100 bytes a row for MAX_IMAGES."""

MAX_NEAR_IMAGES = 10_000
"""Largest data set in which near-duplicates are looked for unasked: 6 s once; the time grows with the square."""

REPORT_BYTES = 5 * 10**6
"""Size of report.html that still opens at once and can be mailed."""

FILE_COLUMNS = 10_000
"""Width of a table in a file or a pipe: no name of a model is longer, so nothing is wrapped or left out."""

EPOCH_ROWS = 4_000
"""Rows of all tables of epochs on the page, divided among the models: 150 bytes each. The first network of a model is
always shown; epochs.csv has all."""

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
"""Largest sprite sheets, of the images in view and of those behind confusion cells: together 2.7 MB as data URIs,
which beside the figure library (0.9 MB) leave 1.4 MB for tables."""

SHEET_PIXELS = 2**24
"""Largest sprite sheet by pixels: 64 MB once a browser has decoded it, which a phone still holds."""

THUMBNAIL_PIXELS = 64
"""Longest side of a thumbnail; larger images are reduced by a whole factor."""

CURVE_POINTS = 200
"""Points of one learning curve; more cannot be told apart at the width it is drawn."""

FEW_CLASSES = 12
"""Up to so many classes a row of a table has room for a column a class, and a confusion matrix for its words."""

MATRIX_CLASSES = 50
"""Most classes for which the report draws a whole confusion matrix: its cells are then 15 pixels wide on a desk, and
two digits can still be read. More are drawn in BLOCKS."""

BLOCKS = 24
MATRIX_ENTRIES = 5_000
"""Most blocks of classes, as wide as a matrix that is easy to read, and most cells that a page holds of what lies
inside them: 60 kB a matrix."""

CELL_CLASSES = 120
"""Most classes for which images stand behind confusion cells: of more, each cell holds an image or two, and the list
of the worst ones shows its own."""

CONFUSED_CELLS, CONFUSED_IMAGES = 15, 4
"""Cells in the list of the worst confusions, and images of each."""

SIDE_BY_SIDE = 8
"""Most models of the page that shows them side by side: 28 pairs, of which each has a matrix of differences."""

LISTED_CLASSES = 50
"""Most classes that a figure gives a line each: 900 pixels high. Of more, only the most telling ones, or no names."""

MAP_ROWS = 55_000
"""Images on a map where a study does not say how many: MNIST without 5,000 to stop by."""

MAP_IMAGES = 5_000
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

MAX_STUDY_BYTES = 2**19
"""Characters of a study file, as written and as resolved: YAML with lines takes 70 us for each at the worst. A study of
a hundred models has 60,000."""

MAX_STUDY_VALUES = 100_000
"""Keys and items of a study file, those behind aliases each time they are named: a thousand models resolved."""

MAX_STORED_BYTES = 64 * 2**20
MAX_STORED_DEPTH = 100
MAX_STORED_INTEGER = 2**63 - 1
"""Of a JSON file of a run: real ones are at most a few MB (a search of a thousand trials, the words of an analysis),
20 levels deep, and hold no number that an int64 does not."""

MAX_JOURNAL_BYTES = 256 * 2**20
"""Of a log of records: a million of them. A run of a thousand trials adds 2 MB to its hashes."""

MAX_REVIEW_BYTES = 64 * 2**20
"""Of a table of reviews: half a million rows."""

MAX_THREADS = 1_024
"""More than any machine has: a record that says so is not ours."""
