/* SPDX-License-Identifier: ISC */
#pragma once

/* What the supervisor tells each role of the configuration. */
#include "ipc/channel.h"
#include "role/startup.h"

/* All that it needs, at its start. */
void tell_role(enum proc p, struct channel *c, const struct config *config,
	       const struct startup *files);
/* What a reload may change: callers, certificates, keys, policy, what the gateway has at providers. Listeners and the log stay where they are. False: for that role nothing. */
bool tell_again(enum proc p, struct channel *c, const struct config *config);
/* The front's sockets. */
void tell_listeners(struct channel *c, const struct startup *files);
