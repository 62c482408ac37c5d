/* SPDX-License-Identifier: ISC */
#pragma once

/*
 * The pieces of a DNS message on the wire (RFC 1035 sections 3 and 4.1.4): names and rdata. What is
 * read came from elsewhere and may be anything; what is written is never compressed.
 */
#include "dns/record.h"

#define WIRE_HEAD                                                                                  \
	12 /* bytes of a message before the first name can stand (RFC 1035 section 4.1.1) */

#define WIRE_NAME_MAX 255 /* bytes, lengths and root label included */

/* Numbers from IANA's registry "Domain Name System (DNS) Parameters". */
enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_TSIG = 250,
	DNS_TYPE_CAA = 257,
};

enum dns_class { DNS_CLASS_IN = 1, DNS_CLASS_NONE = 254, DNS_CLASS_ANY = 255 };

/* The number of a type of ours; 0 for RR_NONE. */
uint16_t wire_type(enum rr_type t);
/* RR_NONE when it is none of ours. */
enum rr_type wire_type_parse(uint16_t number);

/*
 * A name as on the wire: length and bytes of each label, and the root's 0 at the end. Letters are
 * in lower case, so equal names are equal bytes (RFC 4343). Labels may hold any byte.
 */
struct wire_name {
	uint8_t n; /* 1 to 255 */
	unsigned char p[WIRE_NAME_MAX];
};

void wire_name_of(struct wire_name *out, const struct dns_name *name);
/*
 * From text: labels of letters, digits, '-' and '_' (hosts and keys; one label will do), a trailing
 * dot or none. Laxer than dns_name_parse(), for what is not the name of a record. 0 or DNS_E_NAME.
 */
int wire_name_parse(struct wire_name *out, struct bytes text) must_check;
/*
 * Read a name at *AT and move *AT behind it. A pointer must lead to before where the run of labels
 * that it ends began, so that there can be no loop; and behind the message's header. 0 or DNS_E_NAME: broken, over 255 bytes, or over 127 pointers: a message has room for thousands of names, and
 * whoever made it could have each of them walk through thousands.
 */
int wire_name_read(struct wire_name *out, struct bytes message, size_t *at) must_check;
/* As one of our names. 0 or DNS_E_NAME when it is none that we accept. */
int wire_name_get(const struct wire_name *w, struct dns_name *out) must_check;
bool wire_name_eq(const struct wire_name *a, const struct wire_name *b);
bool wire_name_is(const struct wire_name *w, const struct dns_name *name);

static inline struct bytes wire_name_bytes(const struct wire_name *w)
{
	return bytes_of(w->p, w->n);
}

/* Big-endian numbers at P, which has as many bytes. */
static inline uint16_t wire_be16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_be32(const unsigned char *p)
{
	return (uint32_t)wire_be16(p) << 16 | wire_be16(p + 2);
}

/*
 * Append the rdata of a canonical value (dns/record.h): TXT in strings of 255 bytes and one with
 * the rest (RFC 1035 section 3.3.14), CAA (RFC 8659 section 4.1), CNAME and NS as a name. Returns
 * 0, DNS_E_VALUE when it is not canonical, or OUT's failure.
 */
int rdata_put(struct buf *out, enum rr_type t, struct bytes value) must_check;
/*
 * Append the canonical value of the N bytes of rdata at AT in MESSAGE: TXT strings joined, however
 * they were cut. Returns 0, DNS_E_VALUE when it is broken or none of our values, or OUT's failure.
 */
int rdata_get(struct buf *out, enum rr_type t, struct bytes message, size_t at,
	      size_t n) must_check;
