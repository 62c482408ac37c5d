/* SPDX-License-Identifier: ISC */
#pragma once

/* Inside of googleclouddns: googleclouddns.c the zones and records, google_login.c how one gets in. */
#include "provider/kit.h"

extern const struct login google_login, google_assume;
extern const struct delegated google_delegated;
