/* SPDX-License-Identifier: ISC */
#pragma once

/* Holds the log against its checkpoints, in one pass and little memory. */
#include "store/store.h"

#define VERIFY_WHY_MAX 200

/* Something that a line must be: what a receipt, or an earlier checkpoint, says. */
struct verify_receipt {
	bool given;
	uint64_t index;
	struct tree_hash leaf;
};

struct verify {
	/* in */
	const struct note_verifier *verifiers;
	size_t n_verifiers;
	struct verify_receipt receipt;
	bool has_since;
	struct checkpoint since; /* an older one, that was kept elsewhere */

	/* out */
	bool good;
	uint64_t bad,
		bad_to; /* the first number that is not as it was signed; or it is one of BAD to BAD_TO */
	char why[VERIFY_WHY_MAX]; /* when it is not good */
	uint64_t size;		  /* lines, void ones included */
	uint64_t covered;	  /* of them, those that the last checkpoint covers */
	uint64_t checkpoints;	  /* how many there are */
	uint64_t voids;
	bool torn; /* the last line is not whole: being written, or cut by a crash */
};

/* 0, whatever comes of it; or -errno. */
int log_verify(int dirfd, struct verify *v) must_check;

/*
 * The hashes of RANGES, into OUT; and the root of the first SIZE lines. 0; -ERANGE when the log has less; or -errno.
 */
int log_hashes(int dirfd, const struct tree_ranges *ranges, uint64_t size, struct tree_hash *out,
	       struct tree_hash *root) must_check;
