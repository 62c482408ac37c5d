/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Open libnettle and fill in the table of audit/hash.h: before a role gives up its right to files. Not linked, for most roles have no use for it. False when it is not there, or does not hash as
 * libsodium does; the table is empty then.
 */
#include <stdbool.h>

bool nettle_load(void);
