/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Handles (docs/handles.md): sealed boxes that the backend keeps and only Postern opens. Pure: the caller brings
 * the nonce. Nothing here says why a handle does not open; there is only HANDLE_E_INVALID.
 */
#include "dns/record.h"
#include "policy/policy.h"
#include "seal/kdf.h"

#define ROOT_KEY_BYTES	     32
#define KEY_ID_BYTES	     4
#define NONCE_BYTES	     24
#define INTEGRATION_ID_BYTES 16
#define LEAF_HASH_BYTES	     32
#define KEYRING_MAX	     16

#define CUSTOMER_MAX	       128
#define PROVIDER_NAME_MAX      32
#define CREDENTIALS_MAX	       (16 * 1024)
#define CREDENTIAL_FIELDS_MAX  16
#define HANDLE_ZONES_MAX       64
#define PROVIDER_RECORD_ID_MAX 1024
#define INTEGRATION_HANDLE_MAX (24 * 1024) /* bytes of text */
#define RECORD_HANDLE_MAX      (8 * 1024)  /* bytes of text */
#define SETUP_HANDLE_MAX       (4 * 1024)  /* bytes of text */
#define SETUP_STATE_BYTES      32
#define REDIRECT_URI_MAX       2048
#define SETUP_VERIFIER_MIN     43 /* RFC 7636 section 4.1 */
#define SETUP_VERIFIER_MAX     128
#define EXTERNAL_ID_MAX	       128

enum handle_kind { HANDLE_INTEGRATION, HANDLE_RECORD, HANDLE_SETUP, HANDLE_KINDS };

enum {
	HANDLE_E_INVALID = 1,  /* does not open, for whatever reason */
	HANDLE_E_NO_KEY = 2,   /* sealing: the keyring has no active key */
	HANDLE_E_TOO_LONG = 3, /* sealing: a field, or the whole, is over its limit */
};

enum root_key_state { KEY_ACTIVE, KEY_OPEN_ONLY };

struct root_key {
	unsigned char id[KEY_ID_BYTES];
	enum root_key_state state;
	unsigned char prk
		[HKDF_PRK_BYTES]; /* HKDF-Extract of the key itself, which is needed for nothing else */
};

/* Holds secrets: lives in locked memory, is wiped when done with. The first active key seals. */
struct keyring {
	size_t n;
	struct root_key keys[KEYRING_MAX];
};

/* What a key is known by: in every handle, in the log, in the metrics. It says nothing of the key. */
void root_key_id(unsigned char id[KEY_ID_BYTES], const unsigned char secret[ROOT_KEY_BYTES]);

/*
 * Add a root key; its id is derived from it by HKDF (info "postern/v1/key-id"). Returns 0; -ENOSPC when full; -EINVAL
 * for an all-zero key; -EEXIST when a key with the same id is there.
 */
int keyring_add(struct keyring *ring, const unsigned char secret[ROOT_KEY_BYTES],
		enum root_key_state state) must_check;
void keyring_wipe(struct keyring *ring);

/* What an integration handle holds. The bytes are borrowed: from the caller when sealing, from PLAIN when opening. */
struct integration {
	unsigned char id[INTEGRATION_ID_BYTES];
	unsigned char key_id
		[KEY_ID_BYTES]; /* of the root key that it opened with; sealing does not look */
	struct bytes provider;
	struct bytes customer; /* empty: none */
	struct bytes zones;    /* plist of canonical names; empty: all */
	enum policy_profile policy;
	int64_t created;	  /* seconds since 1970 */
	int64_t expires;	  /* 0: never */
	struct bytes credentials; /* plist of pairs: field, value */
};

struct record {
	unsigned char integration[INTEGRATION_ID_BYTES];
	unsigned char key_id
		[KEY_ID_BYTES]; /* of the root key that it opened with; sealing does not look */
	struct bytes customer;
	struct bytes provider;
	struct bytes zone; /* canonical name */
	struct bytes zone_id;
	struct bytes fqdn; /* canonical name */
	enum rr_type type;
	struct bytes value; /* canonical */
	enum record_mode mode;
	struct bytes provider_id; /* empty for record sets */
	bool found;		  /* it was there already: Postern did not make it */
	int64_t created;
	uint64_t log_index; /* of the intent */
	unsigned char leaf[LEAF_HASH_BYTES];
};

/* How the customer gives access (the category of credentials): written into handles. */
enum setup_way { SETUP_OAUTH, SETUP_DELEGATED, SETUP_WAYS };

/*
 * What must hold between begin_integration and make_integration. It has all fields of its way, and
 * none of the other's. The bytes are borrowed, as an integration's are.
 */
struct setup {
	unsigned char id[INTEGRATION_ID_BYTES];
	unsigned char key_id
		[KEY_ID_BYTES]; /* of the root key that it opened with; sealing does not look */
	struct bytes customer;
	struct bytes provider;
	enum setup_way way;
	int64_t created; /* seconds since 1970 */
	int64_t expires;
	/* SETUP_OAUTH (RFC 6749, RFC 7636) */
	struct bytes state;	   /* SETUP_STATE_BYTES, random */
	struct bytes verifier;	   /* PKCE's, printable */
	struct bytes redirect_uri; /* printable */
	/* SETUP_DELEGATED */
	struct bytes external_id; /* printable */
};

/* What the text says of itself without a key: `postern inspect` offline. */
struct handle_head {
	enum handle_kind kind;
	unsigned char key_id[KEY_ID_BYTES];
};
/* 0, HANDLE_E_INVALID, or -errno. */
int handle_peek(struct bytes text, struct handle_head *out) must_check;

/*
 * Seal under the ring's first active key. Appends the text to OUT. 0, HANDLE_E_NO_KEY, HANDLE_E_TOO_LONG, or -errno:
 * -EINVAL for what would never open again (a name that is not canonical or not in its zone, a broken list,
 * a setup of both ways or of none).
 */
int integration_seal(const struct keyring *ring, const unsigned char nonce[NONCE_BYTES],
		     const struct integration *in, struct buf *out) must_check;
int record_seal(const struct keyring *ring, const unsigned char nonce[NONCE_BYTES],
		const struct record *in, struct buf *out) must_check;
int setup_seal(const struct keyring *ring, const unsigned char nonce[NONCE_BYTES],
	       const struct setup *in, struct buf *out) must_check;

/*
 * Open with the customer that the caller names. PLAIN takes the plaintext and *OUT points into it; the caller ends with
 * buf_done(PLAIN), which wipes. 0, HANDLE_E_INVALID, or -errno. On anything but 0 PLAIN is empty.
 */
int integration_open(const struct keyring *ring, struct bytes text, struct bytes customer,
		     struct buf *plain, struct integration *out) must_check;
int record_open(const struct keyring *ring, struct bytes text, struct bytes customer,
		struct buf *plain, struct record *out) must_check;
int setup_open(const struct keyring *ring, struct bytes text, struct bytes customer,
	       struct buf *plain, struct setup *out) must_check;
