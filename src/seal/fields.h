/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * What stands inside a handle: a version byte, a kind byte, then fields {number, be32 length,
 * bytes} in ascending order of their numbers: all of its kind, each once, and no others.
 */
#include "seal/handle.h"

#define HANDLE_VERSION 1

/* Written into handles, which live for years: never renumber one, never use a number again. */
enum field_number {
	FIELD_KEY_ID = 1,
	FIELD_CUSTOMER = 2,
	FIELD_INTEGRATION = 3, /* the integration's id */
	FIELD_PROVIDER = 4,
	FIELD_CREATED = 5,
	/* of an integration */
	FIELD_EXPIRES = 6,
	FIELD_ZONES = 7,
	FIELD_POLICY = 8,
	FIELD_CREDENTIALS = 9,
	/* of a record */
	FIELD_ZONE = 16,
	FIELD_ZONE_ID = 17,
	FIELD_FQDN = 18,
	FIELD_TYPE = 19,
	FIELD_VALUE = 20,
	FIELD_MODE = 21,
	FIELD_RECORD_ID = 22,
	FIELD_FOUND = 23,
	FIELD_LOG_INDEX = 24,
	FIELD_LEAF = 25,
	/* of a setup, which has FIELD_INTEGRATION (its own id) to FIELD_EXPIRES too */
	FIELD_WAY = 32,
	FIELD_STATE = 33,
	FIELD_VERIFIER = 34,
	FIELD_REDIRECT_URI = 35,
	FIELD_EXTERNAL_ID = 36,
};

/* Is every field within its limit (handle.h)? */
bool fields_fit_integration(const struct integration *in);
bool fields_fit_record(const struct record *in);
bool fields_fit_setup(const struct setup *in);

/* Append the fields, without padding. KEY_ID is repeated inside. Failures are OUT's. */
void fields_put_integration(struct buf *out, const unsigned char key_id[KEY_ID_BYTES],
			    const struct integration *in);
void fields_put_record(struct buf *out, const unsigned char key_id[KEY_ID_BYTES],
		       const struct record *in);
void fields_put_setup(struct buf *out, const unsigned char key_id[KEY_ID_BYTES],
		      const struct setup *in);

/*
 * Read and check everything: it was sealed by us, and is checked all the same. CUSTOMER and KEY_ID
 * must be those inside. *OUT borrows from IN. 0 or HANDLE_E_INVALID.
 */
int fields_get_integration(struct bytes in, const unsigned char key_id[KEY_ID_BYTES],
			   struct bytes customer, struct integration *out) must_check;
int fields_get_record(struct bytes in, const unsigned char key_id[KEY_ID_BYTES],
		      struct bytes customer, struct record *out) must_check;
int fields_get_setup(struct bytes in, const unsigned char key_id[KEY_ID_BYTES],
		     struct bytes customer, struct setup *out) must_check;
