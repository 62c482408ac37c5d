/* SPDX-License-Identifier: ISC */
#pragma once

/* The file of checkpoints, one record after the other, as it was when it was opened. */
#include "base/buf.h"

struct records {
	int fd;		   /* -1: there is none */
	uint64_t at, size; /* what was read of the file; what is read of it at most */
	struct buf text;
	struct buf last; /* the record at hand */
};

/* A file that is not there has no record. 0; -errno, as log_open_file(). Either way records_done() it. */
int records_open(struct records *r, int dirfd) must_check;
/* The next record, to R->last. 1; 0: there is none; -errno. A last one that is not whole does not count: a crash cut it, or it is being written. */
int records_next(struct records *r) must_check;
void records_done(struct records *r);
