# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of the test world, made by openssl: an issuer, and whom it vouches for."""

from pathlib import Path

from world import run

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Issuer:
    """A certificate authority in a directory of its own."""

    def __init__(self, directory, name="issuer"):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate = self.directory / f"{name}.pem"
        self.key = self.directory / f"{name}.key"
        run("openssl", "req", "-x509", *KEY, "-keyout", str(self.key), "-out", str(self.certificate),
            "-subj", f"/CN={name}", "-days", "30", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, subject_alt_name, days=60, rsa=False):
        """Writes name.pem and name.key, also over older ones; returns both. days=-1: it has expired."""
        certificate, key, request = (self.directory / f"{name}.{end}" for end in ("pem", "key", "csr"))
        kind = ("-newkey", "rsa:2048", "-nodes") if rsa else KEY
        run("openssl", "req", *kind, "-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}")
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={subject_alt_name}\nbasicConstraints=CA:FALSE\n"
                              "extendedKeyUsage=serverAuth,clientAuth\n")
        run("openssl", "x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key),
            "-CAcreateserial", "-days", str(days), "-extfile", str(extensions), "-out", str(certificate))
        key.chmod(0o600)
        return certificate, key
