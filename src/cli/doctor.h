/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * `postern doctor`: what is missing for production. doctor_look.c finds out how things are, without a lock, a connection or a trace; doctor_config.c, doctor_httpreq.c and doctor_system.c judge them, and are
 * pure; doctor.c prints.
 */
#include "role/config.h"
#include "role/doctor.h"
#include "tls/look.h"

#define WHAT_MAX 1024

enum grade {
	GRADE_OK,
	GRADE_NOTE, /* advice: nobody but the operator can know whether it matters */
	GRADE_WARN, /* it works, and should not be left so */
	GRADE_FAIL, /* it does not work, or protects from nothing */
};

struct finding {
	enum grade grade;
	const char *subject; /* "keys" */
	const char *what;    /* printable ASCII */
	const char *todo;    /* NULL: nothing */
};

struct report {
	void (*tell)(void *arg, const struct finding *f);
	void *arg;
	enum grade worst;
};

/* Tell it, anything but printable ASCII as '?'. */
void report(struct report *r, enum grade grade, const char *subject, const char *todo,
	    const char *fmt, ...) printf_like(5, 6);

/* ---- how things are ---- */

enum place_on { ON_DISK, ON_MEMORY, ON_OVERLAY, ON_NETWORK };

/* A file or a directory, and what it lies on. */
struct place {
	const char *path; /* borrowed; NULL: there is none, and the rest is nothing */
	int error;	  /* 0, or -errno: it could not be looked at */
	uint32_t uid, mode;
	uint64_t device;
	enum place_on on;
	bool read_only;
	uint64_t free; /* bytes that are left there */
	char open
		[IPC_PATH_MAX]; /* the first directory above it where others may write, and so put another in its place; "": none */
};

/* A name of httpreq's. */
struct httpreq_facts {
	bool opens;	 /* its handle does, with the configuration's keys, for its customer */
	bool renews;	 /* the credential in it is renewed at the provider now and then */
	int64_t expires; /* seconds since 1970; 0: never */
};

struct config_facts {
	const struct config *config;
	struct place keys[CONFIG_KEYS_MAX]; /* no path where it is no file */
	struct place checkpoint_keys[STORE_SIGNERS_MAX];
	struct place tls_key, config_file, callers, audit, root;
	bool has_tls;
	int tls_error; /* 0, or -errno: it could not be looked at */
	struct tls_look tls;
	bool ca_readable;
	struct httpreq_facts httpreq[HTTPREQ_MAX];
	struct place handles; /* the first of their files that lies where others may write */
	int64_t now;	      /* seconds since 1970 */
};

#define UNIT_MAX 128

struct system_facts {
	uint64_t connections, calls; /* as they are configured */
	uint32_t uid_base;
	bool sandbox_required;
	const struct doctor_role *roles; /* by enum proc */

	/* The gateway that runs on the log, or else the one that this shell would start. */
	int pid;	     /* its scribe's; 0: none was seen */
	char unit[UNIT_MAX]; /* of systemd's, that it belongs to; "": none */
	bool no_swap;	     /* its memory is never swapped */
	uint32_t uid;	     /* the scribe's, or ours */
	uint64_t files_max;  /* descriptors that a process may have */
	uint64_t locked_max; /* bytes of memory that it may lock */

	unsigned swaps;		     /* areas that are neither encrypted nor in memory */
	int ptrace_scope;	     /* -1: the kernel has none */
	bool clock_known, clock_set; /* somebody keeps it right */
	bool sanitized;		     /* this is a build for tests */
};

/* CONFIG is whole but for what it cannot know itself. PATH: the configuration's. */
void look_at_config(struct config_facts *f, const struct config *config, const char *path);
/* AUDIT_DIR: NULL when nobody knows. */
void look_at_system(struct system_facts *f, const char *audit_dir);

/* ---- what that means ---- */

void judge_config(struct report *r, const struct config_facts *f);
/* A part of that. */
void judge_httpreq(struct report *r, const struct config_facts *f);
/* A file that others may put another in the place of. */
void judge_way(struct report *r, const char *subject, const struct place *p);
void judge_system(struct report *r, const struct system_facts *f);
