/* SPDX-License-Identifier: ISC */
#include "sys/crypto.h"

#include "sign/crypto.h"

#include <dlfcn.h>
#include <string.h>

int crypto_load(void)
{
	/* The very library that libcurl uses. Never closed: OpenSSL's exit handlers stay. */
	void *lib = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL), *p;

	if (!lib)
		return -ELIBACC;
#define F(name)                                                                                    \
	p = dlsym(lib, #name);                                                                     \
	if (!p)                                                                                    \
		return -ELIBBAD;                                                                   \
	memcpy(&sign_crypto.name, &p, sizeof(p));
	SIGN_FUNCTIONS(F)
#undef F
	return 0;
}
