"""Importing a module has no effect that anybody outside the process, or another module, could notice."""

import json
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT, modules

IMPORTER = Path(__file__).with_name("importer.py")


def test_importing_every_module_touches_nothing(tmp_path: Path) -> None:
    names = [module.name for module in modules() if not module.name.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", str(IMPORTER), str(ROOT), *names],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert not done.stderr, done.stderr
    assert json.loads(done.stdout) == {"imported": len(names), "effects": []}
    assert list(tmp_path.iterdir()) == []
