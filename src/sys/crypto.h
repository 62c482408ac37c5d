/* SPDX-License-Identifier: ISC */
#pragma once

#include "base/error.h"

/* Open libcrypto and fill in the table of sign/crypto.h: before a role gives up its right to files. 0, or -ELIBACC, -ELIBBAD. */
int crypto_load(void) must_check;
