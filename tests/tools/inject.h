/* SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of inject share: a process that is traced, and what is to be done to it. */
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/user.h>

enum action { COUNT, FAIL, SHORT, KILL, END };

/* ---- inject_plan.c: what is armed ---- */

struct plan {
	bool armed, malloc, every;
	char process[32];
	bool calls[512];
	enum action action;
	bool after, onwards;
	int error; /* 0: as `failures` has it */
	unsigned long nth, seen, done;
	char last[32];
	long clock; /* seconds ahead */
};

extern struct plan plan;

void must(bool ok, const char *what);
void plan_init(void);
/* "arm PROCESS CALLS NTH ACTION" */
void plan_arm(const char *line);
/* Is that system call one of CALLS? */
bool plan_is_for(long nr);
/* One of them happens: is it its turn? */
bool plan_is_due(const char *name);
/* The errno that system call NR is to give. */
int plan_error(long nr);

/* ---- inject.c: processes ---- */

struct process {
	pid_t pid;
	char name[32];
	long nr; /* the system call that it is in; -1: none */
	uint64_t args[6];
	bool changed; /* its registers are to be put back */
	int error;    /* what the call shall give; 0: what it gives */
	bool kill_after;
	struct user_regs_struct regs; /* as they were */
	uint64_t libc;		      /* where it is; 0: not known */
	bool trapped;		      /* its malloc is watched */
};

/* P is the process that is armed, or one of all. */
bool is_meant(const struct process *p);
void get_regs(struct process *p, struct user_regs_struct *r);
void set_regs(struct process *p, const struct user_regs_struct *r);
uint64_t peek(struct process *p, uint64_t at);
void poke(struct process *p, uint64_t at, uint64_t word);

/* ---- inject_malloc.c: breakpoints in the C library's allocators ---- */

void trap_malloc(struct process *p, bool on);
/* True when P stopped in one: it failed, or was let through. */
bool at_allocator(struct process *p);

/* ---- inject_files.c: what would be there after a loss of power ---- */

/* P's fsync() or fdatasync() has worked; it has opened FD. */
void note_sync(const struct process *p);
void note_open(const struct process *p, long fd);
/* A line for each: "SIZE NAMED PATH". */
void list_files(FILE *out);
