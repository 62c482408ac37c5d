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
	/* What stands before this line need not be there any more: begin at the first checkpoint that covers as many. */
	uint64_t from;
	/* Is told what is to be known of a good log too: numbers that are void, lines that had no checkpoint once. */
	void (*note)(void *arg, const char *text);
	void *note_arg;
	/* NULL, or is told with each line how many bytes were read so far. */
	void (*progress)(void *arg, uint64_t bytes);
	void *progress_arg;

	/* out */
	bool good;
	uint64_t bad,
		bad_to; /* the first number that is not as it was signed; or it is one of BAD to BAD_TO */
	char why[VERIFY_WHY_MAX]; /* when it is not good */
	uint64_t size;		  /* lines, void ones included */
	uint64_t covered;	  /* of them, those that the last checkpoint covers */
	uint64_t checkpoints;	  /* how many there are */
	uint64_t started;	  /* the first line that was looked at */
	uint64_t voids, gaps;
	uint64_t torn; /* bytes at the end that are no line yet: being written, or cut by a crash */
};

/* The log as it is when the call begins; it may be in use. 0, whatever comes of it; or -errno, -EMEDIUMTYPE when one of its files is none. */
int log_verify(int dirfd, struct verify *v) must_check;

/* The checkpoint of SIZE lines, if V has signed one. 0, VERIFY_E_NONE, or -errno. */
enum { VERIFY_E_NONE = 1 };
int log_find_checkpoint(int dirfd, const struct note_verifier *v, size_t n, uint64_t size,
			struct tree_hash *root) must_check;

/*
 * The hashes of RANGES, into OUT; and the root of the first SIZE lines. 0; -ERANGE when the log has less; or -errno.
 */
int log_hashes(int dirfd, const struct tree_ranges *ranges, uint64_t size, struct tree_hash *out,
	       struct tree_hash *root) must_check;
