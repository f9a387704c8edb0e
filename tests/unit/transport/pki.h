/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates of the tests: issuers and peers in a directory that goes with the test. */
#ifndef TD_TRANSPORT_PKI_H
#define TD_TRANSPORT_PKI_H

#include <openssl/ssl.h>

#include <stdbool.h>

enum {
	PKI_DIRECTORY_BYTES = 40,
	PKI_PATH_BYTES = 104,
	PKI_DAY_S = 24 * 60 * 60,
};

/* A certificate with its key, also as files. */
struct pki_identity {
	X509 *certificate;
	EVP_PKEY *key;
	char certificate_file[PKI_PATH_BYTES];
	char key_file[PKI_PATH_BYTES];
};

struct pki {
	char directory[PKI_DIRECTORY_BYTES];
	struct pki_identity issuer;
	struct pki_identity stranger; /* an issuer that nobody trusts */
};

/* What a certificate says. Zero is one year from now on. */
struct pki_wish {
	const char *file; /* without its end */
	const char
		*names; /* subjectAltName as OpenSSL's configuration has it: "DNS:a,IP:1.2.3.4" */
	long begins_s;	/* from now on */
	long ends_s;
	const struct pki_identity *issuer; /* NULL: pki.issuer */
	bool is_issuer;
};

/* Ends the test program if something fails. */
void pki_create(struct pki *pki);
void pki_destroy(struct pki *pki);
void pki_make(const struct pki *pki, const struct pki_wish *wish, struct pki_identity *identity);
void pki_free(struct pki_identity *identity);

#endif
