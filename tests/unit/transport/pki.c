/* SPDX-License-Identifier: Apache-2.0 */
#include "pki.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	YEAR_S = 365 * PKI_DAY_S
};

static void must(bool is_good, const char *what)
{
	if (is_good)
		return;
	(void)fprintf(stderr, "pki: %s failed\n", what);
	abort();
}

static void add_extension(X509 *certificate, X509 *issuer, int id, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
	must(extension != NULL, value);
	must(X509_add_ext(certificate, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

static void write_files(const struct pki_identity *identity)
{
	FILE *file = fopen(identity->certificate_file, "w");

	must(file != NULL && PEM_write_X509(file, identity->certificate) == 1, "certificate");
	(void)fclose(file);
	(void)unlink(identity->key_file);
	file = fopen(identity->key_file, "w");
	must(file != NULL && fchmod(fileno(file), 0600) == 0 &&
			PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL) == 1,
		"key");
	(void)fclose(file);
}

static void set_subject(X509 *certificate, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	static long serial;

	(void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
	must(X509_set_version(certificate, X509_VERSION_3) == 1 &&
			X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				(const unsigned char *)name, -1, -1, 0) == 1,
		"subject");
}

void pki_make(const struct pki *pki, const struct pki_wish *wish, struct pki_identity *identity)
{
	const struct pki_identity *issuer = wish->issuer != NULL ? wish->issuer : &pki->issuer;
	X509 *certificate = X509_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bool is_root = issuer->certificate == NULL;
	X509 *above = is_root ? certificate : issuer->certificate;

	must(certificate != NULL && key != NULL, "key");
	set_subject(certificate, wish->file);
	(void)X509_gmtime_adj(X509_getm_notBefore(certificate), wish->begins_s - 60);
	(void)X509_gmtime_adj(
		X509_getm_notAfter(certificate), wish->ends_s != 0 ? wish->ends_s : YEAR_S);
	must(X509_set_pubkey(certificate, key) == 1 &&
			X509_set_issuer_name(certificate, X509_get_subject_name(above)) == 1,
		"issuer");
	add_extension(certificate, above, NID_basic_constraints,
		wish->is_issuer ? "critical,CA:TRUE" : "CA:FALSE");
	if (wish->names != NULL)
		add_extension(certificate, above, NID_subject_alt_name, wish->names);
	must(X509_sign(certificate, is_root ? key : issuer->key, EVP_sha256()) != 0, "signature");
	identity->certificate = certificate;
	identity->key = key;
	(void)snprintf(identity->certificate_file, sizeof(identity->certificate_file),
		"%s/%.40s.pem", pki->directory, wish->file);
	(void)snprintf(identity->key_file, sizeof(identity->key_file), "%s/%.40s.key",
		pki->directory, wish->file);
	write_files(identity);
}

void pki_free(struct pki_identity *identity)
{
	X509_free(identity->certificate);
	EVP_PKEY_free(identity->key);
	*identity = (struct pki_identity){0};
}

void pki_create(struct pki *pki)
{
	const struct pki_identity none = {0};

	memset(pki, 0, sizeof(*pki));
	(void)snprintf(pki->directory, sizeof(pki->directory), "/tmp/transport-pki-XXXXXX");
	must(mkdtemp(pki->directory) != NULL, "directory");
	pki_make(pki,
		&(const struct pki_wish){.file = "issuer", .issuer = &none, .is_issuer = true},
		&pki->issuer);
	pki_make(pki,
		&(const struct pki_wish){.file = "stranger", .issuer = &none, .is_issuer = true},
		&pki->stranger);
}

void pki_destroy(struct pki *pki)
{
	DIR *directory = opendir(pki->directory);
	const struct dirent *entry;
	char path[PKI_PATH_BYTES + 256];

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", pki->directory, entry->d_name);
		(void)unlink(path);
	}
	(void)closedir(directory);
	(void)rmdir(pki->directory);
	pki_free(&pki->issuer);
	pki_free(&pki->stranger);
}
