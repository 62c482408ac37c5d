/* SPDX-License-Identifier: ISC */
#pragma once

/* Inside of azuredns: azuredns.c the zones and record sets, azure_login.c how one gets in. */
#include "provider/kit.h"

#define AZURE_TAG "postern" /* of a zone that its owner lets the gateway into */

extern const struct login azure_login, azure_assume;
extern const struct delegated azure_delegated;
