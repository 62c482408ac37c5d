/* SPDX-License-Identifier: ISC */
#pragma once

/* Inside of route53: route53.c the zones and records, route53_role.c the roles that customers let the gateway assume. */
#include "provider/kit.h"

extern const struct login route53_assume;
extern const struct delegated route53_delegated;
