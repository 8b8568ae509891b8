"""A certificate authority of the deployment's own, and the certificates it gives out.

Its key stays in the operator's folder: no container has it. (`elasticsearch-certutil`, run in a
container, leaves it in a volume that every node mounts.)
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 825
"""What browsers accept of a certificate that was added by hand."""
_BACKDATED = timedelta(hours=1)  # another machine's clock may be a little behind


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key (PKCS 8) and its certificate, both PEM and unencrypted."""

    key: bytes
    certificate: bytes


def make_authority(name: str) -> KeyPair:
    """Make a certificate authority: ECDSA on P-256, self-signed, ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    certificate = (
        _certificate(subject, subject, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pair(key, certificate)


def make_certificate(authority: KeyPair, name: str, names: tuple[str, ...]) -> KeyPair:
    """Make a certificate for a server that is called by `names`: host names or IP addresses.

    It serves both ends of a connection: nodes of Elasticsearch are each other's clients.

    Raises:
        ValueError: where `authority` is none.
    """
    issuer_key = serialization.load_pem_private_key(authority.key, password=None)
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError(  # noqa: TRY004 - the file's content is wrong, not the call
            "is no key of a certificate authority made by this command"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _certificate(_named(name), issuer.subject, key, CERTIFICATE_DAYS, issuer_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.SubjectAlternativeName(list(map(_alternative, names))), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return _pair(key, certificate)


def is_for(certificate: bytes, key: bytes) -> bool:
    """Say whether a certificate is the one of a private key.

    Raises:
        ValueError: where one of them is none in PEM, or the key is encrypted.
    """
    public = x509.load_pem_x509_certificate(certificate).public_key()
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError as error:
        raise ValueError("the key is encrypted") from error
    return private.public_key() == public


def expires(certificate: bytes) -> datetime:
    """Give the moment (UTC) after which a certificate is not valid.

    Raises:
        ValueError: where it is no certificate in PEM.
    """
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def names(certificate: bytes) -> set[str]:
    """Give the host names and addresses that a certificate is for.

    Raises:
        ValueError: where it is no certificate in PEM.
    """
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    alternatives = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(alternative.value) for alternative in alternatives}


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    days: int,
    issuer_key: ec.EllipticCurvePrivateKey | None = None,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer_key or key).public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(identifier, critical=False)
        .add_extension(authority, critical=False)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> KeyPair:
    return KeyPair(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )
