/* SPDX-License-Identifier: ISC */
/* What a configuration, and the files that it names, mean for production. */
#include "cli/doctor.h"

#include "base/text.h"

#include <stdio.h>

#define DAY	   86400
#define MEBIBYTE   (1024 * 1024)
#define TLS_DAYS   14
#define CRL_DAYS   2
#define ROOM_FAIL  (64ull * MEBIBYTE)	/* minutes, where much is done */
#define ROOM_WARN  (1024ull * MEBIBYTE) /* some million lines */
#define NAMES_SHOW 5

/* ---- keys ---- */

static void put_id(struct buf *b, const unsigned char secret[ROOT_KEY_BYTES])
{
	unsigned char id[KEY_ID_BYTES];

	root_key_id(id, secret);
	text_put_hex(b, bytes_of(id, sizeof(id)));
}

/* Which key seals, and which only open. */
static void list_keys(struct report *r, const struct config *c)
{
	struct buf b cleanup(buf_done) = BUF_INIT(WHAT_MAX);
	bool seals = false;
	size_t active = 0;

	for (size_t i = 0; i < c->n_keys; i++) {
		bool is_active = c->keys[i].state == KEY_ACTIVE;

		buf_puts(&b, i ? ", " : "");
		put_id(&b, c->keys[i].secret);
		buf_puts(&b, !is_active ? " opens only" : seals ? " opens" : " seals and opens");
		seals = seals || is_active;
		active += is_active;
	}
	buf_putc(&b, 0);
	if (buf_status(&b) == 0)
		report(r, GRADE_OK, "keys", NULL, "%s", (const char *)b.p);
	if (active > 1)
		report(r, GRADE_NOTE, "keys",
		       "Have the others be open-only: then nobody wonders which one seals.",
		       "%zu keys are active, and the first of them seals", active);
}

void judge_way(struct report *r, const char *subject, const struct place *p)
{
	if (p->path && p->open[0])
		report(r, GRADE_FAIL, subject, "chmod go-w, and chown root, that directory.",
		       "%s: others may write to %s", p->path, p->open);
}

static void judge_root_keys(struct report *r, const struct config_facts *f)
{
	const struct place *plain = NULL;

	list_keys(r, f->config);
	for (size_t i = 0; i < f->config->n_keys; i++) {
		judge_way(r, "keys", &f->keys[i]);
		if (f->keys[i].path && !f->keys[i].error && f->keys[i].on != ON_MEMORY)
			plain = plain ? plain : &f->keys[i];
	}
	if (plain)
		report(r, GRADE_NOTE, "keys",
		       "An encrypted credential of systemd's does not (docs/keys.md).",
		       "%s lies there in clear: a copy of the disk has it", plain->path);
	report(r, GRADE_NOTE, "keys",
	       "Keep two copies elsewhere, and try the restore (docs/keys.md).",
	       "without a copy of the root key a lost disk loses every handle");
}

/* ---- the log ---- */

static void judge_checkpoints(struct report *r, const struct config_facts *f)
{
	const struct config *c = f->config;

	if (!c->n_checkpoint_keys) {
		report(r, GRADE_WARN, "log", "Set audit.origin and audit.checkpoint_keys.",
		       "no checkpoints: who can write its files can change it unnoticed");
		return;
	}
	report(r, GRADE_OK, "log", NULL, "signed as %s, by %zu key%s", c->origin,
	       c->n_checkpoint_keys, c->n_checkpoint_keys > 1 ? "s" : "");
	for (size_t i = 0; i < c->n_checkpoint_keys; i++)
		judge_way(r, "log", &f->checkpoint_keys[i]);
	for (size_t i = 0; i < c->n_checkpoint_keys; i++) {
		const struct place *p = &f->checkpoint_keys[i];

		if (!p->path || p->error || p->device != f->audit.device)
			continue;
		report(r, GRADE_NOTE, "log",
		       "Keep a checkpoint elsewhere each day: `postern audit checkpoint`.",
		       "%s is on the log's own disk: who takes that can sign another log", p->path);
		break;
	}
}

static bool judge_owner(struct report *r, const struct place *p, const struct config *c)
{
	uint32_t scribe = c->uid_base + PROC_SCRIBE;
	bool good = true;

	if (p->mode & 022) {
		report(r, GRADE_FAIL, "log", "chmod 700 it.", "%s: others may write to it",
		       p->path);
		good = false;
	} else if (p->mode & 055) {
		report(r, GRADE_NOTE, "log",
		       "chmod 700 it; it has customers and domain names, and no secrets.",
		       "%s: others may read it", p->path);
	}
	if (p->uid != 0 && p->uid != scribe)
		report(r, GRADE_NOTE, "log",
		       "As it should be, where the gateway is started as that user.",
		       "%s belongs to uid %u", p->path, p->uid);
	return good;
}

static void judge_disk(struct report *r, const struct config_facts *f)
{
	const struct place *p = &f->audit;

	if (p->on == ON_MEMORY)
		report(r, GRADE_WARN, "log", "Put it on a disk.",
		       "%s lies in memory: the log does not survive the machine's", p->path);
	else if (p->on == ON_OVERLAY)
		report(r, GRADE_WARN, "log", "Mount a volume there.",
		       "%s belongs to a container's image: the log goes with the container",
		       p->path);
	else if (p->on == ON_NETWORK)
		report(r, GRADE_NOTE, "log", "A disk of the machine's own is surer, and faster.",
		       "%s is on a network: its server must keep locks and syncs", p->path);
	else if (p->device == f->root.device && !f->root.error)
		report(r, GRADE_NOTE, "log",
		       "With a file system of its own, no other program can fill it.",
		       "%s is on the root file system; when that is full, changes stop", p->path);
}

static void judge_room(struct report *r, const struct place *p)
{
	unsigned long long left = p->free / MEBIBYTE;

	if (p->read_only)
		report(r, GRADE_FAIL, "log", "Mount it read-write.",
		       "%s: the file system is read-only", p->path);
	else if (p->free < ROOM_FAIL)
		report(r, GRADE_FAIL, "log", "Make room, or move old segments away.",
		       "%s: %llu MiB are left; when it is full, changes stop", p->path, left);
	else if (p->free < ROOM_WARN)
		report(r, GRADE_WARN, "log", "Make room, or move old segments away.",
		       "%s: %llu MiB are left; it only grows", p->path, left);
	else
		report(r, GRADE_OK, "log", NULL, "%s: %llu MiB are left", p->path, left);
}

static void judge_log(struct report *r, const struct config_facts *f)
{
	const struct place *p = &f->audit;

	judge_checkpoints(r, f);
	judge_way(r, "log", p);
	if (p->error == -ENOENT) {
		report(r, GRADE_NOTE, "log", "It is made at the first start; then ask again.",
		       "%s is not there yet", p->path);
	} else if (p->error) {
		report(r, GRADE_FAIL, "log", NULL, "%s: %s", p->path, strerror(-p->error));
	} else if (judge_owner(r, p, f->config)) {
		judge_disk(r, f);
		judge_room(r, p);
	}
}

/* ---- listening ---- */

/* A certificate of days may have a few left: of a long life two weeks, of a short one a quarter. */
static bool runs_out(int64_t from, int64_t until, int64_t now, int64_t days)
{
	int64_t quarter = (until - from) / 4, left = days * DAY;

	if (from && quarter < left)
		left = quarter;
	return until - now <= left;
}

struct how_long {
	char text[32];
};

/* "13 days", "47 hours". */
static struct how_long how_long(int64_t seconds)
{
	bool days = seconds >= 2 * DAY;
	struct how_long l;

	snprintf(l.text, sizeof(l.text), "%lld %s", (long long)seconds / (days ? DAY : 3600),
		 days ? "days" : "hours");
	return l;
}

static void judge_certificate(struct report *r, const struct tls_look *t, int64_t now)
{
	static const char todo[] = "Put a new one there, then `kill -HUP` the gateway.";

	if (t->until <= now)
		report(r, GRADE_FAIL, "tls", todo, "the certificate has expired");
	else if (t->from > now)
		report(r, GRADE_FAIL, "tls", "Is the clock right?",
		       "the certificate does not hold yet");
	else if (runs_out(t->from, t->until, now, TLS_DAYS))
		report(r, GRADE_WARN, "tls", todo, "the certificate expires in %s",
		       how_long(t->until - now).text);
	else
		report(r, GRADE_OK, "tls", NULL, "%s; %s left; %u in the chain",
		       t->names[0] ? t->names : "a certificate", how_long(t->until - now).text,
		       t->chain);
	if (!t->names[0])
		report(r, GRADE_WARN, "tls", "Have one made with a subjectAltName.",
		       "the certificate names no host: clients will not take it");
	if (!t->ordered)
		report(r, GRADE_WARN, "tls",
		       "The server's own first, then each that issued the one before.",
		       "the certificates do not make a chain: some clients will not take it");
}

static void judge_client_authorities(struct report *r, const struct tls_look *t, int64_t now)
{
	if (t->ca_until && t->ca_until <= now)
		report(r, GRADE_FAIL, "tls", "Renew tls.client_ca.",
		       "an authority for clients has expired: theirs are not taken");
	else if (t->ca_until && runs_out(0, t->ca_until, now, TLS_DAYS))
		report(r, GRADE_WARN, "tls", "Renew tls.client_ca.",
		       "an authority for clients expires in %s", how_long(t->ca_until - now).text);
	if (t->crl_until && t->crl_until <= now)
		report(r, GRADE_FAIL, "tls", "Fetch a new one for tls.client_crl.",
		       "a list of revoked certificates is out of date: none is taken");
	else if (t->crl_until && runs_out(0, t->crl_until, now, CRL_DAYS))
		report(r, GRADE_WARN, "tls", "Fetch a new one for tls.client_crl.",
		       "a list of revoked certificates is out of date in %s",
		       how_long(t->crl_until - now).text);
}

static void judge_listening(struct report *r, const struct config_facts *f)
{
	if (!f->has_tls) {
		report(r, GRADE_OK, "tls", NULL,
		       "none, and none needed: it listens on this machine alone");
		return;
	}
	judge_way(r, "tls", &f->tls_key);
	if (f->tls_error) {
		report(r, GRADE_WARN, "tls", NULL, "the certificate cannot be looked at: %s",
		       strerror(-f->tls_error));
		return;
	}
	judge_certificate(r, &f->tls, f->now);
	judge_client_authorities(r, &f->tls, f->now);
}

/* ---- callers ---- */

/* The callers that FITS says yes to, "a, b..."; how many. */
static size_t name_callers(const struct config *c, char out[256],
			   bool (*fits)(const struct config *c, size_t caller))
{
	size_t n = 0, at = 0;

	out[0] = 0;
	for (size_t i = 0; i < c->n_callers; i++) {
		if (!fits(c, i))
			continue;
		if (n < NAMES_SHOW && at + strlen(c->callers[i].name) + 8 < 256)
			at += (size_t)snprintf(out + at, 256 - at, "%s%s", n ? ", " : "",
					       c->callers[i].name);
		else if (n == NAMES_SHOW)
			snprintf(out + at, 256 - at, "...");
		n++;
	}
	return n;
}

static bool may_everything(const struct config *c, size_t i)
{
	return c->callers[i].verbs == VERBS_ALL;
}

static bool has_no_brake(const struct config *c, size_t i)
{
	return !c->callers[i].limits.rate || !c->callers[i].limits.zones;
}

static size_t count_identities(const struct config *c, size_t caller, unsigned kinds)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_identities; i++)
		n += c->identities[i].caller == caller && (kinds & 1u << c->identities[i].kind);
	return n;
}

static bool has_several_tokens(const struct config *c, size_t i)
{
	return count_identities(c, i, 1u << IDENTITY_TOKEN) > 1;
}

/* None of its identities can be shown where this listens. */
static bool cannot_call(const struct config *c, size_t i)
{
	unsigned shown = 1u << IDENTITY_TOKEN;

	if (c->unix_socket)
		shown |= 1u << IDENTITY_UID;
	if (c->tls.parts[TLS_PART_client_ca].n)
		shown |= 1u << IDENTITY_SPKI | 1u << IDENTITY_DNS | 1u << IDENTITY_URI;
	return count_identities(c, i, shown) == 0;
}

static void judge_callers(struct report *r, const struct config_facts *f)
{
	const struct config *c = f->config;
	char names[256];

	judge_way(r, "callers", &f->callers);
	if (!c->n_callers)
		report(r, GRADE_FAIL, "callers", "`postern keygen --token NAME` makes one.",
		       "there are none: nobody can call");
	if (name_callers(c, names, cannot_call))
		report(r, GRADE_WARN, "callers",
		       "uid: needs unix_socket; dns:, uri: and spki: need tls.client_ca.",
		       "cannot call, as nothing listens for their identities: %s", names);
	if (name_callers(c, names, has_no_brake))
		report(r, GRADE_WARN, "callers", "Give each a rate= and zones= that it needs.",
		       "no limit holds for: %s", names);
	if (name_callers(c, names, may_everything))
		report(r, GRADE_NOTE, "callers",
		       "An issuer needs get_zones, add_record and remove_record only.",
		       "may do everything: %s", names);
	if (name_callers(c, names, has_several_tokens))
		report(r, GRADE_NOTE, "callers",
		       "Take the old one away when the new one is in use.",
		       "more than one token holds for: %s", names);
	if (!c->integration_limits.rate)
		report(r, GRADE_WARN, "handles", "Set limits.integration_rate.",
		       "one integration can be used without limit");
	if (!c->denied_file)
		report(r, GRADE_NOTE, "handles",
		       "With `denied`, an empty file, a stolen handle is one line and a SIGHUP.",
		       "there is no deny list");
}

/* ---- policy, providers ---- */

static void judge_policy(struct report *r, const struct config *c)
{
	bool plain = false;

	for (size_t i = 0; i < c->self_hosted.n; i++)
		plain = plain || c->self_hosted.rules[i].plain_http;
	if (c->policy_loosest == POLICY_ARTICLE)
		report(r, GRADE_NOTE, "policy", "guarded refuses more that no certificate needs.",
		       "policy.loosest is article");
	if (c->standing_authority)
		report(r, GRADE_NOTE, "policy", "Switch it off when nobody uses it.",
		       "records may let an authority issue for ever (standing_authority)");
	if (plain)
		report(r, GRADE_NOTE, "policy", "Only over networks that nobody else listens on.",
		       "credentials may travel in clear (self_hosted.plain_http)");
}

void judge_config(struct report *r, const struct config_facts *f)
{
	judge_way(r, "configuration", &f->config_file);
	judge_root_keys(r, f);
	judge_log(r, f);
	judge_listening(r, f);
	judge_callers(r, f);
	judge_httpreq(r, f);
	judge_policy(r, f->config);
	if (!f->ca_readable)
		report(r, GRADE_FAIL, "providers", "Install ca-certificates, or set ca_file.",
		       "%s cannot be read: no provider can be reached over HTTPS",
		       f->config->ca_file);
}
