# SPDX-License-Identifier: Apache-2.0
"""Digest credentials (RFC 7616 3.4, RFC 8760) for peers that speak SIP by hand."""

import hashlib
import re

NAMES = {"MD5": "md5", "SHA-256": "sha256"}


def prove(challenge, user, password, method, uri):
    """The value of Authorization that answers a WWW-Authenticate value, with qop=auth."""
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge.split(" ", 1)[1]))
    algorithm = given.get("algorithm", "MD5")

    def digest(*parts):
        return hashlib.new(NAMES[algorithm], ":".join(parts).encode()).hexdigest()

    proof = digest(digest(user, given["realm"], password), given["nonce"], "00000001", "c0ffee", "auth",
                   digest(method, uri))
    return (f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
            f'algorithm={algorithm}, qop=auth, nc=00000001, cnonce="c0ffee", response="{proof}"')
