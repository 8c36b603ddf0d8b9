"""Builds the kernels (src/snellen/kernels) where there is a C++ compiler; without one torch computes all."""

import sys
from pathlib import Path

from setuptools import Extension, setup

FOLDER = Path("src/snellen/kernels")
OPTIONS = ["-O3", "-std=gnu++17", "-ffp-contract=fast", "-fno-math-errno", "-fvisibility=hidden"]
"""Nothing about the processor: what it can do is asked when the library is loaded. Roots that set errno would be taken
one by one."""

setup(
    ext_modules=[
        Extension(
            "snellen.kernels._native",
            sources=sorted(map(str, FOLDER.glob("*.cpp"))),
            depends=sorted(map(str, [*FOLDER.glob("*.h"), *FOLDER.glob("*.inc")])),
            extra_compile_args=[] if sys.platform == "win32" else OPTIONS,
            language="c++",
            optional=True,
        )
    ]
)
