"""The Debian packages on a fresh machine: installed, run, removed, purged."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HEAR = """
import subprocess, zmq
listener = subprocess.Popen(["zws", "sub", "orders", "--count", "1", "--timeout", "60"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
while "subscribed" not in listener.stderr.readline():
    assert listener.poll() is None
socket = zmq.Context.instance().socket(zmq.XPUB)
socket.connect("tcp://127.0.0.1:5556")
socket.recv()  # the bridge has subscribed
socket.send_multipart([b"orders", b'{"type":"order","number":7}'])
print(listener.communicate()[0])
"""


def contents(deb) -> dict[str, str]:
    """Path -> mode of what a package holds, folders left out."""
    listing = subprocess.run(["dpkg-deb", "--contents", deb], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    return {row[5].removeprefix("."): row[0] for row in rows if not row[0].startswith("d")}


def field(deb, name: str) -> str:
    return subprocess.run(["dpkg-deb", "--field", deb, name], capture_output=True, text=True, check=True).stdout.strip()


def test_each_package_holds_its_part(debs):
    def doc(name: str) -> set[str]:
        return {f"/usr/share/doc/{name}/{file}" for file in ("changelog.gz", "changelog.Debian.gz", "copyright")}

    held = set(contents(debs["zwsbridge"]))
    assets = {path for path in held if path.startswith("/usr/share/zwsbridge/console/assets/")}
    kinds = {Path(path.removesuffix(".gz")).suffix for path in assets}
    assert {".js", ".css"} <= kinds, "the console's, named by their content"
    assert held - assets == doc("zwsbridge") | {
        "/usr/bin/zwsbridge",
        "/etc/zwsbridge/zwsbridge.toml",
        "/usr/lib/systemd/system/zwsbridge.service",
        "/usr/share/man/man8/zwsbridge.8.gz",
        "/usr/share/zwsbridge/zwsbridge.toml",
        "/usr/share/zwsbridge/openapi.json",
        *(
            f"/usr/share/zwsbridge/console/{file}{form}"
            for file in ("index.html", "client.js", "client.js.map", "client.mjs", "client.mjs.map")
            for form in ("", ".gz")
        ),
    }
    assert set(contents(debs["zws-tools"])) == doc("zws-tools") | {
        "/usr/bin/zws",
        "/usr/share/man/man1/zws.1.gz",
        "/usr/share/bash-completion/completions/zws",
        "/usr/share/zsh/vendor-completions/_zws",
        "/usr/share/fish/vendor_completions.d/zws.fish",
    }
    dev = set(contents(debs["libzws-dev"])) - doc("libzws-dev")
    assert {path.rsplit("/", 1)[1] for path in dev} == {
        "publisher.hpp",
        "libzws.a",
        "zws.pc",
        "zwsConfig.cmake",
        "zwsConfigVersion.cmake",
        "zwsTargets.cmake",
        "zwsTargets-release.cmake",
    }


def test_programs_depend_on_the_libraries_that_they_are_linked_to(debs):
    for name in ("zwsbridge", "zws-tools"):
        needed = {part.split()[0].removesuffix("t64") for part in field(debs[name], "Depends").split(", ")}
        assert {"libc6", "libzmq5", "libssl3"} <= needed
    assert field(debs["zwsbridge"], "Version") == field(debs["zws-tools"], "Version")


@pytest.mark.parametrize("name", ["zwsbridge", "zws-tools", "libzws-dev"])
def test_nothing_in_a_package_knows_where_it_was_built(debs, name, tmp_path):
    subprocess.run(["dpkg-deb", "--extract", debs[name], tmp_path], check=True)
    builds = [
        "-e",
        str(debs[name].resolve().parents[3]),
        "-e",
        "/srv/zwsbridge",
    ]  # the latter: in `tools/dev debs SUITE`
    found = subprocess.run(["grep", "-rlF", *builds, tmp_path], capture_output=True, text=True)
    assert found.stdout == ""


def files_of(machine) -> set[str]:
    """Every file that is not the package system's own memory, a log, a cache or in memory."""
    skipped = "/proc /sys /run /dev /tmp /root /var/lib/dpkg /var/lib/apt /var/cache /var/log /var/tmp".split()
    prune = " -o ".join(f"-path {folder}" for folder in skipped)
    return set(machine.run(f"find / \\( {prune} \\) -prune -o -print").splitlines())


def test_installed_started_heard_removed_and_purged(machine):
    machine.run("apt-get install python3-zmq")
    machine.run(
        "apt-get install $(apt-get install --dry-run ./zwsbridge_*.deb ./zws-tools_*.deb"
        " | sed -n 's/^Inst \\([^ ]*\\).*/\\1/p' | grep -v -e zwsbridge -e zws-tools)"
    )
    before = files_of(machine)

    machine.run("apt-get install ./zwsbridge_*.deb ./zws-tools_*.deb")
    assert machine.run("systemctl is-enabled zwsbridge") == "enabled\n"
    assert machine.run("systemctl is-active zwsbridge") == "active\n"
    (machine.root / "root/hear.py").write_text(HEAR)
    heard = machine.run("python3 hear.py")
    assert '"number":7' in heard and '"topic":"orders"' in heard

    machine.run("systemctl reload zwsbridge && systemctl restart zwsbridge")

    machine.run("echo '# mine' >> /etc/zwsbridge/zwsbridge.toml; apt-get remove zwsbridge zws-tools")
    assert machine.run("systemctl is-active zwsbridge", check=False) == "inactive\n"
    assert machine.run("tail -n 1 /etc/zwsbridge/zwsbridge.toml") == "# mine\n"

    machine.run("apt-get install ./zwsbridge_*.deb ./zws-tools_*.deb")
    assert machine.run("systemctl is-active zwsbridge") == "active\n", "what was removed comes back as it was"

    machine.run("apt-get purge zwsbridge zws-tools")
    assert files_of(machine) - before == set()
    assert machine.run("systemctl list-unit-files 'zwsbridge*' --no-legend; pidof zwsbridge", check=False) == ""
