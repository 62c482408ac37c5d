/* SPDX-License-Identifier: ISC */
#pragma once

/* Each role is started as the gateway would, put into its sandbox, asked what holds there, and ended. */
#include "ipc/edges.h"

struct doctor_role {
	bool answered;	/* else it ended, or said nothing for some seconds */
	unsigned holds; /* bits 1 << SANDBOX_BIT_… */
};

/* ROLES by enum proc. UID_BASE: as root each becomes UID_BASE + its number, as the gateway's. 0 or -errno. */
int doctor_ask(uint32_t uid_base, struct doctor_role roles[PROC_COUNT]) must_check;
