/* SPDX-License-Identifier: ISC */
#pragma once

#include "role/config.h"

/*
 * The supervisor's whole life: open what needs privilege, start the roles, tell each what it needs, restart what dies, until SIGTERM or SIGINT
 * (finish what is in flight; a second one: at once). It parses nothing that came from the network.
 * Takes CONFIG. DEV_TOKEN, not NULL in dev mode, is printed with the address once the gateway serves. RELOAD_PATH is the file to read again on SIGHUP, or NULL.
 * Returns the exit status.
 */
int supervisor_run(struct config *config, const char *dev_token, const char *reload_path);
