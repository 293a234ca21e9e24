"""The TLS port as testssl.sh, a scanner of others, sees it."""

import json
import subprocess

import pytest

from support.certificate import Certificate

pytestmark = pytest.mark.whole

# Protocols, cipher categories, forward secrecy, server defaults, vulnerabilities.
LOOK_AT = ["--protocols", "--std", "--fs", "--server-defaults", "--vulnerable"]

# Of the certificate, which is the test's own: it names no place where it might be revoked.
NOT_OURS = {"cert_revocation"}


def test_no_finding_is_worse_than_low(make_bridge, tmp_path):
    certificate = Certificate(tmp_path, "localhost", days=(-1, 90))
    bridge = make_bridge(certificate=certificate)
    report = tmp_path / "report.json"
    command = ["testssl", "--quiet", "--warnings", "off", "--color", "0", "--ip", "one", "--jsonfile", report]
    subprocess.run(
        [*command, "--add-ca", certificate.cert_file, *LOOK_AT, f"https://localhost:{bridge.port}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=1000,
    )
    findings = json.loads(report.read_text())
    assert len(findings) > 40, "it has looked"
    bad = [f for f in findings if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and f["id"] not in NOT_OURS]
    assert bad == []
