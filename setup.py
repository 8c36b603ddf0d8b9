"""Builds the kernels (src/snellen/kernels) where there is a GCC or a clang; without one torch computes all."""

from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

FOLDER = Path("src/snellen/kernels")
OPTIONS = ["-O3", "-std=gnu++17", "-ffp-contract=fast", "-fno-math-errno", "-fvisibility=hidden"]
"""Of GCC and clang. Nothing about the processor: what it can do is asked when the library is loaded. Roots that set
errno would be taken one by one."""


class BuildKernels(build_ext):
    """Leaves the kernels out under a compiler that lacks the vector types of GCC and clang: Microsoft's."""

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            self.warn("the kernels need GCC or clang; without them torch computes all")
            self.extensions = []
        super().build_extensions()


setup(
    cmdclass={"build_ext": BuildKernels},
    ext_modules=[
        Extension(
            "snellen.kernels._native",
            sources=sorted(map(str, FOLDER.glob("*.cpp"))),
            depends=sorted(map(str, [*FOLDER.glob("*.h"), *FOLDER.glob("*.inc")])),
            extra_compile_args=OPTIONS,
            language="c++",
            optional=True,
        )
    ],
)
