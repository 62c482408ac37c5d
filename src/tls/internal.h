/* SPDX-License-Identifier: ISC */
#pragma once

#include "tls/openssl.h"
#include "tls/server.h"

struct tls_server {
	const struct openssl *o;
	SSL_CTX *ctx;
};
