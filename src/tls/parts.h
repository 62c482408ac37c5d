/* SPDX-License-Identifier: ISC */
#pragma once

/* The parts of tls_files, for those who handle them one by one. */
#define TLS_PARTS(X) X(certificate) X(key) X(client_ca) X(client_crl)
enum tls_part {
#define X(name) TLS_PART_##name,
	TLS_PARTS(X)
#undef X
		TLS_PART_COUNT
};
