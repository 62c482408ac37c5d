/* SPDX-License-Identifier: ISC */
#include "sys/crypto.h"

#include "sign/crypto.h"
#include "sys/library.h"

int crypto_load(void)
{
	static const struct library_function functions[] = {
#define F(name) {#name, &sign_crypto.name},
		SIGN_FUNCTIONS(F)
#undef F
	};

	/* The very library that TLS uses (tls/openssl.h). */
	return library_open("libcrypto.so.3", functions, ARRAY_LEN(functions));
}
