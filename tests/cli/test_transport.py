"""What goes over the wire: certificates, silence, and how long is waited for it."""

import datetime
import ssl
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli import transport
from cli.errors import BackendUnreachable, UsageError
from cli.settings import may_be_sent_to
from cli.transport import send
from tests.cli.fake_backend import FakeBackend
from tests.cli.terminals import Pointed


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


def test_a_certificate_that_nobody_vouches_for_is_refused(machine: Pointed, encrypted: FakeBackend) -> None:
    machine.api = encrypted.url
    machine.store(encrypted.store_for(encrypted.sign_in(), seconds_left=170))
    done = machine.run("whoami")
    assert done.code == 1
    assert "its certificate is not trusted" in done.err
    assert encrypted.requests == []
    doctor = machine.run("doctor")
    assert doctor.code == 1
    assert "SSL_CERT_FILE" in doctor.out


def test_a_certificate_authority_of_ones_own(machine: Pointed, encrypted: FakeBackend, certificate: Path) -> None:
    machine.api = encrypted.url
    machine.store(encrypted.store_for(encrypted.sign_in(), seconds_left=170))
    machine.variables["SSL_CERT_FILE"] = str(certificate)
    assert machine.run("whoami").out == "ada\n"
    findings = {finding["name"]: finding for finding in machine.run("doctor", "--json").json}
    assert findings["tls"]["text"] == "the certificate is valid for this address"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_python_without_authorities_of_its_own_uses_the_systems(
    certificate: Path, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = ssl.DefaultVerifyPaths("", "", "SSL_CERT_FILE", "", "SSL_CERT_DIR", "")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    monkeypatch.setattr(transport, "CERTIFICATE_FILES", ("/nonexistent", str(certificate) if is_there else "/none"))
    if is_there:
        assert transport.make_tls_context().cert_store_stats()["x509"] == 1
    else:
        with pytest.raises(UsageError, match="no certificate authorities"):
            transport.make_tls_context()


def test_silence_is_told_as_such(backend: FakeBackend) -> None:
    backend.faults["/x"] = ["slow 1"]
    with pytest.raises(BackendUnreachable, match="no answer within 0 seconds"):
        send("GET", backend.url, "/x", timeout=0.2)


def test_a_silent_backend_is_not_waited_for_while_the_token_still_works(machine: Pointed) -> None:
    machine.sign_in(seconds_left=30)
    machine.backend.faults["/oauth/token"] = ["always slow 15"]
    before = machine.account()["access_token"]
    done = machine.run("token")
    assert (done.code, done.out.strip()) == (0, before)  # Whoever waits for the answer has another token.


@pytest.mark.parametrize("allowed", ["", "0", "1"])
def test_nothing_is_sent_unencrypted_past_this_machine_unless_allowed(machine: Pointed, allowed: str) -> None:
    """The proxy would be the first on the way to read the token."""
    machine.variables |= {"http_proxy": machine.api, "INSIGHTA_ALLOW_HTTP": allowed}
    content = machine.backend.store_for(machine.backend.sign_in())["accounts"]
    account, machine.api = content[machine.api], "http://insighta.invalid"
    machine.store({"version": 1, "accounts": {machine.api: account}})
    for words in (["whoami"], ["status"], ["login", "--device"], ["login", "--with-token"]):
        done = machine.run(*words, typed="insp_good\n")
        assert allowed == "1" or done.code in {1, 2}
        assert ("so nothing is sent there" in done.err) is (allowed != "1")
    assert bool(machine.backend.requests) is (allowed == "1")


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://api.example.com", True),
        ("http://127.0.0.1:8000", True),
        ("http://127.8.9.10", True),
        ("http://[::1]:8000", True),
        ("http://localhost", True),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
    ],
)
def test_what_counts_as_this_machine(address: str, allowed: bool) -> None:
    assert may_be_sent_to(address) is allowed
