/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Inside the configuration. config.c: its life, dev mode, and what all share. config_file.c: the syntax of
 * postern.conf. config_values.c: its values. config_provider.c: its provider sections. config_callers.c: the callers file. config_httpreq.c: its httpreq sections. config_deny.c: the deny list. config_key.c: root keys and
 * tokens.
 */
#include "role/config.h"

#define CONFIG_FILE_MAX	   (1024 * 1024)
#define CONFIG_LIMIT_MAX   1000000
#define CONFIG_LIMIT_WORDS "must be none, or a number from 1 to 1000000"

/* Write a sentence to ERR, anything but printable ASCII as '?'. Returns CONFIG_E_BAD. */
int config_bad(char *err, const char *fmt, ...) printf_like(2, 3);

/*
 * Comments become spaces: libconfuse 3.3 counts the line of a # comment twice, and its errors would then name a line far
 * below the one at fault.
 */
void config_blank_comments(struct buf *text);

/* mkdir -p: what is missing is made for us alone. 0 or -errno. */
int config_make_dir(const char *path) must_check;

/* Empty, all zero but for the limits' defaults, in locked memory. 0, or -ENOMEM. */
int config_new(struct config **out, char *err) must_check;

/*
 * A whole text file that only we or root can change: regular, owned by one of us, not writable for
 * group or others. Never blocks. 0 or CONFIG_E_BAD.
 */
int config_read_text(const char *path, struct buf *out, char *err) must_check;

/* "127.0.0.1:8080", "[::1]:0": NULL, or a static sentence about what is wrong. */
const char *config_split_address(struct bytes text, struct ip *ip, uint16_t *port) must_check;
/* The same, to listen on: NULL, or a static sentence about what is wrong. Without TLS only loopback addresses will do. */
const char *config_add_listen(struct config *c, struct bytes text, bool tls) must_check;

/* ---- config_source.c ---- */

/*
 * A secret, whole: from a file (an absolute path; a regular file of root or of who runs this, without any permission for others, but that a file of root's may be the running group's to
 * read; symbolic links on the way of its last component are followed where they belong to one of the two), from a systemd credential (a name), or from an inherited descriptor ("fd:3"; one that can
 * seek can be read again at a reload). NULL, or a static sentence.
 */
const char *config_read_secret(struct bytes source, struct buf *out) must_check;
#define CONFIG_NO_CREDENTIALS "names a systemd credential, and there are none"
/* The same from a file, whose path may be relative. */
const char *config_read_secret_file(const char *path, struct buf *out) must_check;
#define CONFIG_SOURCE_WORDS                                                                        \
	"must be an absolute path, the name of a systemd credential, or fd:NUMBER"
/* Could it be one, by its looks? Else it is what the words above say. */
bool config_source_valid(struct bytes source);

/* ---- config_tls.c ---- */

/* NULL, or a static sentence about what is wrong with the value of "tls.KEY". */
const char *tls_take(struct config *c, const char *key, struct bytes value) must_check;
/* The section is whole. 0, or CONFIG_E_BAD with ERR "tls.KEY: …". */
int tls_check(const struct config *c, char *err) must_check;

/* ---- config_provider.c ---- */

/* A section that is being read. */
struct provider_draft {
	struct buf open, secret;
};
#define PROVIDER_DRAFT                                                                             \
	{                                                                                          \
		BUF_INIT(16 * 1024), BUF_INIT(16 * 1024)                                           \
	}
/* NULL, or a static sentence about what is wrong with the value of "provider.KEY". */
const char *provider_draft_take(struct provider_draft *d, const char *key,
				struct bytes value) must_check;
/* The section is whole, and NAME its title: into C. NULL, or what is wrong. */
const char *provider_draft_finish(struct provider_draft *d, const char *name,
				  struct config *c) must_check;
void provider_draft_done(struct provider_draft *d);

/* ---- config_httpreq.c ---- */

void httpreq_draft_init(struct config_httpreq *h);
void httpreq_draft_done(struct config_httpreq *h);
/* NULL, or a static sentence about what is wrong with the value of "httpreq.KEY". */
const char *httpreq_draft_take(struct config_httpreq *h, const char *key,
			       struct bytes value) must_check;
/* The section is whole, and NAME its title: into C. NULL, or what is wrong. */
const char *httpreq_draft_finish(struct config_httpreq *h, const char *name,
				 struct config *c) must_check;
/* C's callers are known: which are those that the sections name? 0 or CONFIG_E_BAD. */
int httpreq_find_callers(struct config *c, char *err) must_check;

/* ---- config_deny.c ---- */

/* Read the deny list into C. 0 or CONFIG_E_BAD. */
int deny_load(const char *path, struct config *c, char *err) must_check;

/* ---- config_callers.c ---- */

/* [a-z0-9_-]{1,64} */
bool caller_name_valid(struct bytes name);
/* "all", or verbs with commas between: 0 or CONFIG_E_BAD. */
int caller_verbs_parse(struct bytes text, uint32_t *verbs) must_check;
/* "none" (0), or a number up to CONFIG_LIMIT_MAX. */
bool config_limit_parse(struct bytes text, uint32_t *out) must_check;
/* Read the file into C, whose limits for callers are known. 0 or CONFIG_E_BAD. */
int callers_load(const char *path, struct config *c, char *err) must_check;

/* ---- config_values.c ---- */

/* postern.conf while it is read. */
struct reading {
	struct config *config;
	const char *path;
	char *err; /* the first error stays */
	bool bad;
	char why[CONFIG_ERROR_MAX];
	char *callers, *denied, *key_file; /* paths */
	enum root_key_state key_state;
	bool default_given, ended;
	const void *list;     /* the one that is being read, */
	unsigned items;	      /* so far */
	struct keyring *ring; /* finds keys that are there twice */
	struct provider_draft provider;
	struct config_httpreq httpreq;
};

/* A key of ours behind the last one, so that what is not closed is seen. */
#define SETTING_END "end_of_file"
/* NULL, or what is wrong with the value of the key NAME, "policy.default", which there must be. Good until the next call. */
const char *setting_take(struct reading *r, const char *name, struct bytes value) must_check;
