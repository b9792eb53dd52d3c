"""What goes over the wire: certificates, silence, and how long is waited for it."""

import datetime
import ssl
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.errors import BackendUnreachable
from cli.transport import send
from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Machine


def make_certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    encodings = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*encodings))
    return path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path)


@pytest.fixture
def encrypted(certificate: Path) -> Iterator[FakeBackend]:
    """A backend behind TLS."""
    server = FakeBackend()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = server.issuer = server.url.replace("http:", "https:")
    with server:
        yield server


def test_a_certificate_that_nobody_vouches_for_is_refused(encrypted: FakeBackend, machine: Machine) -> None:
    machine.api = encrypted.url
    machine.store(encrypted.store_for(encrypted.sign_in(), seconds_left=170))
    done = machine.run("whoami")
    assert done.code == 1
    assert "its certificate is not trusted" in done.err
    assert encrypted.requests == []
    doctor = machine.run("doctor")
    assert doctor.code == 1
    assert "SSL_CERT_FILE" in doctor.out


def test_a_certificate_authority_of_ones_own(encrypted: FakeBackend, machine: Machine, certificate: Path) -> None:
    machine.api = encrypted.url
    machine.store(encrypted.store_for(encrypted.sign_in(), seconds_left=170))
    machine.variables["SSL_CERT_FILE"] = str(certificate)
    assert machine.run("whoami").out == "ada\n"
    findings = {finding["name"]: finding for finding in machine.run("doctor", "--json").json}
    assert findings["tls"]["text"] == "the certificate is valid for this address"


def test_silence_is_told_as_such(backend: FakeBackend) -> None:
    backend.faults["/x"] = ["slow 1"]
    with pytest.raises(BackendUnreachable, match="no answer within 0 seconds"):
        send("GET", backend.url, "/x", timeout=0.2)


def test_a_silent_backend_is_not_waited_for_while_the_token_still_works(backend: FakeBackend, machine: Machine) -> None:
    machine.store(backend.store_for(backend.sign_in(), seconds_left=30))
    backend.faults["/oauth/token"] = ["always slow 15"]
    started = time.monotonic()
    done = machine.run("token")
    assert (done.code, done.out.strip()) == (0, machine.account()["access_token"])
    assert time.monotonic() - started < 10
