/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The one error convention of Postern:
 *
 *   0         it worked;
 *   negative  a -errno: something broke that the caller cannot mend; it only forwards it;
 *   positive  an outcome that this function's header names; the caller handles it, never forwards it.
 *
 * Outputs are written on success only, unless the header says otherwise.
 */
#include <errno.h>

#define must_check __attribute__((warn_unused_result))

/* Run FN(&variable) when the variable goes out of scope. */
#define cleanup(fn) __attribute__((cleanup(fn)))

#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
