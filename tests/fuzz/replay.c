/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds every file of the directories (or the files) named on the command line to a fuzz
 * harness: how builds without libFuzzer replay a corpus. Fails if there was nothing to feed.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	PATH_BYTES = 4096,
	INPUT_MAX_BYTES = 1 << 20
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

/* Each input gets a block of exactly its size, so that a sanitizer sees one byte too many. */
static bool file_replay(const char *path, size_t size_bytes)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(size_bytes != 0 ? size_bytes : 1);
	bool is_good = false;

	if (file != NULL && bytes != NULL && fread(bytes, 1, size_bytes, file) == size_bytes) {
		(void)LLVMFuzzerTestOneInput(bytes, size_bytes); /* always 0 */
		is_good = true;
	} else {
		perror(path);
	}
	free(bytes);
	if (file != NULL)
		(void)fclose(file); /* only read from */
	return is_good;
}

/* Replays a file, or the files of a directory. Returns how many, or -1. */
static int path_replay(const char *path)
{
	struct stat status;
	struct dirent *entry;
	DIR *directory;
	int count = 0;

	if (stat(path, &status) != 0) {
		perror(path);
		return -1;
	}
	if (S_ISREG(status.st_mode))
		return status.st_size <= INPUT_MAX_BYTES &&
				       file_replay(path, (size_t)status.st_size)
			       ? 1
			       : -1;
	directory = opendir(path);
	if (directory == NULL) {
		perror(path);
		return -1;
	}
	while (count >= 0 && (entry = readdir(directory)) != NULL) {
		char child[PATH_BYTES];
		int replayed;

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		replayed = path_replay(child);
		count = replayed < 0 ? -1 : count + replayed;
	}
	(void)closedir(directory);
	return count;
}

int main(int argument_count, char **arguments)
{
	int count = 0;

	for (int i = 1; i < argument_count; i++) {
		int replayed = path_replay(arguments[i]);

		if (replayed < 0)
			return EXIT_FAILURE;
		count += replayed;
	}
	printf("replayed %d inputs\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
