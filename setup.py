"""The one thing that pyproject.toml cannot say to every setuptools: an optional C extension.

Without a compiler the build warns and goes on; estimates are then planned in Python, slower.
"""

from setuptools import Extension, setup

FOLDER = "mrk/estimate/kernel"
PARTS = ("module", "text", "words", "commands", "interpreter", "motion", "lookahead")

setup(
    ext_modules=[
        Extension(
            "mrk.estimate._kernel",
            sources=[f"{FOLDER}/{part}.c" for part in PARTS],
            depends=[f"{FOLDER}/kernel.h"],
            # Fused multiplications round once less: the same file would take another time.
            extra_compile_args=["-std=c11", "-O2", "-ffp-contract=off"],
            py_limited_api=True,
            optional=True,
        )
    ]
)
