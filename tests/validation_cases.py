"""Mistakes in a study, each with its line and the sentence that says it."""

from __future__ import annotations

BASE = """study: s
data: digits
models:
  a:
    layers: [flatten]
    train: {epochs: 3}
"""
LAYERS, TRAIN, END = "[flatten]", "epochs: 3", "$"

MISTAKES = [
    # what is replaced, by what, the line, the sentence
    ("study: s", "study: ../s", 1, "`study` must be up to 64 letters"),
    ("study: s\n", "", None, "`study` is missing"),
    ("data: digits\n", "", None, "`data` is missing"),
    ("data: digits", "data: {sourc: x}", 2, "unknown key `sourc` of `data`; did you mean `source`?"),
    ("data: digits", "data: {source: x, class_names: [b]}", 2, "`class_names` of `data` must have 2 or more items"),
    ("  a:", "  a/b:", 4, "model `a/b` must be up to 64 letters"),
    ("layers:", "layer:", 5, "unknown key `layer` of model `a`; did you mean `layers`?"),
    ("layers:", "layer:", 4, "`layers` of model `a` is missing"),
    (LAYERS, "[{skip: []}]", 5, "`layers` of model `a` must have 1 or more items; got []"),
    (LAYERS, "3", 5, "`layers` of model `a` must be a list; got 3"),
    (LAYERS, "lenet5", 5, "unknown network 'lenet5'; expected one of cnn-fast, cnn-fast-wide, cnn-small, lenet-5, "),
    (LAYERS, "lenet5", 5, "Did you mean 'lenet-5'?"),
    (
        LAYERS,
        "[relu, flaten]",
        5,
        "item 2 of `layers` of model `a`: unknown layer 'flaten'; expected one of ",
    ),
    (LAYERS, "[relu, flaten]", 5, "Did you mean 'flatten'?"),
    (LAYERS, "[{skip: [dens]}]", 5, "unknown layer 'dens'"),
    (
        LAYERS,
        "[3]",
        5,
        "item 1 of `layers` of model `a`: a layer is written as a name or as one name with arguments; found 3",
    ),
    (LAYERS, "[{dense: 3, relu: }]", 5, "a layer is written as a name or as one name with arguments"),
    (LAYERS, "[{relu: 3}]", 5, "layer `relu` takes named arguments; found 3"),
    (LAYERS, "[dense]", 5, "`units` of model `a` is missing"),
    (LAYERS, "[{dense: {unit: 3}}]", 5, "unknown key `unit` of model `a`; did you mean `units`?"),
    (LAYERS, "[{dense: 0}]", 5, "`units` of model `a` must be in [1, 65536]; got 0"),
    (LAYERS, "[{dropout: 1}]", 5, "`rate` of model `a` must be in [0, 1); got 1"),
    (
        LAYERS,
        "[{dense: {units: 3, activation: rel}}]",
        5,
        "`activation` of model `a` must be 'linear', 'relu', 'elu', 'gelu', 'silu', 'tanh', 'sigmoid', 'selu', ",
    ),
    (
        LAYERS,
        "[{conv: {filters: 2, kernel: 0}}]",
        5,
        "`kernel` of model `a` must be a number of pixels or [height, width], each from 1 to 512; got 0",
    ),
    (LAYERS, "[{max_pool: [2, 3, 4]}]", 5, "`size` of model `a` must be a number of pixels or [height, width], each"),
    (LAYERS, "[{prelu: [0]}]", 5, "item 1 of `shared_axes` of model `a` must be at least 1; got 0"),
    (LAYERS, "[{normalization: {mean: 0}}]", 5, "`variance` of model `a` is missing"),
    (LAYERS, "[{normalization: {mean: a, variance: 1}}]", 5, "`mean` of model `a` must be a number, or a list of them"),
    (
        LAYERS,
        "[{normalization: {mean: 0, variance: [-1]}}]",
        5,
        "`variance` of model `a` must be a number of at least 0, or a list of them, one for each channel; got [-1]",
    ),
    (LAYERS, "[{backbone: {nam: vgg16}}]", 5, "unknown key `nam` of model `a`; did you mean `name`?"),
    (LAYERS, "[{backbone: {name: vgg16, frozen: 1}}]", 5, "unknown key `frozen` of model `a`; known keys are `name`, "),
    (LAYERS, "[{backbone: {name: vgg16, read: layer3}}]", 5, "must be `last`, or `block1`, `block2` and so on"),
    (LAYERS, "[{backbone: {name: vgg16, train: top}}]", 5, "must be `none`, `all`, or the first block that is trained"),
    (TRAIN, "unfreeze: top", 6, "`unfreeze` of model `a` must be `none`, `all`, or the first block that is trained: "),
    ("train:", "trai:", 6, "unknown key `trai` of model `a`; did you mean `train`?"),
    (TRAIN, "learning_rate: -1", 6, "`learning_rate` of model `a` must be in (0, 10]; got -1"),
    (TRAIN, "learning_rate: 20", 6, "`learning_rate` of model `a` must be in (0, 10]; got 20"),
    (TRAIN, "learning_rate: fast", 6, "`learning_rate` of model `a` must be a valid number"),
    (TRAIN, "learning_rate: true", 6, "`learning_rate` of model `a` must be a valid number; got True"),
    (TRAIN, "learning_rate: .nan", 6, "`learning_rate` of model `a` must be a finite number; got nan"),
    (TRAIN, "learning_rat: 1", 6, "unknown key `learning_rat` of model `a`; did you mean `learning_rate`?"),
    (TRAIN, "epochs: 1.5", 6, "`epochs` of model `a` must be a valid integer; got 1.5"),
    (TRAIN, "epochs: true", 6, "`epochs` of model `a` must be a valid integer; got True"),
    (
        TRAIN,
        "optimizer: adamm",
        6,
        "`optimizer` of model `a`: unknown optimizer 'adamm'; expected one of adadelta, adagrad, adam, adamax, adamw, "
        "lion, muon, nadam, rmsprop, sgd. Did you mean 'adam'?",
    ),
    (TRAIN, "optimizer: {adam: {beta1: 1}}", 6, "unknown key `beta1` of model `a`; did you mean `beta_1`?"),
    (TRAIN, "optimizer: {adam: 3}", 6, "optimizer `adam` takes named arguments; found 3"),
    (
        TRAIN,
        "schedule: cosin",
        6,
        "unknown schedule 'cosin'; expected one of constant, cosine, exponential, linear, one_cycle, polynomial, "
        "reduce_on_plateau, step. Did you mean 'cosine'?",
    ),
    (TRAIN, "schedule: {cosine: {warmup: 1}}", 6, "unknown key `warmup` of model `a`; did you mean `warmup_epochs`?"),
    (
        END,
        "split: {test: 1.5}",
        7,
        "`test` of `split` must be a count of at least 1 or a fraction between 0 and 1; got 1.5",
    ),
    (END, "split: {validation: 0}", 7, "`validation` of `split` must be a count of at least 1 or a fraction"),
    (END, "split: {calibration: yes}", 7, "`calibration` of `split` must be a count of at least 1 or a fraction"),
    (END, "split: {tests: 3}", 7, "unknown key `tests` of `split`; did you mean `test`?"),
    (END, "split: 3", 7, "`split` must be a mapping of keys; got 3"),
    (END, "train: no", 7, "`train` must be a mapping of keys; got 'no'"),
    (END, "train: {epochs: 0, patience: 3}", 7, "`epochs` of `train` must be in [1, 100000]; got 0"),
    (END, "train: {epoch: 1}", 7, "unknown key `epoch` of `train`; did you mean `epochs`?"),
    (END, "folds: 1", 7, "`count` of `folds` must be in [2, 100]; got 1"),
    (END, "folds: {counts: 3}", 7, "unknown key `counts` of `folds`; did you mean `count`?"),
    (END, "seeds: 0", 7, "`seeds` must be in [1, 1000]; got 0"),
    ("{epochs: 3}", "[{}, {epochs: 0}]", 6, "`epochs` of model `a` must be in [1, 100000]; got 0"),
    (END, "seed: -1", 7, "`seed` must be in [0, 4294967296); got -1"),
    (END, "choose_by: f1", 7, "`choose_by` must be 'loss' or 'accuracy'; got 'f1'"),
    (END, "open_test: al", 7, "`open_test` must be 'chosen' or 'all'; got 'al'"),
    (END, "open_test: [a, b]", 7, "`open_test`: unknown model 'b'; expected one of a"),
    (END, "data_: x", 7, "unknown key `data_`; did you mean `data`?"),
    (END, "analyses: [units, map]", 7, "item 2 of `analyses`: unknown analysis 'map'; expected one of answers"),
    (END, "zzz: x", 7, "unknown key `zzz`; known keys are `study`, `data`, `split`, "),
]
