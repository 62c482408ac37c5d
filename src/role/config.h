/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What the operator decided: postern.conf(5), the callers file, the root keys. Read by the supervisor (and `postern check-config`), before any
 * process that meets the network exists.
 */
#include "egress/address.h"
#include "ipc/edges.h"
#include "store/store.h"
#include "tls/server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define CONFIG_KEYS_MAX	      KEYRING_MAX
#define CONFIG_CALLERS_MAX    IPC_CALLERS_MAX
#define CONFIG_IDENTITIES_MAX 1024
#define CONFIG_LISTEN_MAX     8
#define CONFIG_PROVIDERS_MAX  32
#define CONFIG_ERROR_MAX      512

/* What holds where the file says nothing. systemd leaves uids from 1879048192 up to nobody (systemd.io/UIDS-GIDS). */
#define CONFIG_CONNECTIONS 10000
#define CONFIG_CALLS	   10000
#define CONFIG_UID_BASE	   1900000000

/* How many calls, and how many zones: 0 is no limit. */
struct config_limits {
	uint32_t rate, burst; /* calls a second, and at once after a rest */
	uint32_t in_flight;   /* calls under way */
	uint32_t zones;	      /* different ones an hour that changes are made in */
};

struct config_caller {
	char name[IPC_CALLER_MAX + 1];
	uint32_t verbs;		     /* bit 1 << enum verb */
	uint64_t providers;	     /* bit 1 << its place in providers[] */
	enum policy_profile loosest; /* policy's, where that is tighter */
	struct config_limits limits;
};

/* One of a caller's: it may have several, while one takes another's place. */
struct config_identity {
	size_t caller; /* its place in CALLERS */
	enum identity_kind kind;
	unsigned char id[IDENTITY_BYTES];
};

struct config_key {
	char *source; /* where it was read from; NULL in dev mode */
	enum root_key_state state;
	unsigned char secret[ROOT_KEY_BYTES];
};

struct config_listen {
	struct sockaddr_storage address; /* IPv4 or IPv6; loopback where there is no TLS */
	socklen_t length;
	bool tls;
};

/* As PEM. Wiped with the rest. */
struct config_tls {
	struct buf parts[TLS_PART_COUNT];
	char *sources[TLS_PART_COUNT]; /* where they were read from; NULL: not said */
	bool require;		       /* no connection without a client's certificate */
};

/* What the gateway has of its own at a provider: plists of pairs. Names that begin with a dot are addresses of it: ".base", ".login", ".authorize". */
struct config_provider {
	const struct provider *provider;
	struct buf open, secret;
};

/* A name of httpreq's: what it stands for, and who may use it. */
struct config_httpreq {
	char name[IPC_CALLER_MAX + 1];
	char *source; /* where the handle was read from */
	struct buf handle;
	char customer[CUSTOMER_MAX + 1]; /* "": none */
	struct buf zones;		 /* plist of canonical names; empty: the handle's own */
	struct buf caller_names;	 /* plist; and by their places in the list: */
	unsigned char callers[IPC_CALLERS_MAX / 8]; /* see FIELDS_s_httpreq */
	/* "a, b": those whom the callers file does not have. They may nothing: whoever takes a caller away must not be refused for what is said of it elsewhere. */
	struct buf unknown;
};

/* Long tables, of which mostly little is in use: what is not takes no memory. */
struct config_tables {
	struct config_caller callers[CONFIG_CALLERS_MAX];
	struct config_identity identities[CONFIG_IDENTITIES_MAX];
	struct config_httpreq httpreq[HTTPREQ_MAX];
};

/* Lies in sodium_malloc() memory, for the keys' sake, but for the tables. */
struct config {
	struct config_tables *tables;
	struct config_listen listen[CONFIG_LISTEN_MAX];
	size_t listens;
	struct config_tls tls;
	char *unix_socket; /* NULL: none */
	char *audit_dir;
	char *ca_file;
	char *callers_file, *denied_file; /* NULL in dev mode; NULL: there is none */
	struct config_key keys[CONFIG_KEYS_MAX];
	size_t n_keys;
	struct config_caller *callers; /* TABLES' */
	size_t n_callers;
	struct config_identity *identities; /* TABLES' */
	size_t n_identities;
	struct config_httpreq *httpreq; /* TABLES' */
	size_t n_httpreq;
	enum policy_profile policy_loosest, policy_default;
	bool standing_authority;
	struct buf targets, authorities; /* plists of canonical names */
	struct address_rules
		self_hosted; /* addresses a self-hosted provider may have beyond the public ones */
	struct config_provider providers[CONFIG_PROVIDERS_MAX];
	size_t n_providers;
	struct address_rules chosen; /* of the addresses in PROVIDERS */
	struct buf resolver_servers; /* "address:port,…" in place of resolv.conf's; empty: those */
	struct address_rules resolver_allow; /* beyond the public ones that it may ask */
	uint64_t segment_bytes, segment_seconds;
	char origin[NOTE_NAME_MAX + 1]; /* the log's name in its checkpoints; "": none are made */
	unsigned char checkpoint_seeds[STORE_SIGNERS_MAX][NOTE_SEED_BYTES];
	char *checkpoint_sources[STORE_SIGNERS_MAX]; /* where they were read from */
	size_t n_checkpoint_keys;
	uint32_t connections_max, calls_max, call_seconds, drain_seconds;
	struct config_limits caller_limits;	 /* of those whose line says nothing else */
	struct config_limits integration_limits; /* ZONES is not used */
	struct buf denied;	/* ids of integrations that are called off, sorted, each once */
	bool log_json;		/* lines on standard error as JSON */
	bool sandbox_required;	/* else what the kernel lacks is told, and done without */
	uint32_t uid_base;	/* started as root: process P runs as uid and gid uid_base + P */
	unsigned char hash[32]; /* SHA-256 of the config file, for the audit log */
};

enum { CONFIG_E_BAD = 1 };

/*
 * Read and check everything. ERR, of CONFIG_ERROR_MAX bytes, says what is wrong and where: "postern.conf:12: policy.default: no such profile"; it never
 * holds a secret. 0, CONFIG_E_BAD or -errno.
 */
int config_load(const char *path, struct config **out, char *err) must_check;

/*
 * `serve --dev`: no file; one TCP listener at LISTEN ("127.0.0.1:0" allowed), state below STATE_DIR (made when missing, 0700): the root key STATE_DIR/root.key
 * (made when missing), the log STATE_DIR/audit/. One caller "dev" with all verbs and a fresh token, whose text goes to TOKEN (TOKEN_TEXT_MAX bytes). Self-hosted
 * providers may be on loopback, plain HTTP too. All profiles allowed, guarded the default.
 */
#define TOKEN_TEXT_MAX 64
int config_dev(const char *listen, const char *state_dir, struct config **out, char *token,
	       char *err) must_check;

void config_free(struct config *c); /* wipes; NULL is fine */

/*
 * A root key: exactly ROOT_KEY_BYTES raw bytes, not all zero, from a SOURCE as config_read_secret() has them. 0; CONFIG_E_BAD with the reason in ERR.
 */
int config_read_key_from(const char *source, unsigned char secret[ROOT_KEY_BYTES],
			 char *err) must_check;
/* The same from a file, whose path may be relative. */
int config_read_key(const char *path, unsigned char secret[ROOT_KEY_BYTES], char *err) must_check;
/* Make one: O_EXCL, 0600, synced. */
int config_make_key(const char *path, char *err) must_check;
/* A fresh token "ptk1_" ‖ base64url(32 random bytes) and its SHA-256. */
void config_make_token(char text[TOKEN_TEXT_MAX], unsigned char sha256[32]);

/* The SHA-256 of a name, canonical, or of a URI, or of a public key: what an identity of that kind is known by. */
void identity_hash(struct bytes text, unsigned char id[IDENTITY_BYTES]);
/* Wiped, empty, and ready for more. */
void config_tls_reset(struct config_tls *t);
/* What T has, borrowed. */
struct tls_files config_tls_files(const struct config_tls *t);
