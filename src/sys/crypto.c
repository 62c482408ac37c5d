/* SPDX-License-Identifier: ISC */
#include "sys/crypto.h"

#include "sign/crypto.h"
#include "sys/library.h"

#include <dlfcn.h>

int crypto_load(void)
{
	/* The very library that TLS uses (tls/openssl.h). Never closed: OpenSSL's exit handlers stay. */
	void *lib = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return -ELIBACC;
#define F(name)                                                                                    \
	if (!library_find(lib, #name, &sign_crypto.name))                                          \
		return -ELIBBAD;
	SIGN_FUNCTIONS(F)
#undef F
	return 0;
}
