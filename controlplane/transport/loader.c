/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads keyrings in a thread: the disk may be slow, and a system's store of issuers alone takes
 * milliseconds to parse. One thread at a time, which ends when it has read.
 */
#include "transport/keyring.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct keyring_loader {
	struct loop *loop; /* borrows */
	struct loop_wakeup *wakeup;
	keyring_loaded_function *loaded;
	void *context;
	bool is_running; /* the thread is to be joined */
	bool is_wanted;	 /* asked again meanwhile, for next */
	struct transport_tls next;
	pthread_t thread;
	/* w: thread, r: loop after the wake-up, whose event descriptor orders them */
	struct transport_tls settings;
	struct keyring *keyring;
	char why[TRANSPORT_WHY_BYTES];
};

static void *load(void *context)
{
	struct keyring_loader *loader = context;

	if (keyring_load(&loader->settings, &loader->keyring, loader->why) != 0)
		loader->keyring = NULL;
	loop_wakeup_signal(loader->wakeup);
	return NULL;
}

static int start_thread(struct keyring_loader *loader, const struct transport_tls *settings)
{
	int error;

	loader->settings = *settings;
	loader->keyring = NULL;
	loader->why[0] = '\0';
	error = pthread_create(&loader->thread, NULL, load, loader);
	loader->is_running = error == 0;
	return -error;
}

static void finish(void *context)
{
	struct keyring_loader *loader = context;
	struct keyring *keyring;
	char why[TRANSPORT_WHY_BYTES];

	if (!loader->is_running)
		return;
	(void)pthread_join(loader->thread, NULL); /* it has nothing left to do */
	loader->is_running = false;
	keyring = loader->keyring;
	(void)snprintf(why, sizeof(why), "%s", loader->why);
	if (loader->is_wanted) {
		loader->is_wanted = false;
		keyring_destroy(keyring); /* read before the files that are wanted now */
		if (start_thread(loader, &loader->next) == 0)
			return;
		keyring = NULL;
		(void)snprintf(why, sizeof(why), "no thread to read it");
	}
	loader->loaded(loader->context, keyring, why);
}

int keyring_loader_create(struct loop *loop, keyring_loaded_function *loaded, void *context,
	struct keyring_loader **ret_loader)
{
	struct keyring_loader *loader = calloc(1, sizeof(*loader));
	int error;

	if (loader == NULL)
		return -ENOMEM;
	loader->loop = loop;
	loader->loaded = loaded;
	loader->context = context;
	error = loop_wakeup_create(loop, finish, loader, &loader->wakeup);
	if (error != 0) {
		free(loader);
		return error;
	}
	*ret_loader = loader;
	return 0;
}

int keyring_loader_start(struct keyring_loader *loader, const struct transport_tls *settings)
{
	if (!loader->is_running)
		return start_thread(loader, settings);
	loader->next = *settings;
	loader->is_wanted = true;
	return 0;
}

void keyring_loader_destroy(struct keyring_loader *loader)
{
	if (loader == NULL)
		return;
	if (loader->is_running) {
		(void)pthread_join(loader->thread, NULL); /* bounded: it reads files */
		keyring_destroy(loader->keyring);
	}
	loop_wakeup_destroy(loader->loop, loader->wakeup);
	free(loader);
}
