/* SPDX-License-Identifier: ISC */
#include "tls/openssl.h"

#include "base/memory.h"
#include "sys/library.h"

#include <stdlib.h>
#include <string.h>

static void *take(size_t n, const char *file, int line)
{
	return malloc(n);
}

static void *take_again(void *p, size_t n, const char *file, int line)
{
	return wiping_realloc(p, n);
}

static void give_back(void *p, const char *file, int line)
{
	wiping_free(p);
}

static int load(struct openssl *o)
{
	/* Some are libcrypto's. */
	const struct library_function functions[] = {
#define F(name) {#name, &o->name},
		TLS_FUNCTIONS(F)
#undef F
	};
	int r = library_open("libssl.so.3", functions, ARRAY_LEN(functions));

	if (r < 0)
		return r;
	/* Refused where it has taken memory already, as in a process that has loaded it for something else. */
	if (!o->CRYPTO_set_mem_functions(take, take_again, give_back))
		o->ERR_clear_error();
	/* Nobody reads its texts of errors. */
	if (!o->OPENSSL_init_ssl(
		    OPENSSL_INIT_NO_LOAD_SSL_STRINGS | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL))
		return -ELIBBAD;
	return 0;
}

int openssl_load(const struct openssl **out)
{
	static struct openssl table;
	static bool loaded;
	int r = loaded ? 0 : load(&table);

	if (r < 0)
		return r;
	loaded = true;
	*out = &table;
	return 0;
}

bool pem_at_end(const struct openssl *o)
{
	unsigned long e = o->ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}
