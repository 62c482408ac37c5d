/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What postern-counted writes and allocations.py reads: a file of one struct roles_counted, in the working directory, that each process of the gateway maps when it starts. allocations.py
 * has the same structs once more.
 */
#include "count.h"

#define ROLES_COUNTED_FILE "allocations.counts"

#define COUNTED_PROCESSES 32
#define COUNTED_SITES	  1024 /* of one process */
#define COUNTED_FRAMES	  20

struct counted_frame {
	uint64_t offset; /* in the object's file */
	char object[24]; /* the file's name, cut off */
	char symbol[48]; /* the nearest that the object exports, cut off; "": none */
};

/* Whence allocations came. The reader zeroes them all while nothing happens. */
struct counted_site {
	uint64_t hash; /* of the addresses; 0: not used */
	uint64_t count, bytes, frames;
	struct counted_frame frame[COUNTED_FRAMES]; /* the innermost first */
};

struct counted_process {
	char name[32]; /* as ps shows it */
	uint64_t pid;
	struct counts counts;
	uint64_t sites_lost; /* allocations from sites that there was no room for */
	struct counted_site site[COUNTED_SITES];
};

struct roles_counted {
	uint64_t processes; /* that have a place */
	struct counted_process process[COUNTED_PROCESSES];
};
