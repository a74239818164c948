"""Tests that importing the service neither imports torch nor reads a model.

The rules on imports between modules are in pyproject.toml.
"""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("module", ["service.app", "service.cli.main"])
def test_importing_the_app_imports_no_torch_and_reads_no_model(module: str) -> None:
    program = f"import sys, {module}; assert not {{'torch', 'transformers'}} & set(sys.modules), 'torch is imported'"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)
