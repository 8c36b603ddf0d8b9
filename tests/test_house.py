"""Protects the house: which way imports point, no stranger's code runs, one folder writes, all is documented."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "snellen"
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
each_file = pytest.mark.parametrize("name", TREES)

ORDER = (
    *(
        "__init__",
        "errors",
        "limits",
        "plain",
        "phrases",
        "child_process",
        "garbage",
        "files",
        "metrics",
        "statistics",
        "kernels",
        "data",
    ),
    *("models", "train", "study", "search", "evaluate", "explain", "findings", "report", "init", "deploy"),
    *("keras_import", "export", "app"),
    *("run", "console", "tables", "leaderboard_text", "progress", "api", "estimator", "cli", "__main__"),
)
"""A file imports only from its own folder and from those before it."""
FOLDERS: dict[str, tuple[str, ...]] = {
    "data": (
        *("dataset", "slices", "streams", "resizing", "grey", "groups", "duplicates", "dataset_cache"),
        *("pixel_scale", "decoding", "readers", "preprocessing", "download", "medmnist", "catalog"),
        *("known_content", "load", "as_dataset", "inspect", "reviews", "splits"),
    ),
    "explain": (
        *("analysis_inputs", "analysis_result", "method", "chosen_pixels", "thumbnails", "foreground", "mistakes"),
        *("last_layer", "augmented_images", "curves", "units", "answers", "errors", "data", "maps"),
        *("robustness", "wrong_labels", "exploration", "exploration_cost", "analyses"),
    ),
    "findings": (
        *(
            "finding",
            "finding_page",
            "naming",
            "backbones",
            "comparisons",
            "advice",
            "chosen_model",
            "claims",
            "cost",
            "baselines",
            "confidence",
            *("factor_words", "set_options", "effects", "controls", "class_advice", "no_single_factor"),
        ),
        *(
            "data",
            "folds",
            "integrity",
            "labels",
            "mistakes",
            "class_mix",
            "weak_classes",
            "images",
            "test_as_validation",
        ),
        *("next_steps", "rank_flips", "robustness", "searches", "slices", "training", "units", "first_screen", "rules"),
    ),
    "models": (
        *(
            "compiled",
            "batch_shard",
            "inference_graph",
            "threads",
            "named",
            "given_scale",
            "bundle_optional_sections",
            "keys",
        ),
        *("temperature", "predictions", "zoo", "importances", "compiled_products", "bundle_files", "compiled_norm"),
        *(
            "thresholds",
            "input_contract",
            "layer",
            "initializers",
            "sharded_norm",
            "given_images",
            "windows",
            "chain",
        ),
        *(
            "shaping",
            "elementwise",
            "hard_activations",
            "activations",
            "baselines",
            "feature_baselines",
            "views",
            "dropout",
            "backbones",
            "lanes",
            "branches",
            "skip",
            "merge",
            "dense",
        ),
        *(
            "normalisation",
            "scaling",
            "prelu",
            "pooling",
            "conv",
            "features",
            "layers",
            "reordered",
            "parts",
            "build",
            "fit",
        ),
        *("pretrained", "side_by_side", "frozen_part", "weights", "bundle", "forward", "training_distance"),
        "fit_training_distance",
    ),
    "report": (
        *(
            "names",
            "formats",
            "fold_types",
            "model_types",
            "cost_types",
            "side_by_side_types",
            "types",
            "sections",
            "figures",
            "data",
            "card",
            "content",
        ),
        *(
            "templates",
            "page_figures",
            "page",
            "exploration",
            "comparison",
            "evaluated_data",
            "notebook",
            "pages",
            "analyses",
        ),
    ),
    "train": (
        *("environment", "memory", "out_of_memory", "augment", "improvement", "schedules", "class_weights"),
        *("layout", "orthogonal"),
        *(
            "fused_optimizers",
            "optimizers",
            "per_lane_optimizer",
            "job",
            "rate_groups",
            "penalties",
            "lane",
            "kept_epoch",
            "snapshot",
        ),
        *(
            "resume_checkpoint",
            "results",
            "thread_team",
            "loss",
            "step",
            "step_runner",
            "margins",
            "batches",
            "phase_end",
            "frozen_features",
            "run_context",
        ),
        *("metric_accumulator", "watcher", "epoch_results", "initial_state", "overfitting", "samples", "baselines"),
        *("backend", "loop", "strategy", "store_results", "in_memory", "train_pack", "executors"),
    ),
}
"""The order of files and folders inside each folder that has folders: each imports only from those before it."""

DEPLOYED = {"errors", "limits", "phrases", "files", "data", "models", "metrics"}
"""All that `snellen predict` may stand on: a model answers without what trained it."""
TYPES_ONLY = ("cli/outcome.py", "cli/data.py", "tables.py", "__init__.py")
"""Where imports under TYPE_CHECKING are not held to the order."""
MAX_LINES = 400

FORBIDDEN_MODULES = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml")
FORBIDDEN_CALLS: tuple[str, ...] = ("eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load")
FORBIDDEN_CALLS += ("joblib.load", "yaml.load", "pickle.load", "pickle.loads", "torch.jit.load", "torch.hub.load")
SAFE_ARGUMENTS = {"shell": False, "allow_pickle": False, "weights_only": True}
WRITERS: tuple[str, ...] = ("os.replace", "os.rename", "os.truncate", "os.open", "os.mkdir", "os.makedirs")
WRITERS += ("shutil.move", "shutil.copy")
WRITERS += ("tempfile.mkdtemp", "tempfile.mkstemp", "tempfile.NamedTemporaryFile", "np.save", "np.savez", "torch.save")
WRITING_METHODS = ("write_text", "write_bytes", "touch", "mkdir", "rename", "replace", "symlink_to", "hardlink_to")


def part(name: str) -> str:
    """The place of a file in ORDER: its folder, or its own name at the top."""
    return name.split("/")[0].removesuffix(".py")


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or an attribute of names, else an empty string."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def types_only(tree: ast.AST) -> set[ast.AST]:
    """All nodes under `if TYPE_CHECKING:`."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.If) and dotted(node.test) == "TYPE_CHECKING")
    return {inner for node in found for statement in node.body for inner in ast.walk(statement)}


def imports(name: str, tree: ast.Module) -> Iterator[str]:
    """The parts of Snellen that a file imports, inside functions too."""
    skipped = types_only(tree) if name in TYPES_ONLY else set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{name} line {node.lineno}: a relative import"
            names = [f"snellen.{alias.name}" for alias in node.names]
            yield from imported(names if node.module == "snellen" else [node.module])
        elif isinstance(node, ast.Import):
            yield from imported([alias.name for alias in node.names])


def imported(modules: list[str]) -> Iterator[str]:
    for module in modules:
        top, _, rest = module.partition(".")
        if top == "snellen":
            inner = rest.split(".")[0]
            yield inner if inner in ORDER else "__init__"


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


@each_file
def test_imports_point_one_way(name: str) -> None:
    own = part(name)
    assert own in ORDER, f"{name} has no place in the order"
    if own == "__init__":
        return
    wrong = [other for other in imports(name, TREES[name]) if ORDER.index(other) > ORDER.index(own)]
    assert not wrong, f"{name} imports {wrong}"


def inner_imports(name: str, tree: ast.Module) -> Iterator[str]:
    """The modules of its own folder that a file imports, as paths below it: `readers.reader` for data/load.py."""
    folder = f"snellen.{part(name)}."
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith(folder):
            for alias in node.names:
                yield f"{node.module}.{alias.name}".removeprefix(folder)
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(folder) for alias in node.names if alias.name.startswith(folder))


@pytest.mark.parametrize("name", [name for name in TREES if part(name) in FOLDERS and not name.endswith("__init__.py")])
def test_imports_inside_a_folder_point_one_way(name: str) -> None:
    order, own = FOLDERS[part(name)], name.split("/")[1].removesuffix(".py")
    assert own in order, f"{name} has no place in the order of its folder"
    inner = [imported.split(".")[0] for imported in inner_imports(name, TREES[name])]
    wrong = [entry for entry in inner if order.index(entry) > order.index(own)]
    assert not wrong, f"{name} imports {wrong}"


def test_every_folder_with_folders_has_an_order() -> None:
    assert {part(name) for name in TREES if name.count("/") > 1} == set(FOLDERS)


def test_no_file_imports_itself_through_others() -> None:
    modules = {name.removesuffix(".py").replace("/", "."): name for name in TREES}
    imported_by = {
        module: {
            own
            for inner in inner_imports(name, TREES[name])
            for own in (f"{part(name)}.{inner}", f"{part(name)}.{inner}".rpartition(".")[0])
            if own in modules and own != module
        }
        for module, name in modules.items()
    }
    list(TopologicalSorter(imported_by).static_order())  # raises CycleError


def test_a_model_answers_without_what_trained_it() -> None:
    found = {other for name, tree in TREES.items() if part(name) == "deploy" for other in imports(name, tree)}
    assert found - {"deploy"} <= DEPLOYED


@each_file
def test_nothing_can_run_a_strangers_code(name: str) -> None:
    modules = [alias.name for node in ast.walk(TREES[name]) if isinstance(node, ast.Import) for alias in node.names]
    modules += [node.module or "" for node in ast.walk(TREES[name]) if isinstance(node, ast.ImportFrom)]
    assert not [module for module in modules if module.split(".")[0] in FORBIDDEN_MODULES]
    assert not list(dangerous(TREES[name]))


def dangerous(tree: ast.AST) -> Iterator[str]:
    for call in calls(tree):
        if dotted(call.func) in FORBIDDEN_CALLS:
            yield f"line {call.lineno}: {dotted(call.func)}"
        for keyword in call.keywords:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg in SAFE_ARGUMENTS and value is not SAFE_ARGUMENTS[keyword.arg]:
                yield f"line {call.lineno}: {keyword.arg}"


@each_file
def test_only_files_writes(name: str) -> None:
    if part(name) != "files":
        assert not list(writing(TREES[name]))


def writing(tree: ast.AST) -> Iterator[str]:
    """Calls that open a file for writing or change a folder; `unlink` and `rmtree` only remove."""
    for call in calls(tree):
        function = dotted(call.func)
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if function in WRITERS or (method in WRITING_METHODS and not is_text_or_module(call)):
            yield f"line {call.lineno}: {function or method}"
        if function == "open" or method == "open":
            position = 1 if function == "open" else 0
            modes = [*call.args[position : position + 1], *(each.value for each in call.keywords if each.arg == "mode")]
            if any(set(str(getattr(mode, "value", "?"))) & set("wax+") for mode in modes if not is_path(mode)):
                yield f"line {call.lineno}: open for writing"


def is_text_or_module(call: ast.Call) -> bool:
    """str.replace takes two arguments, Path.replace one; dataclasses.replace takes keywords."""
    assert isinstance(call.func, ast.Attribute)
    return call.func.attr == "replace" and len(call.args) != 1


def is_path(mode: ast.expr) -> bool:
    """The first argument of Image.open, RunRecord.open and ZipFile.open is no mode."""
    return not isinstance(mode, ast.Constant)


@each_file
def test_everything_public_is_documented(name: str) -> None:
    tree = TREES[name]
    assert ast.get_docstring(tree), f"{name} does not say what it holds"
    assert not [node.name for node in public(tree) if not ast.get_docstring(node)]


Definition = ast.FunctionDef | ast.ClassDef


def public(tree: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """Public definitions; of a class that has a base only the class itself, for the base says what its methods do."""
    for node in tree.body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef) and not node.bases:
                yield from public(node)


@each_file
def test_no_file_is_long(name: str) -> None:
    assert (SOURCE / name).read_text(encoding="utf-8").count("\n") <= MAX_LINES


@pytest.mark.parametrize(
    "text",
    [
        "eval('1')",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "run(command, shell=True)",
        "yaml.load(text)",
        "joblib.load(path)",
    ],
)
def test_dangerous_calls_are_found(text: str) -> None:
    assert list(dangerous(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "open(path, 'w')",
        "open(path, mode='ab')",
        "path.open('r+')",
        "path.write_text(text)",
        "os.replace(a, b)",
        "a.replace(b)",
        "folder.mkdir()",
    ],
)
def test_writing_calls_are_found(text: str) -> None:
    assert list(writing(ast.parse(text)))


def test_harmless_calls_are_left_alone() -> None:
    for text in ("open(path, 'rb')", "name.replace('a', 'b')", "Image.open(path)", "np.load(path, allow_pickle=False)"):
        assert not [*writing(ast.parse(text)), *dangerous(ast.parse(text))]


def test_imports_everywhere_in_a_file_are_found() -> None:
    text = "from snellen import api\nif TYPE_CHECKING:\n    import snellen.cli\ndef f():\n    import snellen.run"
    assert sorted(imports("data/x.py", ast.parse(text))) == ["api", "cli", "run"]
    assert sorted(imports("cli/outcome.py", ast.parse(text))) == ["api", "run"]


def mapped() -> list[str]:
    """The folders and files that README's map of `src/snellen` names, as paths."""
    text = (SOURCE.parents[1] / "README.md").read_text(encoding="utf-8")
    lines = text.partition("src/snellen/\n")[2].partition("\ntests/")[0].splitlines()
    paths, parents = [], [""] * 9
    for line in lines:
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        parents[depth] = parents[depth - 1] + name
        paths.append(parents[depth])
    return paths


def test_the_map_of_the_readme_is_whole() -> None:
    """It names every folder with code, and every file beside the folders; and nothing else."""
    folders = {path.parent.relative_to(SOURCE).as_posix() + "/" for path in FILES} - {"./", "report/templates/"}
    files = {path.name for path in SOURCE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert sorted(mapped()) == sorted(folders | files | {"report/templates/", "studies/"})
