/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the program and speaks with it, see rig.h.
 */
#include "rig.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	RIG_PATIENCE_MS = 20000, /* a loaded machine under a sanitizer */
	RIG_READ_BYTES = 4096,
	RIG_PATH_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path),
};

static void rig_path(const struct rig *rig, const char *name, char path[RIG_PATH_BYTES])
{
	assert_in_range(
		snprintf(path, RIG_PATH_BYTES, "%s/%s", rig->run_dir, name), 1, RIG_PATH_BYTES - 1);
}

/* In the child. */
static void rig_execute(const struct rig *rig, int error_output)
{
	char ports[32];
	char rest[16];
	char capacity[16];
	const char *program = getenv("TANDEM_DATAPLANE");

	(void)snprintf(ports, sizeof(ports), "%d-%d", RIG_PORT_FIRST, RIG_PORT_LAST);
	(void)snprintf(rest, sizeof(rest), "%d", RIG_REST_MS);
	(void)snprintf(capacity, sizeof(capacity), "%d", RIG_CAPACITY);
	(void)dup2(error_output, STDERR_FILENO);
	(void)execl(program, program, "--run-dir", rig->run_dir, "--port",
		"name=n,device=net_null0,no-rx=1", "--media-address", "192.0.2.1",
		"--media-address", "2001:db8::1", "--media-ports", ports, "--worker", "0",
		"--worker", "0", "--poll", "adaptive", "--no-huge", "--memory-mb", "128",
		"--rest-ms", rest, "--terminations", capacity, (char *)NULL);
	_exit(127);
}

static pid_t rig_spawn(const struct rig *rig, int *ret_log)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		rig_execute(rig, ends[1]);
	}
	(void)close(ends[1]);
	*ret_log = ends[0];
	return pid;
}

void rig_start(struct rig *rig)
{
	char text[RIG_READ_BYTES] = "";
	size_t used = 0;
	char path[RIG_PATH_BYTES];
	int log;
	int file;

	rig->pid = rig_spawn(rig, &log);
	while (strstr(text, "main: ready") == NULL) {
		struct pollfd poll_log = {.fd = log, .events = POLLIN};
		ssize_t got;

		assert_int_equal(poll(&poll_log, 1, RIG_PATIENCE_MS), 1);
		got = read(log, text + used, sizeof(text) - 1 - used);
		if (got <= 0)
			fail_msg("the dataplane ended: %s", text);
		used += (size_t)got;
		text[used] = '\0';
	}
	(void)close(log); /* SIGPIPE is ignored there: later lines are lost */
	rig_path(rig, "log", path);
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(file >= 0);
	assert_int_equal(write(file, text, used), (ssize_t)used);
	(void)close(file);
}

int rig_start_second(struct rig *rig)
{
	char text[RIG_READ_BYTES];
	int status = 0;
	int log;
	pid_t pid = rig_spawn(rig, &log);

	while (read(log, text, sizeof(text)) > 0)
		continue;
	(void)close(log);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void rig_open(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->connection = -1;
	(void)snprintf(rig->run_dir, sizeof(rig->run_dir), "/dev/shm/tandem-contract-XXXXXX");
	assert_non_null(mkdtemp(rig->run_dir));
	rig_start(rig);
}

static void rig_hang_up(struct rig *rig)
{
	if (rig->connection >= 0)
		(void)close(rig->connection);
	rig->connection = -1;
}

void rig_kill(struct rig *rig)
{
	rig_hang_up(rig);
	assert_int_equal(kill(rig->pid, SIGKILL), 0);
	assert_int_equal(waitpid(rig->pid, NULL, 0), rig->pid);
}

void rig_close(struct rig *rig)
{
	static const char *const files[] = {"counters", "counters.bad", "dataplane.lock", "log",
		"neighbours", "terminations", "terminations.bad"};
	int status = 0;
	char path[RIG_PATH_BYTES];

	rig_hang_up(rig);
	assert_int_equal(kill(rig->pid, SIGTERM), 0);
	assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
	for (size_t i = 0; i < TD_COUNT_OF(files); i++) {
		rig_path(rig, files[i], path);
		(void)unlink(path); /* not each is there */
	}
	/* fails if the socket was left behind */
	assert_int_equal(rmdir(rig->run_dir), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

void rig_connect(struct rig *rig)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = RIG_PATIENCE_MS / 1000};

	rig_hang_up(rig);
	rig_path(rig, "dataplane.sock", address.sun_path);
	rig->connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(rig->connection >= 0);
	assert_int_equal(
		setsockopt(rig->connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)),
		0);
	assert_int_equal(connect(rig->connection, (struct sockaddr *)&address, sizeof(address)), 0);
}

void rig_header(struct rig *rig, struct td_message *message, uint16_t type, size_t size_bytes)
{
	*message = (struct td_message){.magic = TD_CONTRACT_MAGIC,
		.version = TD_CONTRACT_VERSION,
		.type = type,
		.length_bytes = (uint32_t)size_bytes,
		.command_id = ++rig->command_id};
}

struct td_reply rig_exchange(struct rig *rig, const void *bytes, size_t size_bytes)
{
	union {
		struct td_message message;
		struct td_reply reply;
		struct td_audit_item item;
		struct td_notify notify;
		uint8_t bytes[TD_MESSAGE_MAX_BYTES];
	} answer;

	rig->item_count = 0;
	rig->timeout_count = 0;
	assert_int_equal(send(rig->connection, bytes, size_bytes, MSG_NOSIGNAL), size_bytes);
	for (;;) {
		ssize_t got = recv(rig->connection, &answer, sizeof(answer), 0);

		if (got <= 0)
			fail_msg("no answer from the dataplane (%zd)", got);
		assert_int_equal(answer.message.magic, TD_CONTRACT_MAGIC);
		assert_int_equal(answer.message.version, TD_CONTRACT_VERSION);
		assert_int_equal(answer.message.length_bytes, got);
		if (answer.message.type == TD_MESSAGE_AUDIT_ITEM) {
			assert_in_range(rig->item_count, 0, RIG_ITEMS_MAX - 1);
			rig->items[rig->item_count++] = answer.item;
		} else if (answer.message.type == TD_MESSAGE_NOTIFY) {
			rig->timeout_count += answer.notify.kind == TD_NOTIFY_MEDIA_TIMEOUT;
		} else if (answer.message.type == TD_MESSAGE_REPLY) {
			assert_int_equal(got, sizeof(answer.reply));
			return answer.reply;
		}
	}
}

struct td_reply rig_greet(struct rig *rig)
{
	struct td_command_hello hello = {.controlplane_instance = 42};

	rig_connect(rig);
	rig_header(rig, &hello.message, TD_MESSAGE_HELLO, sizeof(hello));
	return rig_exchange(rig, &hello, sizeof(hello));
}

static struct td_reply rig_change(
	struct rig *rig, const struct td_termination_spec *spec, uint16_t type)
{
	struct td_command_add command = {.spec = *spec};

	rig_header(rig, &command.message, type, sizeof(command));
	return rig_exchange(rig, &command, sizeof(command));
}

struct td_reply rig_add(struct rig *rig, const struct td_termination_spec *spec)
{
	return rig_change(rig, spec, TD_MESSAGE_ADD);
}

struct td_reply rig_modify(struct rig *rig, const struct td_termination_spec *spec)
{
	return rig_change(rig, spec, TD_MESSAGE_MODIFY);
}

struct td_reply rig_subtract(struct rig *rig, uint64_t termination_id, uint32_t epoch)
{
	struct td_command_subtract command = {.termination_id = termination_id, .epoch = epoch};

	rig_header(rig, &command.message, TD_MESSAGE_SUBTRACT, sizeof(command));
	return rig_exchange(rig, &command, sizeof(command));
}

struct td_reply rig_move(
	struct rig *rig, uint64_t termination_id, uint64_t context_id, uint32_t epoch)
{
	struct td_command_move command = {
		.termination_id = termination_id, .context_id = context_id, .epoch = epoch};

	rig_header(rig, &command.message, TD_MESSAGE_MOVE, sizeof(command));
	return rig_exchange(rig, &command, sizeof(command));
}

struct td_reply rig_audit(struct rig *rig, uint64_t termination_id)
{
	struct td_command_audit command = {.termination_id = termination_id};

	rig_header(rig, &command.message, TD_MESSAGE_AUDIT, sizeof(command));
	return rig_exchange(rig, &command, sizeof(command));
}

struct td_termination_spec rig_spec(uint64_t termination_id, uint64_t context_id, uint16_t port)
{
	return (struct td_termination_spec){
		.termination_id = termination_id,
		.context_id = context_id,
		.epoch = 1,
		.mode = TD_MODE_SEND_RECEIVE,
		.latch = TD_LATCH_RESTRICTED,
		.codec_count = 2,
		.local = {.ip = {.bytes = {192, 0, 2, 1}, .family = TD_FAMILY_IPV4}, .port = port},
		.remote = {.ip = {.bytes = {198, 51, 100, 7}, .family = TD_FAMILY_IPV4},
			.port = 4000},
		.codecs = {{.payload_type = 0, .kind = TD_CODEC_PCMU, .clock_hz = 8000},
			{.payload_type = 101, .kind = TD_CODEC_TELEPHONE_EVENT, .clock_hz = 8000}},
	};
}

const struct td_counters *rig_counters(struct rig *rig)
{
	const struct td_counters *counters;
	char path[RIG_PATH_BYTES];
	int file;

	rig_path(rig, "counters", path);
	file = open(path, O_RDONLY);
	assert_true(file >= 0);
	counters = mmap(NULL, sizeof(*counters), PROT_READ, MAP_SHARED, file, 0);
	(void)close(file);
	assert_ptr_not_equal(counters, MAP_FAILED);
	assert_int_equal(counters->magic, TD_COUNTERS_MAGIC);
	return counters;
}
