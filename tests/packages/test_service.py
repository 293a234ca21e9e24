"""The service where it lives: addresses that come late, keys that are renewed, releases that refuse its configuration.
The tests go in this order."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

import pytest

from support.bridge import ROOT

DEADLINE = 60.0  # seconds; only a failing test waits so long
PAGE = (ROOT / "docs/OPERATING.md").read_text()
LATE = "198.51.100.7"  # no machine has it by itself
METRICS = "python3 -c 'import sys,urllib.request as u,ssl; print(u.urlopen(sys.argv[1], context=ssl._create_unverified_context()).read().decode())'"


@pytest.fixture(scope="module")
def installed(machine):
    """The machine, with the service installed and running."""
    machine.run("apt-get install ./zwsbridge_*.deb ./zws-tools_*.deb openssl python3-zmq iproute2")
    return machine


def until(machine, script: str, wanted: str) -> str:
    """Waits until the script prints `wanted`."""
    end = time.monotonic() + DEADLINE
    while wanted not in (told := machine.run(script, check=False)):
        assert time.monotonic() < end, told + machine.run("journalctl -u zwsbridge --no-pager -n 30")
    return told


def main_pid(machine) -> int:
    return int(machine.run("systemctl show --value -p MainPID zwsbridge"))


def configure(machine, drop_in: str) -> None:
    folder = machine.root / "etc/systemd/system/zwsbridge.service.d"
    folder.mkdir(exist_ok=True)
    (folder / "test.conf").write_text(drop_in)
    machine.run("systemctl daemon-reload")


def test_an_address_that_comes_late_is_waited_for(installed):
    configure(
        installed, f"[Service]\nEnvironment=ZWSBRIDGE_SERVER_LISTEN={LATE}:8000\nEnvironment=ZWSBRIDGE_AUTH_OPEN=true\n"
    )
    installed.run("systemctl restart zwsbridge", check=False)
    end = time.monotonic() + DEADLINE
    while int(installed.run("systemctl show --value -p NRestarts zwsbridge")) < 6:  # five were once the end
        assert time.monotonic() < end
    assert installed.run("systemctl is-active zwsbridge", check=False).strip() == "activating"
    installed.run(f"ip address add {LATE}/32 dev lo")
    until(installed, "systemctl is-active zwsbridge", "active\n")
    configure(installed, "")
    installed.run("systemctl restart zwsbridge")


def renewal() -> str:
    (block,) = [text for text in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S) if "RENEWED_LINEAGE" in text]
    return block


def test_a_renewed_certificate_is_in_force_after_the_hook_that_the_page_shows(installed):
    def renew(days: int) -> int:
        """As certbot does: a new pair, readable for root alone, then the hook. Its end."""
        lineage = "/etc/letsencrypt/live/app"
        installed.run(
            f"umask 077; mkdir -p {lineage}; cd {lineage}\n"
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=app.example.org"
            f" -days {days} -keyout privkey.pem -out fullchain.pem 2>/dev/null\n"
            f"RENEWED_LINEAGE={lineage} /etc/letsencrypt/renewal-hooks/deploy/zwsbridge"
        )
        end = installed.run(f'date -d "$(openssl x509 -noout -enddate -in {lineage}/fullchain.pem | cut -d= -f2)" +%s')
        return int(end)

    def told() -> str:
        return f"{METRICS} https://127.0.0.1:8000/metrics | sed -n 's/^zws_tls_certificate_not_after //p'"

    installed.run(renewal())
    first = renew(30)
    installed.run("systemctl restart zwsbridge")
    assert float(until(installed, told(), "\n")) == first
    running = main_pid(installed)
    second = renew(90)
    assert second != first
    until(installed, told(), f"{second}\n")
    assert main_pid(installed) == running
    assert installed.run("stat -c '%a %G' /etc/zwsbridge/tls/privkey.pem") == "640 zwsbridge-tls\n"
    installed.run(
        "rm -r /etc/systemd/system/zwsbridge.service.d/tls.conf; systemctl daemon-reload; systemctl restart zwsbridge"
    )


def next_release(deb: Path, folder: Path, version: str, refuses: bool) -> Path:
    """The package once more, with another version. `refuses`: its program takes no configuration any more."""
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder / version], check=True)
    control = folder / version / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(), flags=re.M))
    if refuses:
        program = folder / version / "usr/bin/zwsbridge"
        program.rename(program.with_name("zwsbridge.real"))
        program.write_text('#!/bin/sh\nexec /usr/bin/zwsbridge.real --set limits.gone=1 "$@"\n')
        program.chmod(0o755)
    made = folder / f"zwsbridge_{version}.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", folder / version, made], check=True)
    return made


def test_a_release_that_refuses_the_configuration_does_not_take_the_old_one_s_place(installed, debs, tmp_path):
    def upgrade(version: str, refuses: bool) -> str:
        made = next_release(debs["zwsbridge"], tmp_path, version, refuses)
        (installed.root / "root" / made.name).write_bytes(made.read_bytes())
        return installed.run(f"dpkg --install {made.name}")

    running = main_pid(installed)
    told = upgrade("9.1-1", refuses=True)
    assert "refuses the configuration" in told and "limits.gone" in told, told
    assert installed.run("systemctl is-active zwsbridge") == "active\n" and main_pid(installed) == running
    assert "limits.gone" in installed.run("journalctl -u zwsbridge --no-pager")

    told = upgrade("9.2-1", refuses=False)
    assert "refuses" not in told
    assert installed.run("systemctl is-active zwsbridge") == "active\n" and main_pid(installed) != running
