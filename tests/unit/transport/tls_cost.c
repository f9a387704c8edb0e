/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TLS costs the loop's thread: CPU per handshake and per message, memory per idle connection.
 * Run by hand: tls_cost [CONNECTIONS]. The peers live in a process of their own, so that the figures
 * are the transport's alone.
 */
#include "tls_peer.h"

#include <openssl/pem.h>

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum {
	HANDSHAKES = 400,
	MESSAGES = 20000,
};

static double cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static long resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long size = 0;
	long pages = 0;

	if (file == NULL || fscanf(file, "%ld %ld", &size, &pages) != 2)
		abort();
	(void)fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void use_rsa(const struct pki *pki, struct pki_identity *identity)
{
	FILE *file;

	EVP_PKEY_free(identity->key);
	identity->key = EVP_RSA_gen(2048);
	(void)X509_set_pubkey(identity->certificate, identity->key);
	(void)X509_sign(identity->certificate, pki->issuer.key, EVP_sha256());
	file = fopen(identity->certificate_file, "w");
	(void)PEM_write_X509(file, identity->certificate);
	(void)fclose(file);
	file = fopen(identity->key_file, "w");
	(void)PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL);
	(void)fclose(file);
}

/* Connects, shakes hands; blocking. */
static SSL *open_peer(SSL_CTX *context, const struct td_endpoint *to, SSL_SESSION *session)
{
	struct sockaddr_storage address;
	socklen_t length = td_endpoint_to_sockaddr(to, &address);
	int fd = socket(address.ss_family, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(context);

	if (connect(fd, (struct sockaddr *)&address, length) != 0)
		_exit(1);
	(void)SSL_set_fd(ssl, fd);
	if (session != NULL)
		(void)SSL_set_session(ssl, session);
	if (SSL_connect(ssl) != 1)
		_exit(2);
	return ssl;
}

static void close_peer(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN);
	SSL_free(ssl);
	(void)close(fd);
}

static void play_peers(const struct td_endpoint *to, const char *what, uint32_t count)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	static const char message[] = FIXTURE_MESSAGE;
	SSL_SESSION *session = NULL;
	char answer[sizeof(message)];
	SSL *ssl;

	if (strcmp(what, "messages") == 0) {
		ssl = open_peer(context, to, NULL);
		for (uint32_t i = 0; i < count; i++) {
			(void)SSL_write(ssl, message, sizeof(message) - 1);
			for (int got = 0; got < (int)sizeof(message) - 1;)
				got += SSL_read(ssl, answer, sizeof(answer));
		}
		close_peer(ssl);
		_exit(0);
	}
	for (uint32_t i = 0; i < count; i++) {
		ssl = open_peer(context, to, session);
		if (strcmp(what, "idle") == 0)
			continue;
		if (strcmp(what, "resumed") == 0) {
			(void)SSL_write(ssl, message, sizeof(message) - 1);
			(void)SSL_read(ssl, answer, sizeof(answer));
			SSL_SESSION_free(session);
			session = SSL_get1_session(ssl);
		}
		close_peer(ssl);
	}
	if (strcmp(what, "idle") == 0)
		(void)pause();
	_exit(0);
}

/* Turns until *counter stands at wanted; the CPU time of it. */
static double run(struct fixture *fixture, const uint64_t *counter, uint64_t wanted)
{
	double begin_us = cpu_us();

	while (*counter < wanted)
		fixture_turn(fixture, 100);
	return cpu_us() - begin_us;
}

static void measure(struct fixture *fixture, const char *kind, const char *what, uint32_t count)
{
	const struct transport_counters *counters = transport_get_counters(fixture->transport);
	struct td_endpoint to = transport_local(fixture->transport, 0);
	const uint64_t *counter =
		strcmp(what, "messages") == 0 ? &counters->tcp_received : &counters->tls_handshakes;
	uint64_t wanted = *counter + count;
	long before_kb = resident_kb();
	pid_t child = fork();
	double took_us;

	if (child == 0)
		play_peers(&to, what, count);
	took_us = run(fixture, counter, wanted);
	(void)malloc_trim(0);
	if (strcmp(what, "idle") == 0)
		printf("%s %s: %.1f kB per connection (%u connections)\n", kind, what,
			(double)(resident_kb() - before_kb) / count, count);
	else
		printf("%s %s: %.1f us CPU each; longest step %lu us\n", kind, what,
			took_us / count, (unsigned long)counters->tls_step_us_max);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	for (int i = 0; i < 10000 && transport_connection_count(fixture->transport) != 0; i++)
		fixture_turn(fixture, 1);
}

int main(int count, char **arguments)
{
	uint32_t idle = count > 1 ? (uint32_t)atoi(arguments[1]) : 10000;
	struct rlimit files = {2 * idle + 100, 2 * idle + 100};
	struct pki pki;

	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	pki_create(&pki);
	for (int is_rsa = 0; is_rsa <= 1; is_rsa++) {
		struct transport_config config = {.connections_max = idle + 10,
			.connections_per_source_max = idle + 10,
			.tls = {.certificate_count = 1}};
		const char *kind = is_rsa ? "RSA 2048" : "ECDSA P-256";
		struct pki_identity identity;
		struct fixture *fixture;

		pki_make(&pki, &(const struct pki_wish){.file = "own"}, &identity);
		if (is_rsa)
			use_rsa(&pki, &identity);
		(void)snprintf(config.tls.certificates[0].certificate_file, TRANSPORT_PATH_BYTES,
			"%s", identity.certificate_file);
		(void)snprintf(config.tls.certificates[0].key_file, TRANSPORT_PATH_BYTES, "%s",
			identity.key_file);
		fixture = fixture_create(SIP_TRANSPORT_TLS, false, &config);
		fixture->is_echoing = true;
		measure(fixture, kind, "handshakes", HANDSHAKES);
		measure(fixture, kind, "resumed", HANDSHAKES);
		if (!is_rsa) {
			measure(fixture, kind, "messages", MESSAGES);
			measure(fixture, kind, "idle", idle);
		}
		fixture_destroy(fixture);
		pki_free(&identity);
	}
	pki_destroy(&pki);
	return 0;
}
