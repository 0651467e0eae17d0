"""A real OpenLDAP server on loopback ports, with a few people and a group."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nurseries.process.free_ports import free_port

SUFFIX = "dc=example,dc=com"
PEOPLE = f"ou=people,{SUFFIX}"
GROUP = f"cn=Printing,ou=groups,{SUFFIX}"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{SUFFIX}", "admin secret"
SCHEMAS = Path("/etc/ldap/schema")
PATIENCE_S = 20.0

CONFIGURATION = """\
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
{tls}
database mdb
maxsize 10485760
suffix "{suffix}"
rootdn "{admin}"
rootpw "{password}"
directory {folder}/db
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by {readers} read by anonymous auth
"""


@dataclass(frozen=True)
class LdapServer:
    port: int
    tls_port: int
    ca_file: Path


@contextlib.contextmanager
def run_slapd(folder: Path, readers: str = "*") -> Iterator[LdapServer]:
    """`readers` says who may search, in slapd's words."""
    binary = shutil.which("slapd") or "/usr/sbin/slapd"
    (folder / "db").mkdir(parents=True)
    certificate, key = _certificate(folder)
    tls = f"TLSCertificateFile {certificate}\nTLSCertificateKeyFile {key}\n"
    file = folder / "slapd.conf"
    file.write_text(
        CONFIGURATION.format(
            schemas=SCHEMAS, folder=folder, tls=tls, suffix=SUFFIX, admin=ADMIN,
            password=ADMIN_PASSWORD, readers=readers,
        )
    )  # fmt: skip
    port, tls_port = free_port(), free_port()
    urls = f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"
    with (folder / "slapd.log").open("wb") as log:
        process = subprocess.Popen(
            [binary, "-f", str(file), "-h", urls, "-d", "0"], stdout=log, stderr=log
        )
        try:
            _wait(port, process, folder / "slapd.log")
            _fill(port)
            yield LdapServer(port, tls_port, certificate)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "server.crt", folder / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return certificate, key


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise AssertionError(f"slapd did not start:\n{log.read_text()}")


def _fill(port: int) -> None:
    import ldap3  # warns of pyasn1's new names; tests that use it ignore that

    server = ldap3.Server("127.0.0.1", port, get_info=ldap3.NONE)
    with ldap3.Connection(server, ADMIN, ADMIN_PASSWORD, raise_exceptions=True) as connection:
        connection.add(SUFFIX, ["dcObject", "organization"], {"o": "Example", "dc": "example"})
        for unit in ("people", "groups"):
            connection.add(f"ou={unit},{SUFFIX}", "organizationalUnit", {"ou": unit})
        for name in ("anna", "ben", "star*", "(paren)", "pässword"):
            attributes = {
                "uid": name,
                "cn": name,
                "sn": name,
                "mail": f"{name}@example.com".replace("ä", "ae"),
                "userPassword": f"{name} secret",
            }
            dn = f"uid={name.replace('*', '').strip('()')},{PEOPLE}"
            connection.add(dn, "inetOrgPerson", attributes)
        connection.add(GROUP, "groupOfNames", {"member": f"uid=anna,{PEOPLE}"})
