"""PyKMIP's own integration tests, unchanged from its source package, against the server that the file in the first argument describes.

`works` means that the test passes, `refused` that the server answered an operation with a failure, which ended the test.
"""

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import pytest

from outcome import described, report

CONFIGURATION = """
[client]
host={host}
port={port}
certfile={client_certificate}
keyfile={client_key}
ca_certs={ca}
cert_reqs=CERT_REQUIRED
ssl_version=PROTOCOL_TLSv1_2
do_handshake_on_connect=True
suppress_ragged_eofs=True
"""

# The other module starts a server of PyKMIP's.
MODULES = ["test_integration.py", "test_proxykmipclient.py"]


class Outcomes:
    """Reports the outcome of each test once: of its first part that does not succeed, or of the test itself."""

    def __init__(self):
        self.reported = set()

    def pytest_runtest_logreport(self, report):
        if report.nodeid in self.reported or (report.passed and report.when != "call"):
            return
        self.reported.add(report.nodeid)
        say(report)


def say(test):
    name = test.nodeid.split("::")[-1]
    module = Path(test.nodeid.split("::")[0]).stem
    call = f"{name} of {module}"
    if test.passed:
        report(call, "works")
        return
    lines = [line.strip() for line in str(test.longrepr).splitlines() if line.strip()]
    refusals = [line for line in lines if "OPERATION_FAILED" in line]
    if refusals:
        report(call, "refused", refusals[-1])
    else:
        report(call, "fails", lines[-1] if lines else "")


world = described()
home = Path(os.environ["HOME"])
(home / ".pykmip").mkdir()
(home / ".pykmip/pykmip.conf").write_text(CONFIGURATION.format(**world), encoding="utf-8")
# A copy outside the package, so that the installed package is imported.
source = Path(sys.executable).parent.parent / "source/kmip/tests/integration"
shutil.copytree(source, "integration")
tests = [f"integration/services/{module}" for module in MODULES]
arguments = ["-p", "no:cacheprovider", "-p", "no:terminal", "--config", "client", *tests]
status = pytest.main(arguments, plugins=[Outcomes()])
# Failed tests have been reported; anything else means that not all tests ran.
sys.exit(status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED))
