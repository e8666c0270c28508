"""What pyproject.toml cannot say: the pages of the dashboard stand beside the package and are installed inside it."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["bnviz*"]), "bnviz.pages"], package_dir={"bnviz.pages": "pages"})
