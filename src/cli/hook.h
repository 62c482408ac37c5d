/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * `postern hook`: what ACME clients call to have a challenge in DNS, and gone again. hook.c: how each client calls.
 * hook_settings.c: where the gateway is, and who we are to it. hook_gateway.c: asking it. hook_state.c: what is kept between
 * the calls. hook_record.c: adding, removing, waiting, sweeping.
 */
#include "cli/client.h"
#include "dns/name.h"

#define HOOK_CONFIG_FILE "/etc/postern/hook.conf"
#define HOOK_STATE_DIR	 "/var/lib/postern-hook"

/* ---- hook_settings.c ---- */

enum hook_setting {
	HOOK_URL,
	HOOK_CA_FILE,
	HOOK_TOKEN_FILE,
	HOOK_CERTIFICATE,
	HOOK_KEY,
	HOOK_HANDLE_FILE,
	HOOK_CUSTOMER,
	HOOK_STATE,
	HOOK_WAIT,
	HOOK_FOLLOW_CNAME,
	HOOK_SETTINGS
};

struct hook_settings {
	char *text[HOOK_SETTINGS]; /* owned; NULL: not said */
	unsigned wait;		   /* seconds */
	bool follow_cname;
};

/*
 * From the file at PATH (NULL: the environment's, or the default one where it is there), and from the environment, which has the
 * last word. An exit status, with a line on stderr when it is not CLI_OK.
 */
int hook_settings_load(struct hook_settings *out, const char *path) must_check;
void hook_settings_done(struct hook_settings *s);

/* ---- hook_state.c ---- */

#define HOOK_ID_MAX	 32 /* hex digits */
#define HOOK_HANDLES_MAX 8
#define HOOK_VALUE_MAX	 2048
#define HOOK_HANDLE_MAX	 (8 * 1024)

/* The directory: one file a record that is, or may be, in DNS because of us. */
struct hook_state {
	int dir;	  /* -1: not open */
	const char *path; /* borrowed */
};

/*
 * A record by who asked for it (handle_file, customer), name and value. Without a handle it is pending: it may be there, or not.
 * With several, the last is the newest: adding again gives one more, and the first may be the one that says that we made it.
 */
struct hook_entry {
	char id[HOOK_ID_MAX + 1]; /* the files are ID.json and ID.lock */
	int lock;		  /* -1: not held */
	struct dns_name name;
	struct buf value;
	struct buf handles; /* a plist */
	bool unsure; /* it may be ours, though all handles say that it was found: a try went unanswered */
};

#define HOOK_ENTRY_INIT                                                                            \
	((struct hook_entry){.lock = -1,                                                           \
			     .value = BUF_INIT(HOOK_VALUE_MAX),                                    \
			     .handles = BUF_INIT(HOOK_HANDLES_MAX * (HOOK_HANDLE_MAX + 4))})
/* Wiped, empty, and the lock let go. */
void hook_entry_done(struct hook_entry *e);

enum {
	HOOK_E_NONE = 1, /* there is no such file */
	HOOK_E_BAD,	 /* it is none of ours */
	HOOK_E_OTHERS,	 /* it belongs to another configuration */
	HOOK_E_BUSY,	 /* somebody holds the lock */
};

/* Make the directory when missing, and look at it. NULL, or a sentence. */
const char *hook_state_open(struct hook_state *s, const char *path) must_check;
void hook_state_done(struct hook_state *s);
/* Append the ids of all entries, and of what crashes have left of some. 0 or -errno. */
int hook_state_list(const struct hook_state *s, struct buf *ids) must_check;
/* Take the lock NAME of the directory, waiting for it or not. 0 with a descriptor to close; HOOK_E_BUSY; -errno. */
int hook_state_lock(const struct hook_state *s, const char *name, bool wait, int *lock) must_check;

/* Which record it is: NAME and VALUE are set already. */
void hook_entry_identify(struct hook_entry *e, const struct hook_settings *settings);
/* 0, HOOK_E_BUSY or -errno. */
int hook_entry_lock(const struct hook_state *s, struct hook_entry *e, bool wait) must_check;
/* Read what the file with E's id says. 0, HOOK_E_NONE, HOOK_E_BAD, HOOK_E_OTHERS or -errno. */
int hook_entry_load(const struct hook_state *s, const struct hook_settings *settings,
		    struct hook_entry *e) must_check;
/* When it was last written, microseconds since 1970. 0 or -errno. */
int hook_entry_time(const struct hook_state *s, const struct hook_entry *e,
		    int64_t *out) must_check;
/* Durable when this returns; a crash leaves the old or the new. The lock is held. 0 or -errno. */
int hook_entry_save(const struct hook_state *s, const struct hook_settings *settings,
		    const struct hook_entry *e) must_check;
/* The file, and the lock with it, which is let go. 0 or -errno. */
int hook_entry_remove(const struct hook_state *s, struct hook_entry *e) must_check;
/*
 * Write DATA as the file NAME in DIR: first as NAME with ".new" behind, which nobody else does at this moment, then in its place.
 * LIKE: whose owner and mode it gets; NULL: ours, 0600. 0 or -errno.
 */
struct stat;
int hook_replace_file(int dir, const char *name, struct bytes data,
		      const struct stat *like) must_check;

/* ---- hook_gateway.c ---- */

struct hook_gateway {
	const struct hook_settings *settings;
	const struct hook_state *state;
	struct client client;
	struct buf why; /* of the last answer that was no good, in words */
};

/* Read the token, and look at the key. An exit status, with a line on stderr. */
int hook_gateway_init(struct hook_gateway *g, const struct hook_settings *settings,
		      const struct hook_state *state) must_check;
void hook_gateway_done(struct hook_gateway *g);

struct hook_answer {
	json_t *json;	/* NULL: none, or not JSON */
	long status;	/* HTTP's; 0: none came */
	int curl_error; /* libcurl's; -1: it did not come so far */
	bool unsure; /* an earlier try, or this one, may have been done though it says otherwise */
};
void hook_answer_done(struct hook_answer *a);

/*
 * POST FIELDS, to which integration_handle and customer are added, to ENDPOINT. A fresh integration handle in the answer is stored.
 * CLI_OK for a 2xx of JSON; else CLI_FAILED, CLI_NOT_REACHED or CLI_USAGE, with WHY; nothing is printed.
 */
int hook_ask_once(struct hook_gateway *g, const char *endpoint, json_t *fields, long timeout_ms,
		  struct hook_answer *out) must_check;
/* The same; what passes by is tried again, for up to a minute. */
int hook_ask(struct hook_gateway *g, const char *endpoint, json_t *fields,
	     struct hook_answer *out) must_check;

/* Sleep for so many microseconds. */
void hook_pause(int64_t usec);

/* ---- hook_record.c ---- */

/* Each an exit status, with lines on stderr. */

/* Add the record; its entry's id is appended to IDS. */
int hook_add(struct hook_gateway *g, const struct dns_name *name, struct bytes value,
	     struct buf *ids) must_check;
/* Remove the record, if it was added. */
int hook_remove(struct hook_gateway *g, const struct dns_name *name, struct bytes value) must_check;
/* Append the ids of entries at NAME that were added a short time ago. No status: what cannot be read was not added now. */
void hook_find(struct hook_gateway *g, const struct dns_name *name, struct buf *ids);
/* Until the records of IDS are at all name servers, or the time is over: CLI_OK then too, with a warning. */
int hook_wait(struct hook_gateway *g, struct bytes ids) must_check;
/* Remove what was added before BEFORE, microseconds since 1970. */
int hook_sweep(struct hook_gateway *g, int64_t before) must_check;
