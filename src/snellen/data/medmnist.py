"""The published facts about the sets of MedMNIST+ (J. Yang et al. 2023) with one class per image, at 28x28 pixels. From
the project's table (github.com/MedMNIST/MedMNIST, medmnist/info.py, version 3.0.2). It publishes the MD5 of each file
and no lengths. Files: zenodo.org/records/10519652. Licence: CC BY 4.0, of dermamnist CC BY-NC 4.0.
"""

from __future__ import annotations

from typing import NamedTuple


class MedicalSet(NamedTuple):
    """about: a description of one line. md5: that of its .npz file. rows: number of rows of the training, validation
    and test part. classes: in their order."""

    about: str
    md5: str
    rows: tuple[int, int, int]
    classes: tuple[str, ...]


URL = "https://zenodo.org/records/10519652/files/{name}.npz?download=1"

ORGANS = (
    *("bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left"),
    *("lung-right", "pancreas", "spleen"),
)

MEDICAL_SETS = {
    "pathmnist": MedicalSet(
        "tissue of colorectal cancer, 28x28 colour",
        "a8b06965200029087d5bd730944a56c1",
        (89_996, 10_004, 7_180),
        (
            *("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa"),
            *("cancer-associated stroma", "colorectal adenocarcinoma epithelium"),
        ),
    ),
    "dermamnist": MedicalSet(
        "skin lesions, 28x28 colour, non-commercial use only",
        "0744692d530f8e62ec473284d019b0c7",
        (7_007, 1_003, 2_005),
        (
            *("actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma"),
            *("benign keratosis-like lesions", "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions"),
        ),
    ),
    "octmnist": MedicalSet(
        "retina by optical coherence tomography, 28x28 grey",
        "c68d92d5b585d8d81f7112f81e2d0842",
        (97_477, 10_832, 1_000),
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    ),
    "pneumoniamnist": MedicalSet(
        "chest X-rays of children, 28x28 grey",
        "28209eda62fecd6e6a2d98b1501bb15f",
        (4_708, 524, 624),
        ("normal", "pneumonia"),
    ),
    "retinamnist": MedicalSet(
        "diabetic retinopathy in five grades, 28x28 colour",
        "bd4c0672f1bba3e3a89f0e4e876791e4",
        (1_080, 120, 400),
        ("0", "1", "2", "3", "4"),
    ),
    "breastmnist": MedicalSet(
        "breast ultrasound, 28x28 grey",
        "750601b1f35ba3300ea97c75c52ff8f6",
        (546, 78, 156),
        ("malignant", "normal, benign"),
    ),
    "bloodmnist": MedicalSet(
        "blood cells, 28x28 colour",
        "7053d0359d879ad8a5505303e11de1dc",
        (11_959, 1_712, 3_421),
        (
            *("basophil", "eosinophil", "erythroblast"),
            "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
            *("lymphocyte", "monocyte", "neutrophil", "platelet"),
        ),
    ),
    "tissuemnist": MedicalSet(
        "cells of the kidney cortex, 28x28 grey",
        "ebe78ee8b05294063de985d821c1c34b",
        (165_466, 23_640, 47_280),
        (
            *("Collecting Duct, Connecting Tubule", "Distal Convoluted Tubule", "Glomerular endothelial cells"),
            *("Interstitial endothelial cells", "Leukocytes", "Podocytes", "Proximal Tubule Segments"),
            "Thick Ascending Limb",
        ),
    ),
    "organamnist": MedicalSet(
        "organs in axial CT slices, 28x28 grey", "68e3f8846a6bd62f0c9bf841c0d9eacc", (34_561, 6_491, 17_778), ORGANS
    ),
    "organcmnist": MedicalSet(
        "organs in coronal CT slices, 28x28 grey", "b9ceb9546e10131b32923c5bbeaea2b1", (12_975, 2_392, 8_216), ORGANS
    ),
    "organsmnist": MedicalSet(
        "organs in sagittal CT slices, 28x28 grey", "9ab87b696fb54e2a387ebe992d6ed5f1", (13_932, 2_452, 8_827), ORGANS
    ),
}

REFUSED = {
    "chestmnist": "its images have any number of 14 findings; Snellen needs one class an image",
    **dict.fromkeys(
        ("organmnist3d", "nodulemnist3d", "adrenalmnist3d", "fracturemnist3d", "vesselmnist3d", "synapsemnist3d"),
        "its samples are volumes of 28x28x28; Snellen reads images",
    ),
}
"""The other sets of MedMNIST, each with the reason why it cannot be read."""
