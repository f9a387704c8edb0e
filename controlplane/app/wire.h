/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where pure meets real: builds the control plane from its configuration and carries bytes, time
 * and actions between the sockets, files and threads on one side and the switchboard on the
 * other. It knows all parts and decides nothing about calls. One of the three places that may
 * end the process.
 */
#ifndef TD_APP_WIRE_H
#define TD_APP_WIRE_H

#include <tandem/compiler.h>

struct config;

/* Runs the control plane until SIGTERM or SIGINT. Takes config. config_path is read again on
 * SIGHUP. Returns the process's exit status; every failure has been logged with what to do. */
td_must_check int wire_run(struct config *config, const char *config_path);

#endif
