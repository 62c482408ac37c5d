/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The records that Postern writes: their types, modes and values, and the presentation forms
 * (RFC 1035 section 5.1, RFC 8659 for CAA) in which providers want them.
 */
#include "base/buf.h"
#include "dns/name.h"

enum rr_type { RR_NONE, RR_TXT, RR_CAA, RR_CNAME, RR_NS, RR_TYPES };
enum record_mode { MODE_COEXIST, MODE_REPLACE, RECORD_MODES };

#define RECORD_VALUE_MAX 2048 /* bytes of a value as the API takes it */
#define RECORD_TTL_MAX	 86400u

enum {
	DNS_E_VALUE = 1, /* not a value of this type */
};

/* "TXT", "CAA", "CNAME", "NS"; "" for anything else. */
const char *rr_type_text(enum rr_type t);
/* A type's name in upper case, whether or not it is one of ours. */
bool rr_type_is_name(struct bytes in);
/* Exact upper-case match; RR_NONE when it is none of ours. */
enum rr_type rr_type_parse(struct bytes in);
const char *record_mode_text(enum record_mode m); /* "coexist", "replace" */
/* RECORD_MODES when it is neither. */
enum record_mode record_mode_parse(struct bytes in);

/* A CAA record taken apart: `flags tag "value"`. */
struct caa {
	uint8_t flags;
	char tag[16];	    /* 1 to 15 lower-case letters and digits (RFC 8659 section 4.1) */
	struct bytes value; /* borrowed; what stands between the quotes */
};

/*
 * Parse CAA presentation: flags 0–255, a tag, a value in quotes or a bare word; printable ASCII, no
 * quotes or backslashes inside. 0 or DNS_E_VALUE.
 */
int caa_parse(struct caa *out, struct bytes in) must_check;
void caa_put(struct buf *b, const struct caa *caa); /* `0 issue "ca.example"` */

/*
 * Check a value as the API takes it and append its one canonical form, which is what handles and the log
 * hold and what values are compared by: TXT as it is (1–2048 bytes, no NUL); CAA as caa_put writes it; CNAME
 * and NS as the canonical name. Returns 0, DNS_E_VALUE, or OUT's failure.
 */
int record_value_canonical(enum rr_type t, struct bytes in, struct buf *out) must_check;

/*
 * The presentation content of a canonical value. TXT becomes quoted strings of at most 255 bytes with a space
 * between them; `"` and `\` get a backslash, bytes outside 0x20–0x7e become \DDD. CNAME and NS end in a dot.
 */
void record_value_present(enum rr_type t, struct bytes canonical, struct buf *out);

/*
 * The reverse, lenient in what providers send: TXT as quoted strings (joined, escapes undone) or, when it does not
 * begin with a quote, as bare text; names in any case, with or without the dot; CAA likewise. Appends the
 * canonical value. Returns 0, DNS_E_VALUE when it cannot be one of ours, or OUT's failure.
 */
int record_value_from_presentation(enum rr_type t, struct bytes content,
				   struct buf *out) must_check;

/* Does provider content CONTENT denote the canonical value VALUE? False when it cannot be read. */
bool record_value_matches(enum rr_type t, struct bytes content, struct bytes value);
