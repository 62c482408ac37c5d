/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * Signed notes (https://c2sp.org/signed-note) with Ed25519, and the checkpoints of a log in them (https://c2sp.org/tlog-checkpoint). Pure.
 *
 * A note is a text that ends in a newline, an empty line, and signature lines: "— NAME BASE64(ID[4] ‖ signature)". ID is the first four bytes of SHA-256(NAME ‖ "\n" ‖ 0x01 ‖ public key).
 */
#include "audit/tree.h"

#define NOTE_NAME_MAX	    128 /* bytes of a key's name, which is also the log's origin */
#define NOTE_MAX	    4096
#define NOTE_SIGNATURES_MAX 16
#define NOTE_SEED_BYTES	    32
#define NOTE_PUBLIC_BYTES   32

enum {
	NOTE_E_BAD = 1,	   /* no signed note, no checkpoint, no key */
	NOTE_E_NONE = 2,   /* no signature is of a known key */
	NOTE_E_FORGED = 3, /* one that says so is not */
};

/* Whose signatures are believed. */
struct note_verifier {
	char name[NOTE_NAME_MAX + 1];
	unsigned char id[4];
	unsigned char public[NOTE_PUBLIC_BYTES];
};
/* Who signs. SEED is the secret. */
struct note_signer {
	struct note_verifier verifier;
	unsigned char seed[NOTE_SEED_BYTES];
};

/* May it be a key's name: not empty, no spaces, no plus, printable ASCII? */
bool note_name_valid(struct bytes name);
/* From a name that is valid, and a seed. */
void note_signer_init(struct note_signer *s, struct bytes name,
		      const unsigned char seed[NOTE_SEED_BYTES]);
/* Append "NAME+ID+BASE64(0x01 ‖ public key)", as verifiers are handed around. */
void note_put_verifier(struct buf *b, const struct note_verifier *v);
/* The reverse. 0 or NOTE_E_BAD. */
int note_parse_verifier(struct note_verifier *out, struct bytes text) must_check;

/* Append the note that TEXT, which ends in a newline, becomes with the signatures of N. */
void note_sign(struct buf *out, struct bytes text, const struct note_signer *s, size_t n);
/*
 * *TEXT: what is signed, borrowed from NOTE. Signatures of unknown keys are passed over. 0, NOTE_E_BAD, NOTE_E_NONE, NOTE_E_FORGED.
 */
int note_open(struct bytes note, const struct note_verifier *v, size_t n,
	      struct bytes *text) must_check;

struct checkpoint {
	struct bytes origin; /* borrowed */
	uint64_t size;
	struct tree_hash root;
};
/* Append the text of a checkpoint. */
void checkpoint_put(struct buf *b, const struct checkpoint *c);
/* 0 or NOTE_E_BAD. Lines behind the root are passed over. */
int checkpoint_parse(struct checkpoint *out, struct bytes text) must_check;
