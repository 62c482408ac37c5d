/* SPDX-License-Identifier: ISC */
#include "sign/tsig.h"

#include "base/text.h"
#include "sign/digest.h"

#include <sodium.h>

#define RDATA_FIXED  16 /* all but algorithm name, MAC and other data */
#define TIME_SIZE    6
#define MAC_LEAST    10 /* bytes, of a MAC that was cut (RFC 8945 section 5.2.2.1) */
#define ARCOUNT_AT   10
#define KEY_TEXT_MAX (4 * (TSIG_SECRET_MAX / 3 + 1))

/* RFC 8945 section 3, in the rdata's error field. */
enum { BADSIG = 16, BADKEY = 17, BADTIME = 18, BADTRUNC = 22 };

static const struct {
	const char *text;
	enum digest digest;
	uint8_t size; /* of the MAC */
} algorithms[TSIG_ALGORITHMS] = {
	[TSIG_SHA256] = {"hmac-sha256", DIGEST_SHA256, 32},
	[TSIG_SHA384] = {"hmac-sha384", DIGEST_SHA384, 48},
	[TSIG_SHA512] = {"hmac-sha512", DIGEST_SHA512, 64},
	[TSIG_SHA224] = {"hmac-sha224", DIGEST_SHA224, 28},
	[TSIG_SHA1] = {"hmac-sha1", DIGEST_SHA1, 20},
};

/* A TSIG record taken apart (RFC 8945 section 4.2). */
struct tsig {
	struct wire_name algorithm;
	int64_t time; /* seconds */
	uint16_t fudge, id, error;
	struct bytes mac, other; /* borrowed */
};

/* ---- keys ---- */

const char *tsig_algorithm_text(enum tsig_algorithm a)
{
	return (unsigned)a < TSIG_ALGORITHMS ? algorithms[a].text : "";
}

enum tsig_algorithm tsig_algorithm_parse(struct bytes in)
{
	unsigned a = 0;

	while (a < TSIG_ALGORITHMS && !bytes_is(in, algorithms[a].text))
		a++;
	return (enum tsig_algorithm)a;
}

static struct wire_name algorithm_name(enum tsig_algorithm a)
{
	struct wire_name w = {0};

	/* One label, which fits. */
	if (wire_name_parse(&w, bytes_str(algorithms[a].text)) != 0)
		w.n = 0;
	return w;
}

/* Padded base64 is the unpadded base64url of text.h but for two characters and the padding. */
static int decode(struct bytes in, struct buf *out)
{
	struct buf text = BUF_INIT(KEY_TEXT_MAX);
	size_t padding = 0;
	int r;

	while (padding < 2 && in.n > padding && in.p[in.n - 1 - padding] == '=')
		padding++;
	if (in.n == 0 || in.n % 4 || in.n > KEY_TEXT_MAX || memchr(in.p, '-', in.n) ||
	    memchr(in.p, '_', in.n))
		return TSIG_E_FIELD;
	for (size_t i = 0; i < in.n - padding; i++)
		buf_putc(&text, in.p[i] == '+' ? '-' : in.p[i] == '/' ? '_' : in.p[i]);
	r = buf_status(&text);
	if (r == 0)
		r = text_from_b64url(buf_bytes(&text), out);
	buf_done(&text);
	return r > 0 || r == -ENOBUFS ? TSIG_E_FIELD : r;
}

int tsig_key_init(struct tsig_key *key, struct bytes name, enum tsig_algorithm a,
		  struct bytes secret)
{
	struct tsig_key k = {.algorithm = a, .secret = BUF_INIT(TSIG_SECRET_MAX)};
	int r;

	if ((unsigned)a >= TSIG_ALGORITHMS || wire_name_parse(&k.name, name) != 0)
		return TSIG_E_FIELD;
	r = decode(secret, &k.secret);
	if (r == 0 && k.secret.n == 0)
		r = TSIG_E_FIELD;
	if (r) {
		buf_done(&k.secret);
		return r;
	}
	*key = k;
	return 0;
}

void tsig_key_done(struct tsig_key *key)
{
	buf_done(&key->secret);
}

/* ---- the MAC ---- */

static void put_time(struct buf *b, int64_t seconds)
{
	buf_put_be16(b, (uint16_t)(seconds >> 32));
	buf_put_be32(b, (uint32_t)seconds);
}

/* The variables of a TSIG record that are signed (RFC 8945 section 4.3.3). */
static void put_variables(struct buf *b, const struct tsig_key *key, const struct tsig *t)
{
	buf_put_bytes(b, wire_name_bytes(&key->name));
	buf_put_be16(b, DNS_CLASS_ANY);
	buf_put_be32(b, 0);
	buf_put_bytes(b, wire_name_bytes(&t->algorithm));
	put_time(b, t->time);
	buf_put_be16(b, t->fudge);
	buf_put_be16(b, t->error);
	buf_put_be16(b, (uint16_t)t->other.n);
	buf_put_bytes(b, t->other);
}

/* The MAC of what was put into INPUT. 0 or -errno. */
static int compute(struct buf *input, const struct tsig_key *key, struct tsig_mac *mac)
{
	int r = buf_status(input);

	if (r == 0)
		r = digest_hmac(algorithms[key->algorithm].digest, buf_bytes(&key->secret),
				buf_bytes(input), mac->p);
	mac->n = digest_size(algorithms[key->algorithm].digest);
	return r;
}

/* ---- signed ---- */

static void set_be16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static void put_record(struct buf *b, const struct tsig_key *key, const struct tsig *t)
{
	buf_put_bytes(b, wire_name_bytes(&key->name));
	buf_put_be16(b, DNS_TYPE_TSIG);
	buf_put_be16(b, DNS_CLASS_ANY);
	buf_put_be32(b, 0);
	buf_put_be16(b, (uint16_t)(t->algorithm.n + RDATA_FIXED + t->mac.n + t->other.n));
	buf_put_bytes(b, wire_name_bytes(&t->algorithm));
	put_time(b, t->time);
	buf_put_be16(b, t->fudge);
	buf_put_be16(b, (uint16_t)t->mac.n);
	buf_put_bytes(b, t->mac);
	buf_put_be16(b, t->id);
	buf_put_be16(b, t->error);
	buf_put_be16(b, (uint16_t)t->other.n);
	buf_put_bytes(b, t->other);
}

int tsig_sign(struct buf *message, const struct tsig_key *key, int64_t now, struct tsig_mac *mac)
{
	struct tsig t = {
		.algorithm = algorithm_name(key->algorithm), .time = now, .fudge = TSIG_FUDGE};
	struct buf input = BUF_INIT(MESSAGE_MAX + 1024);
	struct tsig_mac m;
	struct message parsed;
	int r;

	if (buf_status(message) < 0)
		return buf_status(message);
	if (message_parse(&parsed, buf_bytes(message)) != 0 || parsed.counts[DNS_ADDITIONAL] != 0)
		return -EINVAL;
	buf_put_bytes(&input, buf_bytes(message));
	put_variables(&input, key, &t);
	r = compute(&input, key, &m);
	buf_done(&input);
	if (r < 0)
		return r;
	t.mac = bytes_of(m.p, m.n);
	t.id = parsed.id;
	put_record(message, key, &t);
	if (buf_status(message) < 0 || message->n > MESSAGE_MAX)
		return buf_status(message) < 0 ? buf_status(message) : -ENOBUFS;
	set_be16(message->p + ARCOUNT_AT, 1);
	*mac = m;
	return 0;
}

/* ---- verified ---- */

static int read_record(struct bytes message, const struct rr *rr, struct tsig *t)
{
	struct bytes in = bytes_of(message.p, rr->at + rr->n);
	size_t at = rr->at, n;
	const unsigned char *p;

	if (rr->class != DNS_CLASS_ANY || rr->ttl != 0 ||
	    wire_name_read(&t->algorithm, in, &at) != 0 || in.n < at + RDATA_FIXED)
		return TSIG_E_BROKEN;
	p = in.p + at;
	t->time = (int64_t)wire_be16(p) << 32 | wire_be32(p + 2);
	t->fudge = wire_be16(p + TIME_SIZE);
	n = wire_be16(p + TIME_SIZE + 2);
	if (in.n - at - RDATA_FIXED < n)
		return TSIG_E_BROKEN;
	t->mac = bytes_of(p + TIME_SIZE + 4, n);
	p += TIME_SIZE + 4 + n;
	t->id = wire_be16(p);
	t->error = wire_be16(p + 2);
	t->other = bytes_of(p + 6, wire_be16(p + 4));
	return in.n - at - RDATA_FIXED - n == t->other.n ? 0 : TSIG_E_BROKEN;
}

/* The TSIG record, which is the last of all and the only one, begins at *BEGIN. */
static int find_record(const struct message *m, struct rr *rr, size_t *begin)
{
	size_t count = 0, total = (size_t)m->counts[1] + m->counts[2] + m->counts[3];
	struct rr_cursor c = {0};

	for (size_t at = m->records; message_next(m, &c, rr); at = c.at) {
		count += rr->type == DNS_TYPE_TSIG;
		*begin = at;
		if (rr->type == DNS_TYPE_TSIG &&
		    (c.taken != total || rr->section != DNS_ADDITIONAL))
			return TSIG_E_BROKEN;
	}
	return count ? 0 : TSIG_E_UNSIGNED;
}

/* What the error field says of a request. */
static int outcome(uint16_t error)
{
	switch (error) {
	case 0:
		return 0;
	case BADSIG:
		return TSIG_E_BADSIG;
	case BADKEY:
		return TSIG_E_BADKEY;
	case BADTIME:
		return TSIG_E_BADTIME;
	case BADTRUNC:
		return TSIG_E_BADTRUNC;
	default:
		return TSIG_E_BROKEN;
	}
}

/* INPUT is what the server signed but for the record's variables. */
static int check_mac(struct buf *input, const struct rr *rr, const struct tsig_key *key,
		     const struct tsig *t)
{
	struct wire_name algorithm = algorithm_name(key->algorithm);
	struct tsig_mac wanted;
	int r;

	if (!wire_name_eq(&rr->owner, &key->name) || !wire_name_eq(&t->algorithm, &algorithm))
		return TSIG_E_FORGED;
	put_variables(input, key, t);
	r = compute(input, key, &wanted);
	if (r < 0)
		return r;
	if (t->mac.n > wanted.n || t->mac.n < MAC_LEAST || t->mac.n < wanted.n / 2 ||
	    sodium_memcmp(t->mac.p, wanted.p, t->mac.n) != 0)
		return TSIG_E_FORGED;
	return 0;
}

/* After the MAC was found right. */
static int check_time(const struct tsig *t, int64_t now, int64_t *server_time)
{
	int64_t away = now > t->time ? now - t->time : t->time - now;
	const unsigned char *p = t->other.p;

	if (t->error == BADTIME) {
		if (t->other.n != TIME_SIZE)
			return TSIG_E_BROKEN;
		*server_time = (int64_t)wire_be16(p) << 32 | wire_be32(p + 2);
	} else if (t->error == 0 && away > t->fudge) {
		*server_time = t->time;
		return TSIG_E_BADTIME;
	}
	return outcome(t->error);
}

static void put_signed(struct buf *input, const struct tsig_mac *mac, struct bytes message,
		       size_t begin, const struct message *m, uint16_t id)
{
	buf_put_be16(input, (uint16_t)mac->n);
	buf_put(input, mac->p, mac->n);
	buf_put_be16(input, id);
	buf_put(input, message.p + 2, ARCOUNT_AT - 2);
	buf_put_be16(input, (uint16_t)(m->counts[DNS_ADDITIONAL] - 1));
	buf_put(input, message.p + MESSAGE_HEAD, begin - MESSAGE_HEAD);
}

int tsig_verify(struct buf *message, const struct tsig_key *key, const struct tsig_mac *mac,
		int64_t now, int64_t *server_time)
{
	struct buf input = BUF_INIT(2 * (size_t)MESSAGE_MAX + 1024);
	struct message m;
	struct tsig t;
	struct rr rr;
	size_t begin = 0;
	int r;

	if (message_parse(&m, buf_bytes(message)) != 0)
		return TSIG_E_BROKEN;
	r = find_record(&m, &rr, &begin);
	if (r == 0)
		r = read_record(m.bytes, &rr, &t);
	if (r)
		return r;
	if (t.mac.n == 0)
		return m.rcode == DNS_NOTAUTH && (t.error == BADSIG || t.error == BADKEY)
			       ? outcome(t.error)
			       : TSIG_E_UNSIGNED;
	put_signed(&input, mac, m.bytes, begin, &m, t.id);
	r = check_mac(&input, &rr, key, &t);
	buf_done(&input);
	if (r == 0)
		r = check_time(&t, now, server_time);
	if (r)
		return r;
	buf_truncate(message, begin);
	set_be16(message->p, t.id);
	set_be16(message->p + ARCOUNT_AT, (uint16_t)(m.counts[DNS_ADDITIONAL] - 1));
	return 0;
}
